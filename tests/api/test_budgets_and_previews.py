"""Budgets, the two ways to choose the number of answers, and the preview of a change, through the API."""

from decimal import Decimal
from typing import Any

import pytest

from kernel.models import Job
from projects.models import Project
from tests import factories, worker_actions
from tests.api.people import member, with_key
from tests.labeled import a_labeled_task

pytestmark = pytest.mark.django_db


def a_project(**policy: Any) -> Project:
    values = {"answers_min": 1, "answers_max": 1, "gold_rate": 0, "hand_size": 5, "price": Decimal("0.02"), **policy}
    return factories.a_project(**values)


def url_of(project: Project, rest: str = "") -> str:
    return f"/api/v1/projects/{project.public_id}/{rest}"


def test_a_budget_is_set_read_and_removed() -> None:
    project, ada = a_project(), with_key(member("owner"))
    changed = ada.patch(url_of(project), {"budget": "250.5"}, format="json").json()
    assert (changed["budget"], changed["answers_mode"]) == ("250.500000", "fixed")
    assert ada.patch(url_of(project), {"budget": None}, format="json").json()["budget"] is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"answers_mode": "fixed", "answers_min": 2, "answers_max": 4}, "Fixed means that every image gets the same"),
        ({"answers_mode": "dynamic"}, "the maximum must be above the minimum of 1"),
        ({"budget": "0.01"}, "does not cover a single answer"),
        ({"budget": "0.03"}, "0.1 USD are already paid or promised to workers"),
    ],
)
def test_contradictions_are_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    wren = member("worker")
    project = a_project()
    factories.admitted(project, wren)
    factories.some_tasks(project, 5, wanted=1)
    worker_actions.take(wren, project)
    refused = with_key(member("owner")).patch(url_of(project), changes, format="json")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/policy_refused/")
    assert sentence in refused.json()["detail"]


def test_workers_are_told_and_managers_see_the_figures() -> None:
    wren = member("worker")
    project = a_project(budget=Decimal("0.06"))
    factories.admitted(project, wren)
    factories.some_tasks(project, 9, wanted=1)
    client = with_key(wren)
    first = client.post(url_of(project, "hands/"))
    assert (first.status_code, len(first.json()["assignments"])) == (201, 3)
    for lease in worker_actions.leases_of(project.hands.get()):
        worker_actions.answer(lease)
    worker_actions.settle(project.hands.get())
    refused = client.post(url_of(project, "hands/"))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/no_money_left/")
    assert refused.json()["detail"].startswith("This project has no money left for more images right now.")
    ada = with_key(member("owner"))
    cost = ada.get(url_of(project, "figures/")).json()["cost"]
    assert (cost["budget"], cost["committed"], cost["left"]) == ("0.060000", "0.060000", "0.000000")
    assert ada.patch(url_of(project), {"budget": "1"}, format="json").status_code == 200
    assert client.post(url_of(project, "hands/")).status_code == 201


def test_the_preview_names_groups_totals_and_the_budget_and_changes_nothing() -> None:
    project = a_project(budget=Decimal("0.10"), gold_rate=0.2)
    a_labeled_task(project, [factories.class_answer(1)])
    factories.some_tasks(project, 3, wanted=1)
    ada = with_key(member("owner"))
    body = ada.post(url_of(project, "policy-preview/"), {"answers_min": 3}, format="json").json()
    assert body["groups"]["open"] == {"images": 3, "answers": 6, "cost": "0.150000"}
    assert body["groups"]["answered"] == {"images": 1, "answers": 2, "cost": "0.050000"}
    assert body["apply_to"]["new"]["answers"] == 0
    assert body["apply_to"]["finished"] == {
        "images": 4,
        "answers": 8,
        "cost": "0.200000",
        "forecast": "0.295000",
        "over_budget": "0.195000",
    }
    assert (body["answer_cost"], body["committed"], body["estimated"]) == ("0.025000", "0.020000", False)
    project.refresh_from_db()
    assert project.answers_min == 1
    assert ada.post(url_of(project, "policy-preview/"), {"answers_max": 99}, format="json").status_code == 400
    assert with_key(member("reviewer")).post(url_of(project, "policy-preview/"), {}).status_code == 403


def test_finished_images_are_asked_again_by_a_job() -> None:
    project = a_project()
    task = a_labeled_task(project, [factories.class_answer(1)])
    ada = with_key(member("owner"))
    changed = ada.patch(url_of(project), {"answers_min": 2, "apply_to": "finished"}, format="json")
    assert (changed.status_code, changed.json()["answers_min"]) == (200, 2)
    task.refresh_from_db()
    assert task.state == "answered"
    assert Job.objects.get(kind="flow.ask_finished").args == {"answers_min": 2, "decide_again": False, "after": 0}
