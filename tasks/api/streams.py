"""All answers, or all labels, of a project as one file, JSON Lines or CSV, which is sent while it is read."""

import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import Q
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.models import Role
from annotary_core.aggregation.io.encoding import neutralize_formulas
from projects.models import Project
from tasks.analytics.row_streams import ANSWER_COLUMNS, LABEL_COLUMNS, Row, RowStream, answer_stream, label_stream
from tasks.api.access import View, may, project_of
from tasks.api.errors import ScopeMissing
from tasks.api.filters import Filter, by_id, conditions, created, has_class, one_of, prefix, times
from tasks.api.negotiation import OCTETS, as_negotiated, file_types
from tasks.api.operations import operation
from tasks.api.row_files import RowFile, csv_lines, csv_problem
from tasks.batching.models import Task
from tasks.repair.change_selectors import UNFINISHED, changes_state
from tasks.repair.errors import ClassChangeInProgress

JSON_LINES = ("application/x-ndjson", OCTETS)
CSV = ("text/csv", OCTETS)
#: Columns that CSV has in addition, from the answer: a spreadsheet does not read JSON.
FLAT_COLUMNS = ("answer_verdict", "class", "objects")
ANSWER_FIELDS = (*ANSWER_COLUMNS, "currency")
LABEL_FIELDS = (*LABEL_COLUMNS, "evidence")

