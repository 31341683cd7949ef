"""Several answers of a set in one call: each gets what it would have got alone, and is recorded once."""

import json
import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Actor
from kernel.clock import rfc3339
from kernel.models import Event, IdempotencyRecord
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.flow.settlement import settle_hand
from tests import factories, worker_actions
from tests.api.people import member, outsider, signed_in, with_key

SIZE = 5
CAT: dict[str, Any] = {"image": {"class": 1}, "verdict": "labels"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker() -> Actor:
    return member("worker")


@pytest.fixture
def hand(worker: Actor) -> Hand:
    project = factories.a_project(workers=[worker], hand_size=SIZE, gold_rate=0)
    factories.some_tasks(project, SIZE)
    return worker_actions.take(worker, project)


@pytest.fixture
def wren(worker: Actor) -> APIClient:
    return with_key(worker)


def items_for(hand: Hand, **changes: Any) -> list[dict[str, Any]]:
    return [
        {"assignment": str(row.public_id), "key": f"key-{row.position}", "answer": CAT, "seconds": 4.2, **changes}
        for row in worker_actions.leases_of(hand)
    ]


def send(client: APIClient, hand: Hand, items: Any) -> Any:
    return client.post(f"/api/v1/hands/{hand.public_id}/answers/", {"answers": items}, format="json")


def alone(client: APIClient, item: dict[str, Any]) -> Any:
    body = {"answer": item["answer"], "seconds": item["seconds"]}
    url = f"/api/v1/assignments/{item['assignment']}/answer/"
    return client.put(url, body, format="json", headers={"Idempotency-Key": item["key"]})


def statuses(response: Any) -> list[int]:
    assert response.status_code == 200, response.content
    return [result["status"] for result in response.json()["answers"]]


def test_all_answers_of_a_set_are_saved_in_one_call(wren: APIClient, hand: Hand) -> None:
    items = items_for(hand)
    results = send(wren, hand, items).json()["answers"]
    assert [result["answer"]["id"] for result in results] == [item["assignment"] for item in items]
    assert results[0] == {
        "status": 200,
        "replayed": False,
        "answer": {
            "id": items[0]["assignment"],
            "state": "submitted",
            "revision": 1,
            "message": "Saved.",
            "expires_at": rfc3339(hand.expires_at),
        },
        "problem": None,
    }
    assert set(Assignment.objects.values_list("state", flat=True)) == {"submitted"}
    assert Annotation.objects.filter(is_current=True, seconds=4.2).count() == SIZE
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_results_are_in_the_order_of_the_answers(wren: APIClient, hand: Hand) -> None:
    items = items_for(hand)[::-1]
    results = send(wren, hand, items).json()["answers"]
    assert [result["answer"]["id"] for result in results] == [item["assignment"] for item in items]


def test_one_refused_answer_does_not_affect_the_others(wren: APIClient, hand: Hand) -> None:
    first, second, third, fourth, fifth = items_for(hand)
    second["answer"] = {"image": {"class": 77}, "verdict": "labels"}
    third["answer"] = {"verdict": "certain"}
    fourth["assignment"] = str(uuid.uuid4())
    response = send(wren, hand, [first, second, third, fourth, fifth])
    assert statuses(response) == [200, 422, 400, 404, 200]
    for item, result in zip([second, third], response.json()["answers"][1:3], strict=True):
        assert result["problem"] == alone(wren, item).json()
    assert IdempotencyRecord.objects.count() == 2


def test_an_answer_sent_alone_is_recognized_among_others_and_the_other_way_round(wren: APIClient, hand: Hand) -> None:
    items = items_for(hand)
    first = alone(wren, items[0])
    together = send(wren, hand, items).json()["answers"]
    assert together[0] == {"status": 200, "replayed": True, "answer": first.json(), "problem": None}
    assert [result["replayed"] for result in together] == [True] + [False] * (SIZE - 1)
    later = alone(wren, items[1])
    assert later["Idempotency-Replayed"] == "true"
    assert later.json() == together[1]["answer"]
    assert Annotation.objects.count() == SIZE
    assert Event.objects.filter(kind="answer.changed").count() == 0


def test_a_repeated_call_gets_the_same_results(wren: APIClient, hand: Hand) -> None:
    items = items_for(hand)
    first, again = send(wren, hand, items), send(wren, hand, items)
    assert again.content == first.content.replace(b'"replayed":false', b'"replayed":true')
    assert Annotation.objects.count() == SIZE


def test_a_key_with_another_body_is_refused(wren: APIClient, hand: Hand) -> None:
    items = items_for(hand)
    send(wren, hand, items)
    items[0]["seconds"] = 9.9
    response = send(wren, hand, items[:2])
    assert statuses(response) == [422, 200]
    assert response.json()["answers"][0]["problem"]["type"].endswith("/idempotency_key_reused/")


def test_two_answers_to_one_image_are_saved_in_their_order(wren: APIClient, hand: Hand) -> None:
    item = items_for(hand)[0]
    changed = {**item, "key": "later", "answer": {"image": {"class": 2}, "verdict": "labels"}}
    results = send(wren, hand, [item, changed]).json()["answers"]
    assert [result["answer"]["revision"] for result in results] == [1, 2]
    assert Annotation.objects.get(is_current=True).body["image"]["class"] == 2


def test_late_answers_are_kept_as_alone(wren: APIClient, hand: Hand) -> None:
    from tasks.flow.expiry import expire_leases

    worker_actions.expire_hand(hand)
    expire_leases()
    assert statuses(send(wren, hand, items_for(hand))) == [200] * SIZE
    assert Assignment.objects.filter(state="submitted", late=True).count() == SIZE


def test_another_persons_set_is_not_found(hand: Hand) -> None:
    items = items_for(hand)
    for client in (with_key(member("client")), signed_in(outsider())):
        client.defaults["HTTP_X_CSRFTOKEN"] = "0" * 32
        client.cookies["csrftoken"] = "0" * 32
        assert send(client, hand, items).status_code == 404
    assert Annotation.objects.count() == 0


@pytest.mark.parametrize(
    "items",
    [None, "x", [], [None], [{}], [{"assignment": "x", "key": "k"}], [{"assignment": str(uuid.uuid4()), "key": ""}]],
)
def test_a_list_without_assignments_and_keys_is_refused(wren: APIClient, hand: Hand, items: Any) -> None:
    response = send(wren, hand, items)
    assert response.status_code == 400
    assert len(response.json()["detail"]) > 10


def test_more_answers_than_a_set_may_have_are_refused(wren: APIClient, hand: Hand) -> None:
    assert send(wren, hand, items_for(hand) * 21).status_code == 400


def test_the_body_is_limited_like_that_of_a_single_answer(wren: APIClient, hand: Hand) -> None:
    body = json.dumps({"answers": [{"key": "a" * 1_000_000}]}).encode()
    url = f"/api/v1/hands/{hand.public_id}/answers/"
    assert wren.post(url, body, content_type="application/json").status_code == 413


def test_answers_are_accepted_after_their_images_came_back_in_a_later_set(
    wren: APIClient, worker: Actor, hand: Hand
) -> None:
    """They waited on a device, while the worker took the next set elsewhere."""
    first, *others = items_for(hand)
    assert alone(wren, first).status_code == 200
    settle_hand(worker=worker, hand_id=hand.public_id)
    later = worker_actions.take(worker, hand.project)
    assert {str(row.public_id) for row in worker_actions.leases_of(later)} == {item["assignment"] for item in others}
    assert statuses(send(wren, hand, others)) == [200] * len(others)


@pytest.mark.parametrize("change", [{"assignment": 5}, {"key": 5}])
def test_numbers_for_texts_are_refused_or_read_as_texts(wren: APIClient, hand: Hand, change: dict[str, Any]) -> None:
    first, *others = items_for(hand)
    assert send(wren, hand, [{**first, **change}, *others]).status_code in {200, 400}


def test_an_answer_that_is_nested_too_deeply_refuses_only_itself(wren: APIClient, hand: Hand) -> None:
    nested: list[Any] = []
    for _ in range(300):
        nested = [nested]
    first, *others = items_for(hand)
    deep = {**first, "answer": {"verdict": "labels", "image": {"class": 1, "attrs": nested}}}
    assert alone(wren, deep).status_code == 422
    assert statuses(send(wren, hand, [deep, *others])) == [422, *[200] * len(others)]
