"""The worker's API: answers are idempotent, strictly validated, and refused with plain messages."""

import json
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.clock import rfc3339, utc_now
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.flow.expiry import expire_leases
from tests import factories
from tests.api.api_fixtures import World, a_world
from tests.api.people import member, with_key

CAT = {"answer": {"image": {"class": 1}, "verdict": "labels"}, "seconds": 3.5}
DOG = {"answer": {"image": {"class": 2}, "verdict": "labels"}, "seconds": 3.5}


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"))


def put(client: APIClient, world: World, body: Any, key: str = "first", **options: Any) -> Any:
    url = f"/api/v1/assignments/{world.ids['assignment_id']}/answer/"
    return client.put(url, body, headers={"Idempotency-Key": key}, **options)


def put_bytes(client: APIClient, world: World, body: bytes) -> Any:
    return put(client, world, body, content_type="application/json")


def test_an_answer_is_saved_and_acknowledged(wren: APIClient, world: World) -> None:
    answer = put(wren, world, CAT)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(world.ids["assignment_id"]),
        "state": "submitted",
        "revision": 1,
        "message": "Saved.",
        "expires_at": rfc3339(world.hand.expires_at),
    }
    assert "Idempotency-Replayed" not in answer


def test_a_retry_gets_the_same_response_and_runs_once(wren: APIClient, world: World) -> None:
    first = put(wren, world, CAT)
    again = put(wren, world, CAT)
    assert again["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Annotation.objects.filter(assignment__hand=world.hand).count() == 1


def test_another_body_under_the_same_key_is_refused(wren: APIClient, world: World) -> None:
    put(wren, world, CAT)
    answer = put(wren, world, DOG)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/idempotency_key_reused/")
    assert Annotation.objects.get(is_current=True, assignment__hand=world.hand).body["image"]["class"] == 1


def test_another_body_under_a_new_key_changes_the_answer(wren: APIClient, world: World) -> None:
    put(wren, world, CAT)
    assert put(wren, world, DOG, key="second").json()["revision"] == 2


@pytest.mark.parametrize(("key", "code"), [("", "missing"), ("k" * 201, "invalid"), ("\x01", "invalid")])
def test_the_key_is_required_and_must_be_printable(wren: APIClient, world: World, key: str, code: str) -> None:
    answer = put(wren, world, CAT, key=key)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(f"/idempotency_key_{code}/")


def test_keys_of_different_workers_are_independent(wren: APIClient, world: World) -> None:
    put(wren, world, CAT)
    assert put(with_key(factories.finch()), world, CAT).status_code == 404


def test_a_failed_call_leaves_its_key_unused(wren: APIClient, world: World) -> None:
    assert put(wren, world, {"answer": {"image": {"class": 77}, "verdict": "labels"}}).status_code == 422
    assert put(wren, world, CAT).status_code == 200


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"image": {"class": 77}, "verdict": "labels"}, "no class 77"),
        ({"image": {"class": "cat"}, "verdict": "labels"}, "number of a class"),
        ({"image": {"class": 1}, "verdict": "certain"}, "certain"),
        ({"image": {"class": 1}, "verdict": "labels", "gold": True}, "'gold'"),
        ({"image": {"class": 1, "tags": [1]}, "verdict": "labels"}, "does not use tags"),
        ({"image": {"class": 1}, "verdict": "cannot_tell"}, "carries no labels"),
        ({"verdict": "labels"}, "Choose one class"),
        ({"image": {"class": 1}, "objects": [{"id": "a", "class": 1, "tool": "box"}], "verdict": "labels"}, "box"),
    ],
)
def test_an_invalid_answer_is_refused_with_a_message(
    wren: APIClient, world: World, answer: dict[str, Any], message: str
) -> None:
    refused = put(wren, world, {"answer": answer})
    assert refused.status_code in {400, 422}
    assert message in refused.json()["detail"]
    assert Annotation.objects.filter(assignment__hand=world.hand).count() == 0


@pytest.mark.parametrize(
    ("x", "y", "w", "h"), [(0, 0, 0, 5), (-9, 0, 5, 5), (60, 0, 9, 5), (0, 0, 5, -5), (0, 0, "5", 5), (0, 0, 1e400, 5)]
)
def test_a_box_outside_the_image_or_without_size_is_refused_with_its_path(
    wren: APIClient, world: World, x: float, y: float, w: Any, h: float
) -> None:
    world.project.schema.body |= {"tools": ["box"]}  # type: ignore[union-attr]
    world.project.schema.save()  # type: ignore[union-attr]
    box = {"id": "a", "class": 1, "tool": "box", "geom": {"x": x, "y": y, "w": w, "h": h}}
    body = json.dumps({"answer": {"objects": [box], "verdict": "labels"}}).replace("Infinity", "1e400").encode()
    answer = put_bytes(wren, world, body)
    assert answer.status_code in {400, 422}, answer.content
    if answer.status_code == 422:
        assert answer.json()["path"].startswith("objects[0].geom")


