"""No API response reveals to a worker which image is gold."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from kernel.clock import rfc3339
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch, Task
from tasks.flow.expiry import expire_leases
from tasks.standing.advice import ADVICE
from tests import factories
from tests.api.api_fixtures import World
from tests.api.people import member, with_key
from tests.worker_actions import expire_hand, run_late_jobs

# Headers that depend on the image content or on the URL, not on the purpose of the image.
BY_CONTENT = {"Content-Length", "ETag"}


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"))


def pair(world: World) -> tuple[str, str]:
    """The assignment ids of the gold and the task in wren's set."""
    rows = Assignment.objects.filter(hand=world.hand)
    return str(rows.get(gold__isnull=False).public_id), str(rows.get(task__isnull=False).public_id)


def structure(value: Any) -> Any:
    """The keys and types of a value, without its contents."""
    if isinstance(value, dict):
        return {key: structure(below) for key, below in value.items()}
    return [structure(below) for below in value] if isinstance(value, list) else type(value).__name__


def test_both_have_the_same_structure_in_a_set(wren: APIClient, world: World) -> None:
    body = wren.get(f"/api/v1/hands/{world.hand.public_id}/").json()
    gold, work = body["assignments"]
    assert structure(gold) == structure(work)
    assert {key: value for key, value in gold.items() if key not in {"id", "image", "position"}} == {
        key: value for key, value in work.items() if key not in {"id", "image", "position"}
    }
    assert set(gold) == {"id", "position", "state", "width", "height", "image", "answer", "correction"}


def headers_of(answer: Any) -> dict[str, str]:
    """The headers, without the request id and what is left of the limit, which differ whatever the request is for."""
    headers = dict(answer.items())
    assert re.fullmatch("[0-9a-f]{32}", headers.pop("X-Request-ID"))
    # Counts the worker's calls in this minute.
    assert re.fullmatch(r'"person";r=\d+;t=\d+', headers.pop("RateLimit"))
    return headers


def test_a_set_reveals_no_image_file_or_row(wren: APIClient, world: World) -> None:
    text = wren.get(f"/api/v1/hands/{world.hand.public_id}/").content.decode()
    for row in (world.gold, world.task):
        for secret in (row.public_id, row.image.public_id, row.image.sha256, row.image.source_key):
            assert str(secret) not in text
    assert "gold" not in text


def test_both_images_come_with_the_same_headers(wren: APIClient, world: World) -> None:
    headers = []
    for assignment in pair(world):
        answer = wren.get(f"/api/v1/assignments/{assignment}/image")
        assert answer.status_code == 200
        assert answer.getvalue()[:2] == b"\xff\xd8"
        assert answer["ETag"] == f'"{assignment}"'
        headers.append({name: value for name, value in headers_of(answer).items() if name not in BY_CONTENT})
    assert headers[0] == headers[1]
    assert not {"Last-Modified", "X-Sendfile"} & set(headers[0])
    assert headers[0]["Cache-Control"] == "private, max-age=3600, immutable"
    assert headers[0]["X-Content-Type-Options"] == "nosniff"
    assert "image" in headers[0]["Content-Disposition"]


def test_answering_both_gives_the_same_response(wren: APIClient, world: World) -> None:
    responses = []
    for assignment in pair(world):
        answer = wren.put(
            f"/api/v1/assignments/{assignment}/answer/",
            {"answer": {"image": {"class": 2}, "verdict": "labels"}},
            headers={"Idempotency-Key": "k"},
        )
        body = answer.json()
        assert body.pop("id") == assignment
        responses.append((answer.status_code, body, headers_of(answer)))
    assert responses[0] == responses[1]


@pytest.mark.parametrize("body", [{}, {"answer": {"verdict": "labels", "image": {"class": 9}}}, {"answer": None}])
def test_both_are_refused_with_the_same_response(wren: APIClient, world: World, body: dict[str, Any]) -> None:
    responses = [
        wren.put(f"/api/v1/assignments/{assignment}/answer/", body, headers={"Idempotency-Key": "k"}).json()
        for assignment in pair(world)
    ]
    assert responses[0] == responses[1]


def test_both_can_be_skipped_with_the_same_response(wren: APIClient, world: World) -> None:
    responses = [wren.post(f"/api/v1/assignments/{assignment}/skip/") for assignment in pair(world)]
    assert [answer.status_code for answer in responses] == [204, 204]
    states = [row["state"] for row in wren.get(f"/api/v1/hands/{world.hand.public_id}/").json()["assignments"]]
    assert states == ["skipped", "skipped"]


def test_settling_reports_only_the_sum_and_both_are_paid_alike(wren: APIClient, world: World) -> None:
    for assignment in pair(world):
        wren.put(
            f"/api/v1/assignments/{assignment}/answer/",
            {"answer": {"image": {"class": 2}, "verdict": "labels"}},
            headers={"Idempotency-Key": "k"},
        )
    body = wren.post(f"/api/v1/hands/{world.hand.public_id}/settle/").json()
    # Drawn by lot: see tests/flow/test_doubtful_workers.py.
    assert body.pop("advice") in ("", ADVICE)
    assert body == {"id": str(world.hand.public_id), "answers": 2, "earned": "0.040000", "currency": "USD"}
    rows = wren.get("/api/v1/ledger/").json()["results"]
    assert len(rows) == 2
    assert {key: value for key, value in rows[0].items() if key not in {"id", "created_at"}} == {
        key: value for key, value in rows[1].items() if key not in {"id", "created_at"}
    }


