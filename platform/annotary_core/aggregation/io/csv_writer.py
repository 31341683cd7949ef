"""Write aggregated labels as CSV: task,label,confidence,n, and for boxes task,x1,y1,x2,y2,label,confidence,n."""

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
from annotary_core.aggregation.io.encoding import Names, neutralize_formulas
from annotary_core.aggregation.objects.clustering import ObjectConsensus
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.box import Boxes

#: Rows converted to text at a time.
_ROWS = 100_000
_QUOTED = frozenset(',"\r\n')


def write_classes(result: Consensus, tasks: Names, labels: Names, out: TextIO) -> None:
    """Write one row per task, in task order. confidence: six decimals; n: number of workers who answered."""
    task, label = _cell_texts(tasks), _cell_texts(labels)
    out.write("task,label,confidence,n\n")
    for chunk in _chunks(len(result.task)):
        columns = (task[result.task[chunk]], label[result.label[chunk]], _formatted(result.confidence[chunk], 6))
        out.write(_joined_lines(*columns, _formatted(result.n[chunk], 0)))


def write_boxes(result: ObjectConsensus[Boxes], kept: BoolArray, tasks: Names, labels: Names, out: TextIO) -> None:
    """Write one row per kept box, in the order of the result. kept: shape (m,).

    confidence: probability that the box exists and has this label; n: number of workers who drew it.
    """
    task, label = _cell_texts(tasks), _cell_texts(labels)
    box, classes = result.geometry.box, result.classes
    confidence = result.existence * classes.confidence
    rows = np.flatnonzero(kept)
    # Hundredths of a pixel; six decimals if the corners are normalized to the image size.
    decimals = 2 if np.abs(box).max(initial=0.0) > 1 else 6
    out.write("task,x1,y1,x2,y2,label,confidence,n\n")
    for chunk in (rows[at] for at in _chunks(len(rows))):
        corners = [_formatted(box[chunk, corner], decimals) for corner in range(4)]
        columns = (task[result.task[chunk]], *corners, label[classes.label[chunk]], _formatted(confidence[chunk], 6))
        out.write(_joined_lines(*columns, _formatted(result.votes[chunk], 0)))


@contextmanager
def atomic_text_file(path: Path) -> Iterator[TextIO]:
    """Open a text file that appears at `path` only if the block succeeds. Compresses it if the name ends in .gz."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as raw:
            binary = gzip.GzipFile(path.name, "wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else raw
            with io.TextIOWrapper(binary, "utf-8", newline="") as out:
                yield out
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _chunks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, _ROWS):
        yield slice(start, start + _ROWS)


def _joined_lines(*columns: NDArray[np.object_]) -> str:
    return "\n".join(map(",".join, zip(*(column.tolist() for column in columns), strict=True))) + "\n"


def _cell_texts(names: Names) -> NDArray[np.object_]:
    return np.array([_quoted(name) for name in neutralize_formulas(names.texts())], object)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED & set(text) or text != text.strip() else text


def _formatted(values: FloatArray | IntArray, decimals: int) -> NDArray[np.object_]:
    """Format numbers as text. Few are distinct, so each distinct number is formatted once."""
    unique, index = np.unique(np.round(values, decimals) + 0.0, return_inverse=True)
    return np.array([f"{value:.{decimals}f}" for value in unique.tolist()], object)[index]
