"""All answers and labels of a project as one file: complete, of one moment, in constant memory, and who may read it."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from projects.models import Project
from tasks.analytics import row_streams
from tasks.annotation.models import Annotation
from tasks.api import row_files
from tasks.api.streams import ANSWER_FIELDS, FLAT_COLUMNS, LABEL_FIELDS
from tasks.consensus.services import update_labels
from tasks.ingest.models import Image
from tests import factories
from tests.api.api_fixtures import World
from tests.api.people import member, with_key
from tests.concurrency_helpers import together

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
PATHS = ("answers.jsonl", "answers.csv", "labels.jsonl", "labels.csv")


@pytest.fixture
def ada(db: None) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def project(db: None) -> Project:
    return factories.a_project(answers_min=1, answers_max=1, workers=[factories.finch(), factories.wren()])


def address(project: Project, name: str) -> str:
    return f"/api/v1/projects/{project.public_id}/{name}"


def lines(client: APIClient, project: Project, name: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(address(project, name), query)
    assert answer.status_code == 200, answer.getvalue() if answer.streaming else answer.content
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.getvalue().splitlines()]


def table(client: APIClient, project: Project, name: str, **query: Any) -> list[dict[str, str]]:
    answer = client.get(address(project, name), query)
    assert answer["Content-Type"] == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def answered(project: Project, name: str, number: int = 1) -> Annotation:
    task = factories.a_task(project, image=factories.an_image(project, name=name), wanted=1)
    answer = factories.an_answer(task, factories.finch(), factories.class_answer(number))
    update_labels(task_ids=[task.pk])
    return answer


def test_an_answer_has_its_ids_worker_revision_time_and_pay(ada: APIClient, project: Project) -> None:
    answer = answered(project, "cat.jpg")
    (row,) = lines(ada, project, "answers.jsonl")
    assert tuple(sorted(row)) == tuple(sorted(ANSWER_FIELDS))
    assert (row["id"], row["source_key"], row["revision"]) == (str(answer.public_id), "cat.jpg", 1)
    assert row["worker"] == str(factories.finch().public_id)
    assert (row["price"], row["currency"]) == ("0.020000", "USD")
    assert row["answer"] == answer.body
    assert row["submitted_at"].endswith("Z")
    (cells,) = table(ada, project, "answers.csv")
    assert tuple(cells) == (*ANSWER_FIELDS, *FLAT_COLUMNS)
    assert (cells["answer_verdict"], cells["class"], cells["objects"]) == ("labels", "1", "0")
    assert json.loads(cells["answer"]) == answer.body
    same = {name: "" if value is None else value for name, value in row.items() if name != "answer"}
    booleans = {name: str(value).lower() for name, value in same.items() if isinstance(value, bool)}
    assert {name: cells[name] for name in same} == {name: str(value) for name, value in (same | booleans).items()}


def test_a_label_has_its_state_version_confidence_verdict_and_evidence(ada: APIClient, project: Project) -> None:
    task = answered(project, "cat.jpg").task
    assert task is not None
    (row,) = lines(ada, project, "labels.jsonl")
    assert tuple(sorted(row)) == tuple(sorted(LABEL_FIELDS))
    assert (row["task"], row["state"], row["version"], row["verdict"]) == (str(task.public_id), "answered", 1, None)
    assert ada.get(row["evidence"]).json()["label"]["content_hash"] == row["label_hash"]
    review = {"label_hash": row["label_hash"], "verdict": "approve"}
    assert ada.post(f"/api/v1/tasks/{task.public_id}/review/", review).status_code == 200
    (approved,) = table(ada, project, "labels.csv")
    assert (approved["state"], approved["verdict"], approved["by_policy"]) == ("approved", "approve", "false")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "＝1"])
def test_a_spreadsheet_does_not_run_a_name(ada: APIClient, project: Project, name: str) -> None:
    answered(project, name)
    for file in ("answers.csv", "labels.csv"):
        assert [row["source_key"] for row in table(ada, project, file)] == [f"'{name}"]
    assert [row["source_key"] for row in lines(ada, project, "labels.jsonl")] == [name]


@pytest.mark.parametrize("name", ['a "b", c.jpg', "a\nb.jpg", "Caf\u00e9 \u2028.jpg"])
def test_a_name_stays_one_cell_and_one_line(ada: APIClient, project: Project, name: str) -> None:
    answered(project, name)
    body = ada.get(address(project, "labels.jsonl")).getvalue()
    assert body.count(b"\n") == 1
    assert [row["source_key"] for row in table(ada, project, "labels.csv")] == [name]


def test_only_current_answers_unless_all_revisions_are_asked_for(ada: APIClient, project: Project) -> None:
    answer = answered(project, "cat.jpg")
    some_revisions(answer, 3)
    assert [row["revision"] for row in lines(ada, project, "answers.jsonl")] == [1]
    assert [row["revision"] for row in lines(ada, project, "answers.jsonl", revisions="all")] == [1, 2, 3, 4]


def test_files_are_filtered_like_lists(ada: APIClient, project: Project) -> None:
    first = answered(project, "cam1/cat.jpg", 1)
    second = answered(project, "cam2/dog.jpg", 2)
    Annotation.objects.filter(pk=first.pk)
    assert second.task is not None
    for query in (
        {"prefix": "cam2/"},
        {"class": 2},
        {"task": second.task.public_id},
        {"image": second.task.image.public_id},
        {"submitted_after": second.created_at.isoformat()},
    ):
        assert [row["source_key"] for row in lines(ada, project, "answers.jsonl", **query)] == ["cam2/dog.jpg"], query
    before = (second.created_at + timedelta(microseconds=-1)).isoformat()
    assert [row["source_key"] for row in table(ada, project, "answers.csv", submitted_before=before)] == [
        "cam1/cat.jpg"
    ]
    assert lines(ada, project, "answers.jsonl", worker=factories.wren().public_id) == []
    assert [row["source_key"] for row in lines(ada, project, "labels.jsonl", **{"class": 1})] == ["cam1/cat.jpg"]
    assert ada.get(address(project, "answers.jsonl"), {"format": "csv"}).status_code == 400


def test_an_empty_file_has_its_head_alone(ada: APIClient, project: Project) -> None:
    assert ada.get(address(project, "answers.jsonl")).getvalue() == b""
    head = ada.get(address(project, "answers.csv")).getvalue().decode()
    assert head == ",".join((*ANSWER_FIELDS, *FLAT_COLUMNS)) + "\r\n"


def answer_gold(world: World) -> None:
    assignment = world.hand.assignments.get(gold=world.gold)
    wren = with_key(member("worker"))
    body = {"answer": {"image": {"class": 2}, "verdict": "labels"}}
    sent = wren.put(f"/api/v1/assignments/{assignment.public_id}/answer/", body, headers={"Idempotency-Key": "k"})
    assert sent.status_code == 200


def test_answers_to_check_images_need_the_scope_to_manage(world: World) -> None:
    answer_gold(world)
    reader = with_key(member("manager"), scopes=["read"])
    manager = with_key(member("manager"), scopes=["read", "manage"])
    own = [row["gold"] for row in lines(reader, world.project, "answers.jsonl")]
    assert own == [None]
    for gold in ("include", "only"):
        refused = reader.get(address(world.project, "answers.jsonl"), {"gold": gold})
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/scope_missing/")
    assert len(lines(manager, world.project, "answers.jsonl", gold="include")) == 2
    (row,) = lines(manager, world.project, "answers.jsonl", gold="only")
    assert (row["gold"], row["task"]) == (str(world.gold.public_id), None)
    assert row["source_key"] == world.gold.image.source_key


def test_people_appear_under_their_pseudonyms(ada: APIClient, project: Project) -> None:
    answered(project, "cat.jpg")
    for name in PATHS:
        body = ada.get(address(project, name)).getvalue().decode()
        assert "finch" not in body.lower(), name


def some_revisions(answer: Annotation, count: int) -> None:
    """Earlier revisions of an answer, written in bulk."""
    names = ("project_id", "assignment_id", "task_id", "actor_id", "source", "schema_id", "body", "body_sha256")
    common = {name: getattr(answer, name) for name in names}
    Annotation.objects.bulk_create(
        Annotation(**common, raw_sha256="0" * 64, revision=n, is_current=False, created_at=answer.created_at)
        for n in range(2, count + 2)
    )


def test_a_file_takes_no_more_memory_than_a_few_rows(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_streams, "ROWS", 50)
    some_revisions(answered(project, "cat.jpg"), 12_000)
    answer = ada.get(address(project, "answers.jsonl"), {"revisions": "all"})
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in answer)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 5_000_000
    assert peak < size / 5


def chunks(answer: Any) -> Iterator[bytes]:
    return iter(answer.streaming_content)


@pytest.mark.django_db(transaction=True)
def test_a_file_is_of_one_moment(ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed while it is read is not in it, neither new answers nor changed labels."""
    monkeypatch.setattr(row_streams, "ROWS", 2)
    images = [f"{number}.jpg" for number in range(6)]
    for name in images:
        answered(project, name)
    answers, labels = (chunks(ada.get(address(project, name))) for name in ("answers.jsonl", "labels.jsonl"))
    read = [next(labels), next(answers)]

    def change() -> None:
        answered(project, "late.jpg")
        Image.objects.filter(source_key="5.jpg").update(source_key="renamed.jpg")

    assert together(change) == [None]
    for rest, first in ((labels, read[0]), (answers, read[1])):
        rows = [json.loads(line) for line in (first + b"".join(rest)).splitlines()]
        assert [row["source_key"] for row in rows] == images


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_goes_away_leaves_no_transaction(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_streams, "ROWS", 1)
    for number in range(3):
        answered(project, f"{number}.jpg")
    for read in (0, 1, 3):
        answer = ada.get(address(project, "labels.csv"))
        assert connection.in_atomic_block
        content = chunks(answer)
        for _ in range(read):
            next(content)
        answer.close()
        assert not connection.in_atomic_block, read
    head = ada.head(address(project, "labels.csv"))
    head.close()
    assert head.status_code == 200
    assert not connection.in_atomic_block


