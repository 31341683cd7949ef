"""Agreed labels as CSV: task,label,confidence,n, and for boxes task,x1,y1,x2,y2,label,confidence,n."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.base import Consensus
from annotary_core.aggregation.io.encoding import Names, neutral
from annotary_core.aggregation.objects.box_clustering import BoxConsensus
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Rows turned into text at a time.
_ROWS = 100_000
_QUOTED = frozenset(',"\r\n')


def write_classes(result: Consensus, tasks: Names, labels: Names, out: TextIO) -> None:
    """One row a task, in the order of the tasks; confidence with six decimals, n workers who answered."""
    task, label = _cells(tasks), _cells(labels)
    out.write("task,label,confidence,n\n")
    for part in _parts(len(result.task)):
        columns = (task[result.task[part]], label[result.label[part]], _figures(result.confidence[part], 6))
        out.write(_lines(*columns, _figures(result.n[part], 0)))


def write_boxes(found: BoxConsensus, kept: BoolArray, tasks: Names, labels: Names, out: TextIO) -> None:
    """One row a box that is kept, by task and place; kept: shape (m,).

    confidence: that the box exists and has this label; n: workers who drew it.
    """
    task, label = _cells(tasks), _cells(labels)
    sure = found.existence * found.classes.confidence
    rows = np.flatnonzero(kept)
    # Hundredths of a pixel, but not of a whole image, for those who write corners as shares of it.
    decimals = 2 if np.abs(found.box).max(initial=0.0) > 1 else 6
    out.write("task,x1,y1,x2,y2,label,confidence,n\n")
    for part in (rows[at] for at in _parts(len(rows))):
        corners = [_figures(found.box[part, at], decimals) for at in range(4)]
        columns = (task[found.task[part]], *corners, label[found.label[part]], _figures(sure[part], 6))
        out.write(_lines(*columns, _figures(found.votes[part], 0)))


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that stands at `path` when the block ends well, and not at all when it fails; .gz is packed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as raw:
            packed = gzip.GzipFile(path.name, "wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else raw
            with io.TextIOWrapper(packed, "utf-8", newline="") as out:
                yield out
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _parts(rows: int) -> Iterator[slice]:
    for at in range(0, rows, _ROWS):
        yield slice(at, at + _ROWS)


def _lines(*columns: NDArray[np.object_]) -> str:
    return "\n".join(map(",".join, zip(*(column.tolist() for column in columns), strict=True))) + "\n"


def _cells(names: Names) -> NDArray[np.object_]:
    return np.array([_quoted(name) for name in neutral(names.texts())], object)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED & set(text) or text != text.strip() else text


def _figures(values: FloatArray | IntArray, decimals: int) -> NDArray[np.object_]:
    """Numbers as text; few of them differ, so each is written once."""
    unique, index = np.unique(np.round(values, decimals) + 0.0, return_inverse=True)
    return np.array([f"{value:.{decimals}f}" for value in unique.tolist()], object)[index]
