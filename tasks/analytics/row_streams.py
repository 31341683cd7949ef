"""All answers or labels of a project, row by row: for files that are sent while they are read.

The rows of a file are those of one moment: PostgreSQL's cursor sees the snapshot of the query that opened it, whatever
is committed while it is read. Only a few thousand rows are in memory at a time.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Coalesce

from kernel.clock import rfc3339
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Hand
from tasks.consensus.models import ConsensusLabel

#: Rows that are read and sent at a time.
ROWS = 1000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowStream:
    """The query of a file's rows, its columns (names, in order, and the expressions that they are read from), and a
    function for what a row has in addition."""

    rows: QuerySet[Any]
    columns: dict[str, str]
    addition: Callable[[Row], Row]

    def chunks(self) -> Generator[list[Row], None, None]:
        """Opens a transaction, which lasts until the last chunk was taken or the iterator is closed."""
        # A generator, whatever its type says. The cursor must be closed before its transaction ends.
        found: Any = self.rows.values_list(*self.columns.values()).iterator(chunk_size=ROWS)
        with transaction.atomic(), closing(found):
            while chunk := list(islice(found, ROWS)):
                yield [self._row(values) for values in chunk]

    def _row(self, values: tuple[Any, ...]) -> Row:
        row = {name: _plain(value) for name, value in zip(self.columns, values, strict=True)}
        return row | self.addition(row)


ANSWER_COLUMNS = {
    "id": "public_id",
    "task": "task__public_id",
    "gold": "gold__public_id",
    "image": "image",
    "source_key": "source_key",
    "batch": "task__batch__number",
    "worker": "actor__public_id",
    "round": "assignment__round",
    "revision": "revision",
    "current": "is_current",
    "counts": "assignment__counts",
    "settled": "is_settled",
    "seconds": "seconds",
    "price": "assignment__price",
    "submitted_at": "created_at",
    "answer": "body",
}
LABEL_COLUMNS = {
    "task": "task__public_id",
    "image": "task__image__public_id",
    "source_key": "task__image__source_key",
    "batch": "task__batch__number",
    "state": "task__state",
    "version": "version",
    "label_hash": "content_hash",
    "method": "method",
    "confidence": "confidence",
    "verdict": "review__verdict",
    "by_policy": "review__by_policy",
    "created_at": "created_at",
    "answer": "body",
}


def answer_stream(*, project: Project, where: Q, gold: str = "exclude", all_revisions: bool = False) -> RowStream:
    """The answers of workers in the order of arrival, with pseudonyms. `gold`: "exclude", "include" or "only"."""
    rows = Annotation.objects.filter(where, project=project, source=Annotation.Source.WORKER)
    rows = rows if all_revisions else rows.filter(is_current=True)
    if gold == "exclude":
        rows = rows.filter(task__isnull=False)
        image: dict[str, Any] = {"image": F("task__image__public_id"), "source_key": F("task__image__source_key")}
    else:
        rows = rows.filter(gold__isnull=False) if gold == "only" else rows
        image = {
            "image": Coalesce("task__image__public_id", "gold__image__public_id"),
            "source_key": Coalesce("task__image__source_key", "gold__image__source_key"),
        }
    settled = Q(assignment__hand__state=Hand.State.SETTLED)
    rows = rows.annotate(**image, is_settled=settled).order_by("pk")
    return RowStream(rows, ANSWER_COLUMNS, lambda row: {"currency": project.currency})


def label_stream(*, project: Project, where: Q) -> RowStream:
    """The current labels in the order of the images, each with the verdict on it."""
    labels = ConsensusLabel.objects.filter(where, task__project=project, is_current=True)
    current = Q(reviews__is_current=True, reviews__annotation__isnull=True)
    rows = labels.annotate(review=FilteredRelation("reviews", condition=current))
    return RowStream(
        rows.order_by("task__image_id"),
        LABEL_COLUMNS,
        lambda row: {"evidence": f"/api/v1/tasks/{row['task']}/evidence/"},
    )


def _plain(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value