def break_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reading of rows fail after the first ones."""
    monkeypatch.setattr(row_streams, "ROWS", 1)
    plain, seen = row_streams.RowStream._row, []

    def row(self: Any, values: Any) -> Any:
        seen.append(values)
        if len(seen) > count:
            raise RuntimeError("broken")
        return plain(self, values)

    monkeypatch.setattr(row_streams.RowStream, "_row", row)


def test_a_file_that_breaks_off_says_so_in_its_last_line(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web server ends it as if it were complete, and the status was sent long ago."""
    for number in range(3):
        answered(project, f"{number}.jpg")
    with monkeypatch.context() as broken:
        break_after(2, broken)
        rows = lines(ada, project, "labels.jsonl")
    assert [row.get("source_key") for row in rows] == ["0.jpg", "1.jpg", None]
    assert (rows[-1]["type"], rows[-1]["status"]) == ("/problems/unexpected/", 500)
    break_after(2, monkeypatch)
    cells = list(csv.reader(io.StringIO(ada.get(address(project, "labels.csv")).getvalue().decode())))
    assert [len(row) for row in cells] == [len(cells[0])] * 3 + [len(cells[0]) + 2]


def test_a_file_that_cannot_be_begun_is_a_problem(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(project, "cat.jpg")
    break_after(0, monkeypatch)
    answer = ada.get(address(project, "labels.jsonl"))
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")


def test_a_reader_may_not_be_slower_than_the_deadline(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_streams, "ROWS", 1)
    for number in range(3):
        answered(project, f"{number}.jpg")
    answer = ada.get(address(project, "labels.jsonl"))
    monkeypatch.setattr(row_files, "DEADLINE", -1)
    assert json.loads(answer.getvalue().splitlines()[-1])["type"] == "/problems/file_unfinished/"


def test_every_column_is_documented() -> None:
    text = DOCUMENT.read_text()
    for name in {*ANSWER_FIELDS, *LABEL_FIELDS, *FLAT_COLUMNS}:
        assert f"| `{name}` |" in text, name