@pytest.mark.parametrize(
    "body",
    [
        b'{"answer": {"image": {"class": 1}, "verdict": "labels\\u0000"}}',
        b'{"answer": {"image": {"class": 1}, "objects": [{"id": "\\u0000"}], "verdict": "labels"}}',
        b'{"answer": {"image": {"class": 1, "attrs": {"\\u0000": "x"}}, "verdict": "labels"}}',
        b'{"answer": {"image": {"class": NaN}, "verdict": "labels"}}',
        b'{"answer": {"image": {"class": 1}, "verdict": "labels"}, "seconds": Infinity}',
        b'{"answer": ' + b'{"image":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
        b'{"answer": "\\ud800"}',
        b'{"answer": null}',
        b"{}",
    ],
)
def test_bodies_that_break_a_database_or_parser_are_a_4xx(wren: APIClient, world: World, body: bytes) -> None:
    answer = put_bytes(wren, world, body)
    assert 400 <= answer.status_code < 500, answer.content
    assert len(answer.json()["detail"]) > 10


def test_an_answer_larger_than_a_megabyte_is_a_413(wren: APIClient, world: World) -> None:
    assert put_bytes(wren, world, b'{"answer": "' + b"a" * 1_000_000 + b'"}').status_code == 413


def expire(world: World) -> None:
    past = utc_now() - timedelta(minutes=1)
    Hand.objects.filter(pk=world.hand.pk).update(expires_at=past)
    Assignment.objects.filter(hand=world.hand).update(expires_at=past)


def test_an_answer_after_expiry_and_before_the_sweep_is_kept(wren: APIClient, world: World) -> None:
    expire(world)
    assert put(wren, world, CAT).status_code == 200


def test_an_answer_after_the_sweep_is_kept_and_paid(wren: APIClient, world: World) -> None:
    expire(world)
    expire_leases()
    answer = put(wren, world, CAT)
    assert answer.status_code == 200
    assert answer.json()["state"] == "submitted"


def test_an_answer_to_a_skipped_image_is_refused_with_a_message(wren: APIClient, world: World) -> None:
    wren.post(f"/api/v1/assignments/{world.ids['assignment_id']}/skip/")
    answer = put(wren, world, CAT)
    assert answer.status_code in {409, 410}
    assert "set" in answer.json()["detail"] or "image" in answer.json()["detail"]


def test_a_set_is_settled_once_and_later_changes_are_refused(wren: APIClient, world: World) -> None:
    put(wren, world, CAT)
    url = f"/api/v1/hands/{world.hand.public_id}/settle/"
    first, again = wren.post(url), wren.post(url)
    assert first.json() == again.json()
    assert first.json()["answers"] == 1
    assert first.json()["earned"] == "0.020000"
    assert put(wren, world, DOG, key="late").status_code == 410
    assert len(wren.get("/api/v1/ledger/").json()["results"]) == 1


def test_claiming_returns_the_live_set_then_a_new_one_then_none(wren: APIClient, world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/hands/"
    mine = wren.post(url)
    assert (mine.status_code, mine.json()["id"]) == (200, str(world.hand.public_id))
    wren.post(f"/api/v1/hands/{world.hand.public_id}/settle/")
    factories.some_tasks(world.project, 3)
    fresh = wren.post(url)
    assert fresh.status_code == 201
    assert fresh.json()["size"] == len(fresh.json()["assignments"]) >= 3
    for row in fresh.json()["assignments"]:
        wren.post(f"/api/v1/assignments/{row['id']}/skip/")  # unlike what is returned, it does not come back
    wren.post(f"/api/v1/hands/{fresh.json()['id']}/settle/")
    assert wren.post(url).status_code == 204


def test_work_lists_projects_and_balance(wren: APIClient, world: World) -> None:
    put(wren, world, CAT)
    body = wren.get("/api/v1/work/").json()
    assert [offer["id"] for offer in body["projects"]] == [str(world.project.public_id)]
    assert body["balance"] == [{"currency": "USD", "waiting": "0.020000", "approved": "0", "paid": "0"}]


@pytest.mark.django_db(transaction=True)
def test_the_same_call_on_two_concurrent_connections_runs_once(storage_folder: Any) -> None:
    from tests.concurrency_helpers import together

    world = a_world()
    clients = [with_key(member("worker")) for _ in range(2)]
    answers = together(*[lambda client=client: put(client, world, CAT) for client in clients])
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted("Idempotency-Replayed" in answer for answer in answers) == [False, True]
    assert answers[0].json() == answers[1].json()
    assert Annotation.objects.filter(assignment__hand=world.hand).count() == 1
