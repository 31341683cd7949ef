"""Voiding a worker's answers over the API, and blocking workers."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.errors import Blocked
from accounts.models import Block, Membership, Role
from accounts.services import invite
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.flow.invitations import accept_invitation
from tasks.flow.repair import run_repair, start_repair
from tasks.repair.models import Repair
from tasks.review.services import approve_label
from tasks.standing.models import Standing
from tests import factories, repairs, worker_actions
from tests.api.people import with_key
from tests.labeled import a_crowd, a_paid_task

pytestmark = pytest.mark.django_db

CAT, DOG = factories.class_answer(1), factories.class_answer(2)


@pytest.fixture
def ada() -> APIClient:
    return with_key(factories.ada())


@pytest.fixture
def project() -> Project:
    project = factories.a_project(answers_min=2, answers_max=2, gold_rate=0, price="0.05")
    project.refresh_from_db()
    a_crowd(project, 3)
    for bodies in ([DOG, CAT, CAT], [CAT, CAT]):
        task = a_paid_task(project, bodies)
        label = task.labels.get()
        ada = factories.ada()
        approve_label(reviewer=ada, task=task, label_hash=label.content_hash)
    return project


def code_of(answer: Any) -> str:
    return str(answer.json()["type"]).strip("/").rpartition("/")[2]


def url(project: Project, rest: str) -> str:
    worker = a_crowd(project, 1)[0].public_id
    return f"/api/v1/projects/{project.public_id}/{rest.format(worker=worker)}"


def test_a_manager_previews_voids_and_undoes(ada: APIClient, project: Project) -> None:
    release = repairs.a_release(project)
    promised = ada.post(url(project, "workers/{worker}/repair-preview/"), {}, format="json").json()
    assert promised == {
        "since": None,
        "answers": 2,
        "kept": 1,
        "changed": 0,
        "reopened": 1,
        "waiting": 0,
        "unapproved": 1,
        "missing": 1,
        "cost": "0.050000",
        "over_budget": "0",
        "currency": project.currency,
        "paid": "0.100000",
        "releases": [{"id": str(release.public_id), "number": 1, "labels": 2}],
        "estimated": False,
    }
    made = ada.post(url(project, "workers/{worker}/repairs/"), {"reason": "Random.", "pay": "take_back"}, format="json")
    assert (made.status_code, made.json()["state"], made.json()["amount"]) == (202, "voiding", "0.100000")
    again = ada.post(url(project, "workers/{worker}/repairs/"), {"reason": "Random."}, format="json")
    assert (again.status_code, code_of(again)) == (409, "repair_in_progress")
    run_repair(repair_id=Repair.objects.get().pk)
    row = ada.get(url(project, f"repairs/{made.json()['id']}/")).json()
    assert (row["state"], row["done"], row["images"], row["releases"]) == ("voided", 2, 2, promised["releases"])
    assert [each["id"] for each in ada.get(url(project, "repairs/")).json()["results"]] == [row["id"]]
    (marked,) = ada.get(url(project, "releases/")).json()["results"]
    assert [(each["repair"], each["labels"]) for each in marked["voided"]] == [(row["id"], 2)]
    undo = ada.post(url(project, f"repairs/{row['id']}/undo-preview/")).json()
    assert (undo["answers"], undo["restored"], undo["recomputed"], undo["paid"]) == (2, 2, 0, "0.100000")
    undone = ada.post(url(project, f"repairs/{row['id']}/undo/"), {"reason": "The wrong one."}, format="json")
    assert (undone.status_code, undone.json()["state"]) == (202, "restoring")
    run_repair(repair_id=Repair.objects.get().pk)
    assert ada.get(url(project, f"repairs/{row['id']}/")).json()["state"] == "restored"
    assert ada.get(f"/api/v1/releases/{release.public_id}/").json()["voided"] == []
    twice = ada.post(url(project, f"repairs/{row['id']}/undo/"), {"reason": "The wrong one."}, format="json")
    assert (twice.status_code, code_of(twice)) == (409, "repair_undone")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reason": " "}, 400, "invalid"),
        ({"reason": "Random.", "since": "2100-01-01T00:00:00Z"}, 422, "repair_refused"),
        ({"reason": "Random.", "pay": "double"}, 400, "invalid"),
        ({}, 400, "invalid"),
    ],
)
def test_a_repair_that_makes_no_sense_is_refused(
    ada: APIClient, project: Project, body: dict[str, Any], status: int, code: str
) -> None:
    made = ada.post(url(project, "workers/{worker}/repairs/"), body, format="json")
    assert (made.status_code, code_of(made)) == (status, code), made.json()
    assert not Repair.objects.exists()


def test_a_worker_without_answers_has_nothing_to_void(ada: APIClient, project: Project) -> None:
    idle = a_crowd(project, 4)[3].public_id
    made = ada.post(f"/api/v1/projects/{project.public_id}/workers/{idle}/repairs/", {"reason": "Bad."}, format="json")
    assert (made.status_code, code_of(made)) == (409, "nothing_to_void")


def test_what_is_void_is_not_voided_twice(ada: APIClient, project: Project) -> None:
    repairs.void_answers(project, a_crowd(project, 1)[0])
    made = ada.post(url(project, "workers/{worker}/repairs/"), {"reason": "Random."}, format="json")
    assert code_of(made) == "nothing_to_void"


def test_answers_are_voided_in_all_projects_or_in_none(ada: APIClient, project: Project) -> None:
    worker = a_crowd(project, 1)[0]
    other = factories.a_project("Owls", answers_min=1, answers_max=1, price="0.05")
    other.refresh_from_db()
    factories.admitted(other, worker)
    task = factories.a_task(other, wanted=1)
    factories.a_credit(factories.an_answer(task, worker, CAT))
    factories.admitted(factories.a_project("Empty"), worker)
    base = f"/api/v1/organisations/{project.organisation.public_id}/"
    body = {"worker": str(worker.public_id)}
    promised = ada.post(f"{base}repair-preview/", body, format="json").json()["projects"]
    expected = [(str(project.public_id), 2), (str(other.public_id), 1)]
    assert [(row["project"], row["preview"]["answers"]) for row in promised] == expected
    repair = start_repair(project=other, worker=worker, by=factories.ada(), reason="Random.")
    refused = ada.post(f"{base}repairs/", body | {"reason": "Random."}, format="json")
    assert (code_of(refused), Repair.objects.count()) == ("repair_in_progress", 1)
    repairs.undo(repairs.finish(repair))
    made = ada.post(f"{base}repairs/", body | {"reason": "Random."}, format="json")
    assert made.status_code == 202
    assert [(row["project"], row["answers"]) for row in made.json()["repairs"]] == expected


def blocks(organisation: Any) -> str:
    return f"/api/v1/organisations/{organisation.public_id}/blocks/"


def test_a_blocked_worker_loses_sets_keys_and_sessions_and_cannot_come_back_until_the_block_is_lifted(
    ada: APIClient,
) -> None:
    project = factories.a_project(workers=[factories.wren()], gold_rate=0, answers_min=1)
    factories.some_tasks(project, 3)
    wren, key = factories.wren(), with_key(factories.wren())
    browser = Client()
    browser.force_login(wren.user)
    worker_actions.take(wren, project)
    body = {"worker": str(wren.public_id), "reason": "Answers with a script."}
    made = ada.post(blocks(project.organisation), body, format="json")
    assert (made.status_code, made.json()["name"], made.json()["lifted_at"]) == (201, "Wren", None)
    assert not Hand.objects.filter(state="live").exists()
    assert key.get("/api/v1/me/").status_code == 401
    assert browser.get("/work/").status_code == 302
    _, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    with pytest.raises(Blocked):
        accept_invitation(token=token, actor=wren)
    assert not Membership.objects.filter(actor=wren).exists()
    assert ada.delete(f"{blocks(project.organisation)}{made.json()['id']}/").status_code == 204
    accept_invitation(token=token, actor=wren)
    assert Standing.objects.get(worker=wren).state == Standing.State.PAUSED
    (row,) = ada.get(blocks(project.organisation)).json()["results"]
    assert row["lifted_by"] == str(factories.ada().public_id)


def test_a_blocked_worker_of_two_organizations_stays_signed_in_and_works_for_the_other(ada: APIClient) -> None:
    project = factories.a_project(workers=[factories.wren()])
    wren = factories.wren()
    elsewhere = factories.an_organisation("Owls")
    Membership.objects.create(organisation=elsewhere, actor=wren, role=Role.WORKER)
    there = with_key(wren, organisation=elsewhere)
    browser = Client()
    browser.force_login(wren.user)
    body = {"worker": str(wren.public_id), "reason": "Answers with a script."}
    assert ada.post(blocks(project.organisation), body, format="json").status_code == 201
    assert there.get("/api/v1/me/").status_code == 200
    assert browser.get("/work/").status_code == 200
    assert not Membership.objects.filter(actor=wren, organisation=project.organisation).exists()


def test_a_member_of_the_team_cannot_be_blocked(ada: APIClient) -> None:
    project = factories.a_project(workers=[factories.wren()])
    Membership.objects.filter(actor=factories.wren()).update(role=Role.REVIEWER)
    body = {"worker": str(factories.wren().public_id), "reason": "Answers with a script."}
    refused = ada.post(blocks(project.organisation), body, format="json")
    assert (refused.status_code, code_of(refused)) == (422, "block_refused")
    assert not Block.objects.exists()
