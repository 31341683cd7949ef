"""Skipping with a reason over the API, and what a manager reads and decides about images that many skipped."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tests import factories, worker_actions
from tests.api.people import member, signed_in, with_key

pytestmark = pytest.mark.django_db

NAMES = ("finch", "robin", "heron")


@pytest.fixture
def ada() -> APIClient:
    return with_key(factories.ada())


@pytest.fixture
def project() -> Project:
    workers = [factories.a_worker(name) for name in NAMES]
    project = factories.a_project(workers=workers, hand_size=1, gold_rate=0, answers_min=3)
    factories.some_tasks(project, 1)
    return project


def lease_of(project: Project, worker: Actor) -> Assignment:
    (lease,) = worker_actions.leases_of(worker_actions.take(worker, project))
    return lease


def skip(project: Project, worker: Actor, body: Any = None) -> Any:
    lease = lease_of(project, worker)
    options: dict[str, Any] = {} if body is None else {"data": body, "format": "json"}
    return with_key(worker).post(f"/api/v1/assignments/{lease.public_id}/skip/", **options)


def skip_all(project: Project) -> None:
    bodies = [{"reason": "unclear_image", "note": "<b>Too dark</b>"}, {"reason": "unclear_image"}, {}]
    for name, body in zip(NAMES, bodies, strict=True):
        assert skip(project, factories.a_worker(name), body).status_code == 204


def url(project: Project, step: str = "") -> str:
    return f"/api/v1/projects/{project.public_id}/set-aside/{step}"


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}, {"note": ""}, {"reason": "other", "note": "Two cats"}])
def test_an_image_is_skipped_with_and_without_a_reason(project: Project, body: Any) -> None:
    response = skip(project, factories.finch(), body)
    assert (response.status_code, response.content) == (204, b"")
    row = Assignment.objects.get()
    assert (row.state, row.skip_reason, row.skip_note) == (
        "skipped",
        (body or {}).get("reason", ""),
        (body or {}).get("note", ""),
    )


@pytest.mark.parametrize(
    ("body", "field"), [({"reason": "boring"}, "reason"), ({"note": "x" * 501}, "note"), ({"why": "x"}, "why")]
)
def test_what_cannot_be_a_reason_is_refused_and_nothing_is_skipped(project: Project, body: Any, field: str) -> None:
    response = skip(project, factories.finch(), body)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert Assignment.objects.get().state == "leased"


def test_a_manager_reads_who_skipped_and_why_and_offers_the_image_again(ada: APIClient, project: Project) -> None:
    skip_all(project)
    (row,) = ada.get(url(project)).json()["results"]
    task = Task.objects.get()
    assert (row["task"], row["decision"], row["state"]) == (str(task.public_id), "undecided", "open")
    assert [(each["name"], each["reason"], each["note"]) for each in row["skips"]] == [
        ("Finch", "unclear_image", "<b>Too dark</b>"),
        ("Robin", "unclear_image", ""),
        ("Heron", "", ""),
    ]
    for filters, count in {
        "decision=undecided": 1,
        "decision=offered": 0,
        "reason=unclear_image": 1,
        "reason=not_for_me": 0,
        "state=open": 1,
        f"task={task.public_id}": 1,
        "set_aside_before=2020-01-01T00:00:00Z": 0,
    }.items():
        assert len(ada.get(f"{url(project)}?{filters}").json()["results"]) == count, filters
    decided = [ada.post(url(project, "offer/"), {"ids": [row["id"]]}, format="json").json() for _ in range(2)]
    assert decided == [{"decided": 1, "unchanged": 0}, {"decided": 0, "unchanged": 1}]
    (row,) = ada.get(url(project)).json()["results"]
    assert (row["decision"], row["decided_by"]) == ("offered", str(factories.ada().public_id))
    assert row["decided_at"].endswith("Z")


def test_a_manager_leaves_an_image_out(ada: APIClient, project: Project) -> None:
    skip_all(project)
    (row,) = ada.get(url(project)).json()["results"]
    decided = ada.post(url(project, "leave-out/"), {"ids": [row["id"]]}, format="json")
    assert decided.json() == {"decided": 1, "unchanged": 0}
    tasks = ada.get(f"/api/v1/projects/{project.public_id}/tasks/?state=left_out").json()["results"]
    assert [each["state"] for each in tasks] == ["left_out"]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["x"]}, {"ids": ["0b6f2c1e-4f3a-4c58-9c1d-2f1f0f7f5a11"]}])
def test_a_decision_on_nothing_is_refused(ada: APIClient, project: Project, body: Any) -> None:
    skip_all(project)
    assert ada.post(url(project, "leave-out/"), body, format="json").status_code in (400, 422)


def test_reviewers_and_workers_do_not_see_who_skipped(project: Project) -> None:
    skip_all(project)
    for role in ("reviewer", "client", "worker"):
        assert signed_in(member(role)).get(url(project)).status_code in (403, 404), role


def test_a_check_image_that_many_skipped_is_in_the_list_of_check_images(ada: APIClient) -> None:
    workers = [factories.a_worker(name) for name in NAMES]
    project = factories.a_project(workers=workers, hand_size=2, gold_rate=0.5, answers_min=5, answers_max=5)
    factories.some_tasks(project, 1)
    gold = factories.a_gold(project)
    for worker in workers:
        for lease in worker_actions.leases_of(worker_actions.take(worker, project)):
            client = with_key(worker)
            assert client.post(f"/api/v1/assignments/{lease.public_id}/skip/").status_code == 204
    golds = f"/api/v1/projects/{project.public_id}/golds/"
    for filters, count in {"is_set_aside=true": 1, "is_set_aside=false": 0}.items():
        assert len(ada.get(f"{golds}?{filters}").json()["results"]) == count
    (row,) = ada.get(golds).json()["results"]
    assert (row["is_set_aside"], row["skips"], row["state"]) == (True, 3, "active")
    assert [each["task"] for each in ada.get(url(project)).json()["results"]] == [str(Task.objects.get().public_id)]
    assert ada.post(f"/api/v1/golds/{gold.public_id}/offer/").status_code == 204
    (row,) = ada.get(golds).json()["results"]
    assert (row["is_set_aside"], row["skips"]) == (False, 3)
