"""How many statements the calls send that workers make all day, and that none opens a savepoint."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import Actor, Organisation
from tasks.assignment.models import Hand
from tests import factories, worker_actions
from tests.api.people import member, signed_in
from tests.qualifications import a_qualification, held, required

CAT = {"answer": {"image": {"class": 1}, "verdict": "labels"}, "seconds": 3.5}
TOKEN = "0" * 32

# In transactions of their own; BEGIN and COMMIT are not counted.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def cached_identity(settings: Any) -> None:
    settings.ANNOTARY_IDENTITY_SECONDS = 60


@pytest.fixture
def worker() -> Actor:
    return member("worker")


@pytest.fixture
def wren(worker: Actor) -> APIClient:
    """A session that has been used, as that of everyone who labels."""
    client = signed_in(worker)
    client.cookies["csrftoken"] = TOKEN
    client.defaults["HTTP_X_CSRFTOKEN"] = TOKEN
    assert client.get("/api/v1/work/").status_code == 200
    return client


@pytest.fixture
def hand(worker: Actor) -> Hand:
    project = factories.a_project(workers=[worker], hand_size=10, gold_rate=0)
    factories.some_tasks(project, 20)
    return worker_actions.take(worker, project)


def statements(call: Any) -> int:
    sent: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.extend([sql])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        response = call()
    assert response.status_code < 300, response.content
    assert not [sql for sql in sent if "SAVEPOINT" in sql]
    return len(sent)


def test_claiming(wren: APIClient, worker: Actor) -> None:
    project = factories.a_project(workers=[worker], hand_size=5, gold_rate=0)
    factories.some_tasks(project, 5)
    assert statements(lambda: wren.post(f"/api/v1/projects/{project.public_id}/hands/")) <= 8


def test_claiming_under_a_limit_of_sets_in_progress(wren: APIClient, worker: Actor) -> None:
    """A lock and a count more, after the lock: the sets of other projects are counted."""
    Organisation.objects.update(live_sets=3)
    project = factories.a_project(workers=[worker], hand_size=5, gold_rate=0, images_per_day=50, share_per_worker=0.9)
    factories.some_tasks(project, 5)
    assert statements(lambda: wren.post(f"/api/v1/projects/{project.public_id}/hands/")) <= 10


def test_claiming_in_any_of_many_projects(wren: APIClient, worker: Actor) -> None:
    """The set in progress and the candidates are looked up, and the former again under a lock."""
    for number in range(20):
        project = factories.a_project(f"Project {number}", workers=[worker], hand_size=2, gold_rate=0)
        factories.some_tasks(project, 2)
    assert statements(lambda: wren.post("/api/v1/work/hands/")) <= 11


def test_claiming_within_a_budget(wren: APIClient, worker: Actor) -> None:
    """One more, which reads what is left."""
    project = factories.a_project(workers=[worker], hand_size=5, gold_rate=0, budget=10_000)
    factories.some_tasks(project, 5)
    assert statements(lambda: wren.post(f"/api/v1/projects/{project.public_id}/hands/")) <= 9


def test_claiming_with_a_qualification_that_is_required(wren: APIClient, worker: Actor) -> None:
    """None more: the policy's own statement checks it."""
    project = factories.a_project(workers=[worker], hand_size=5, gold_rate=0)
    factories.some_tasks(project, 5)
    row = a_qualification(project)
    required(project, row)
    held(row, worker)
    assert statements(lambda: wren.post(f"/api/v1/projects/{project.public_id}/hands/")) <= 8


def test_claiming_with_a_filter_of_workers(wren: APIClient, worker: Actor) -> None:
    """One more, which asks whether the worker is let in; projects without a filter do not send it."""
    project = factories.a_project(workers=[worker], hand_size=5, gold_rate=0, worker_filter="country != XX")
    factories.some_tasks(project, 5)
    assert statements(lambda: wren.post(f"/api/v1/projects/{project.public_id}/hands/")) <= 9


def test_answering(wren: APIClient, hand: Hand) -> None:
    (lease, *_) = worker_actions.leases_of(hand)
    url = f"/api/v1/assignments/{lease.public_id}/answer/"
    headers = {"Idempotency-Key": "k"}
    assert statements(lambda: wren.put(url, CAT, format="json", headers=headers)) <= 6


def test_answering_ten_at_once(wren: APIClient, hand: Hand) -> None:
    items = [
        {"assignment": str(row.public_id), "key": f"k{row.position}", **CAT} for row in worker_actions.leases_of(hand)
    ]
    url = f"/api/v1/hands/{hand.public_id}/answers/"
    assert statements(lambda: wren.post(url, {"answers": items}, format="json")) <= 6


def test_skipping(wren: APIClient, hand: Hand) -> None:
    (lease, *_) = worker_actions.leases_of(hand)
    assert statements(lambda: wren.post(f"/api/v1/assignments/{lease.public_id}/skip/")) <= 12