ANSWER_FILTERS = [
    by_id("worker", "actor__public_id", what="a worker"),
    by_id("task", "task__public_id", what="a task"),
    by_id("image", "task__image__public_id", what="an image"),
    by_id("batch", "task__batch__public_id", what="a batch"),
    one_of("state", Task.State, "task__state", what="State of the task"),
    has_class(),
    prefix("task__image__source_key"),
    *times("submitted", "created_at", "Submitted"),
]
ANSWER_OPTIONS = [
    OpenApiParameter(
        "gold",
        str,
        enum=["exclude", "include", "only"],
        description="Answers to check images; excluded by default. The others need the scope `manage`",
    ),
    OpenApiParameter(
        "revisions", str, enum=["current", "all"], description="Also answers that the worker has changed since: `all`"
    ),
]
LABEL_FILTERS = [
    by_id("batch", "task__batch__public_id", what="a batch"),
    one_of("state", Task.State, "task__state", what="State of the task"),
    has_class(),
    Filter("method", "method", "Method that the label was made with, such as `blend`, `single` or `review`"),
    Filter("confidence_below", "confidence__lt", "Less certain than this, 0 to 1", kind=float),
    prefix("task__image__source_key"),
    *created(),
]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the rows of a file become bytes: its suffix, its types, its first line, a chunk of rows, and the last line
    of a file that is not complete."""

    suffix: str
    types: tuple[str, ...]
    head: Callable[[Iterable[str]], bytes]
    chunk: Callable[[list[Row], Iterable[str]], bytes]
    problem: Callable[[dict[str, Any], Iterable[str]], bytes]


def _content(stream: RowStream, encoding: Encoding, columns: Sequence[str]) -> RowFile:
    return RowFile(_chunks(stream, encoding, columns), lambda problem: encoding.problem(problem, columns))


def _chunks(stream: RowStream, encoding: Encoding, columns: Sequence[str]) -> Generator[bytes, None, None]:
    with closing(stream.chunks()) as chunks:
        first = next(chunks, [])
        yield encoding.head(columns) + encoding.chunk(first, columns)
        for rows in chunks:
            yield encoding.chunk(rows, columns)


def _json_lines(rows: list[Row], columns: Iterable[str]) -> bytes:
    return b"".join(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _json_problem(problem: dict[str, Any], columns: Iterable[str]) -> bytes:
    return orjson.dumps(problem, option=orjson.OPT_APPEND_NEWLINE)


def _csv_problem(problem: dict[str, Any], columns: Iterable[str]) -> bytes:
    return csv_problem(len((*columns, *FLAT_COLUMNS)))(problem)


def _csv_lines(rows: list[Row], columns: Iterable[str]) -> bytes:
    return csv_lines([*(_cell(row[name]) for name in columns), *_flat(row["answer"])] for row in rows)


def _flat(answer: dict[str, Any]) -> tuple[Any, ...]:
    return answer["verdict"], answer["image"]["class"], len(answer["objects"])


def _csv_head(columns: Iterable[str]) -> bytes:
    return csv_lines([[*columns, *FLAT_COLUMNS]])


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return neutralize_formulas([value])[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


LINES = Encoding("jsonl", JSON_LINES, lambda columns: b"", _json_lines, _json_problem)
TABLE = Encoding("csv", CSV, _csv_head, _csv_lines, _csv_problem)


class AnswerLinesView(View):
    produces = JSON_LINES

    @operation(
        filters=ANSWER_FILTERS,
        parameters=ANSWER_OPTIONS,
        responses=file_types(*JSON_LINES),
        summary="All answers of a project as JSON Lines",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> HttpResponseBase:
        """In the order of arrival, as of one moment; the fields are described in docs/api.md."""
        return _answers(request, project_id, LINES)


class AnswerTableView(View):
    produces = CSV

    @operation(
        filters=ANSWER_FILTERS,
        parameters=ANSWER_OPTIONS,
        responses=file_types(*CSV),
        summary="All answers of a project as CSV",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> HttpResponseBase:
        """In the order of arrival, as of one moment; the columns are described in docs/api.md."""
        return _answers(request, project_id, TABLE)


class LabelLinesView(View):
    produces = JSON_LINES

    @operation(
        filters=LABEL_FILTERS, responses=file_types(*JSON_LINES), summary="All labels of a project as JSON Lines"
    )
    def get(self, request: Request, project_id: uuid.UUID) -> HttpResponseBase:
        """In the order of the images, as of one moment; the fields are described in docs/api.md."""
        return _labels(request, project_id, LINES)


class LabelTableView(View):
    produces = CSV

    @operation(filters=LABEL_FILTERS, responses=file_types(*CSV), summary="All labels of a project as CSV")
    def get(self, request: Request, project_id: uuid.UUID) -> HttpResponseBase:
        """In the order of the images, as of one moment; the columns are described in docs/api.md."""
        return _labels(request, project_id, TABLE)


def _answers(request: Request, project_id: uuid.UUID, encoding: Encoding) -> HttpResponseBase:
    project = project_of(request, project_id, Role.MANAGER)
    gold = request.query_params.get("gold", "exclude")
    if gold != "exclude" and not may(request, project, Role.MANAGER, scope="manage"):
        raise ScopeMissing("Answers to check images need an API key with the scope “manage”.")
    stream = answer_stream(
        project=project,
        where=_where(request, ANSWER_FILTERS),
        gold=gold,
        all_revisions=request.query_params.get("revisions") == "all",
    )
    return _file(request, stream, encoding, name="answers", columns=ANSWER_FIELDS)


def _labels(request: Request, project_id: uuid.UUID, encoding: Encoding) -> HttpResponseBase:
    """Raises ClassChangeInProgress: the file has all labels as they were before a change of classes, or after it."""
    project = project_of(request, project_id, Role.REVIEWER)
    before = _settled_changes(project)
    stream = label_stream(project=project, where=_where(request, LABEL_FILTERS))
    response = _file(request, stream, encoding, name="labels", columns=LABEL_FIELDS)
    # The moment of the file is between the two looks.
    if changes_state(project_id=project.pk) != before:
        response.close()
        raise _in_progress()
    return response


def _settled_changes(project: Project) -> dict[int, str]:
    changes = changes_state(project_id=project.pk)
    if set(changes.values()) & set(UNFINISHED):
        raise _in_progress()
    return changes


def _in_progress() -> ClassChangeInProgress:
    error = ClassChangeInProgress("The classes are being changed right now. Read the labels once that has ended.")
    error.headers = {"Retry-After": "5"}
    return error


def _where(request: Request, filters: Iterable[Filter]) -> Q:
    asked = conditions(filters, request.query_params)
    return asked.indexed & (asked.examined or Q())


def _file(
    request: Request, stream: RowStream, encoding: Encoding, *, name: str, columns: Sequence[str]
) -> HttpResponseBase:
    response = StreamingHttpResponse(_content(stream, encoding, columns), content_type=encoding.types[0])
    response["Content-Disposition"] = f'attachment; filename="{name}.{encoding.suffix}"'
    response["Cache-Control"] = "private, no-store"
    return as_negotiated(request, response, encoding.types)