def test_a_worker_has_no_other_access_to_images_tasks_or_gold(wren: APIClient, world: World) -> None:
    project = f"/api/v1/projects/{world.project.public_id}/"
    for url in (
        f"{project}golds/",
        f"{project}tasks/",
        f"{project}images/",
        f"{project}labels/",
        f"/api/v1/images/{world.gold.image.public_id}/file/",
        f"/api/v1/tasks/{world.task.public_id}/evidence/",
    ):
        assert wren.get(url).status_code == 403, url


def answer_to(
    wren: APIClient, assignment: str, number: int = 2, key: str = "k"
) -> tuple[int, dict[str, Any], Any, int]:
    """Everything of the response that could differ between two images."""
    response = wren.put(
        f"/api/v1/assignments/{assignment}/answer/",
        {"answer": {"image": {"class": number}, "verdict": "labels"}},
        headers={"Idempotency-Key": key},
    )
    body = response.json()
    if response.status_code == 200:
        assert body.pop("id") == assignment
    return response.status_code, body, headers_of(response), len(response.content)


def a_late_set(world: World, *, full: bool) -> list[str]:
    """Ids of gold, of work, and of work whose task is full by now, all of a set that ended before any answer."""
    filled = factories.a_task(world.project, wanted=1)
    lease = Assignment.objects.get(hand=world.hand, task=world.task)
    lease.pk, lease.public_id, lease.task_id, lease.position = None, uuid.uuid4(), filled.pk, 3
    lease.save()
    Task.objects.filter(pk=filled.pk).update(taken=1)
    Batch.objects.filter(pk=filled.batch_id).update(taken=F("taken") + 1)
    expire_hand(world.hand)
    expire_leases()
    if full:
        factories.an_answer(filled, factories.finch(), factories.class_answer(1))
    return [str(row.public_id) for row in Assignment.objects.filter(hand=world.hand).order_by("position")]


def assert_alike(responses: list[Any]) -> None:
    assert all(response == responses[0] for response in responses), responses


def test_late_answers_get_the_same_response_whether_gold_counted_or_surplus(wren: APIClient, world: World) -> None:
    ids = a_late_set(world, full=True)
    responses = [answer_to(wren, each) for each in ids]
    assert_alike(responses)
    assert responses[0][1].pop("expires_at") == rfc3339(Hand.objects.get(pk=world.hand.pk).expires_at)
    assert responses[0][1] == {"state": "submitted", "revision": 1, "message": "Saved. You are paid for it."}
    kinds = Assignment.objects.filter(hand=world.hand).order_by("position").values_list("gold", "counts")
    assert list(kinds) == [(world.gold.pk, False), (None, True), (None, False)], "gold, counted, surplus"
    assert_alike([answer_to(wren, each) for each in ids])  # replayed by the key
    assert_alike([answer_to(wren, each, key="again") for each in ids])  # sent again
    changed = [answer_to(wren, each, number=1, key="change") for each in ids]
    assert changed[0][0] == 410
    assert_alike([(status, body, size) for status, body, _, size in changed])
    assert_alike([wren.post(f"/api/v1/assignments/{each}/skip/").status_code for each in ids])
    rows = wren.get(f"/api/v1/hands/{world.hand.public_id}/").json()["assignments"]
    assert_alike([{name: row[name] for name in row if name not in {"id", "image", "position"}} for row in rows])


def test_late_answers_are_paid_at_the_same_moment(wren: APIClient, world: World) -> None:
    balances = []
    for each in a_late_set(world, full=True):
        before = wren.get("/api/v1/work/").json()["balance"]
        answer_to(wren, each)
        waiting = wren.get("/api/v1/work/").json()["balance"]
        assert run_late_jobs() == 1
        entry = wren.get("/api/v1/ledger/").json()["results"][0]
        paid = wren.get("/api/v1/work/").json()["balance"]
        balances.append((len(before), waiting[0]["waiting"], paid[0]["waiting"], entry["amount"], entry["kind"]))
    assert {row[1:] for row in balances} == {("0.020000", "0", "0.020000", "credit")}


def test_late_answers_run_the_same_statements(wren: APIClient, world: World) -> None:
    """The same ones, or the response time would tell gold from work that did not get a slot."""
    shapes = []
    wren.get("/api/v1/work/")  # notes the use of the key, once a minute
    for each in a_late_set(world, full=True):
        with CaptureQueriesContext(connection) as queries:
            answer_to(wren, each)
        shapes.append([re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries])
    gold, counted, surplus = ([re.sub(r"ARRAY\[.*?\]|NULL|\?", "?", sql) for sql in shape] for shape in shapes)
    assert len(gold) == len(counted) == len(surplus)
    assert [sql.split()[:3] for sql in gold] == [sql.split()[:3] for sql in surplus]


def test_both_can_be_answered_before_the_sweep_with_the_same_response(wren: APIClient, world: World) -> None:
    expire_hand(world.hand)
    responses = [answer_to(wren, each) for each in pair(world)]
    assert_alike(responses)
    assert responses[0][1]["message"] == "Saved. You are paid for it."


def test_a_returned_set_comes_back_with_the_same_images_gold_and_work_alike(wren: APIClient, world: World) -> None:
    ids = a_late_set(world, full=True)
    hand = wren.post(f"/api/v1/projects/{world.project.public_id}/hands/").json()
    assert sorted(row["id"] for row in hand["assignments"]) == sorted(ids)
    assert_alike([{n: row[n] for n in row if n not in {"id", "image", "position"}} for row in hand["assignments"]])
    assert wren.get(f"/api/v1/hands/{world.hand.public_id}/").json()["assignments"] == []
    assert_alike([answer_to(wren, each) for each in ids])
