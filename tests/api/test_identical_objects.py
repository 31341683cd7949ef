"""An object that an answer has twice is stored once, and the response says so; nothing else about the call changes."""

import hashlib
import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Actor
from tasks.annotation.models import Annotation
from tasks.assignment.models import Hand
from tests import factories, worker_actions
from tests.api.people import member, with_key

pytestmark = pytest.mark.django_db

WARNING = "Saved. 1 identical object was counted only once."
TWICE = factories.box_answer((1, 10, 10, 20, 20), (1, 10, 10, 20, 20), (2, 10, 10, 20, 20))


@pytest.fixture
def worker() -> Actor:
    return member("worker")


@pytest.fixture
def hand(worker: Actor) -> Hand:
    project = factories.a_project(tools=("box",), workers=[worker], hand_size=2, gold_rate=0)
    factories.some_tasks(project, 2)
    return worker_actions.take(worker, project)


@pytest.fixture
def wren(worker: Actor) -> APIClient:
    return with_key(worker)


def put(client: APIClient, hand: Hand, body: Any, key: str) -> Any:
    lease = worker_actions.leases_of(hand)[0]
    return client.put(
        f"/api/v1/assignments/{lease.public_id}/answer/",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )


def test_the_object_is_stored_once_and_the_raw_body_is_hashed(wren: APIClient, hand: Hand) -> None:
    body = json.dumps({"answer": TWICE, "seconds": 2}).encode()
    response = put(wren, hand, body, "one")
    assert (response.status_code, response.json()["message"]) == (200, WARNING)
    annotation = Annotation.objects.get()
    assert annotation.raw_sha256 == hashlib.sha256(body).hexdigest()
    assert [(each["id"], each["class"]) for each in annotation.body["objects"]] == [("o1", 1), ("o3", 2)]
    again = put(wren, hand, body, "two")
    assert (again.json()["message"], again.json()["revision"]) == (WARNING, 1)
    once = factories.box_answer((1, 10, 10, 20, 20), (2, 10, 10, 20, 20))
    assert put(wren, hand, json.dumps({"answer": once}).encode(), "three").json()["message"] == "Saved."


def test_several_answers_at_once_are_told_alike(wren: APIClient, hand: Hand) -> None:
    items = [
        {"assignment": str(lease.public_id), "key": f"key {lease.position}", "answer": TWICE, "seconds": 1}
        for lease in worker_actions.leases_of(hand)
    ]
    response = wren.post(f"/api/v1/hands/{hand.public_id}/answers/", {"answers": items}, format="json")
    assert [each["answer"]["message"] for each in response.json()["answers"]] == [WARNING, WARNING]
    assert [len(row.body["objects"]) for row in Annotation.objects.all()] == [2, 2]


def test_a_late_answer_is_told_the_same(wren: APIClient, hand: Hand) -> None:
    worker_actions.expire_hand(hand)
    response = put(wren, hand, json.dumps({"answer": TWICE}).encode(), "late")
    assert response.json()["message"] == "Saved. You are paid for it. 1 identical object was counted only once."
