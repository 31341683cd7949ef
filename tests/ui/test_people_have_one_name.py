"""One person has one name: on every page, managers read the name or the email address, and reviewers a pseudonym."""

import re

import pytest
from django.test import Client

from accounts.models import Actor, Membership, Role, User
from accounts.selectors import display_names, pseudonym
from kernel.events import number_events, record_event
from projects.models import Project
from tasks.batching.models import Task
from tests import factories
from tests.labeled import a_crowd, a_labeled_task, run_report_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def strays() -> tuple[Project, Task]:
    """An image with three answers: of someone with a name, of someone without one, and of someone who was erased."""
    project = factories.a_project("Strays")
    task = a_labeled_task(project, [factories.class_answer(1)] * 3)
    named, nameless, erased = a_crowd(project)
    User.objects.filter(actor=named).update(name="Robin Tanaka")
    User.objects.filter(actor=nameless).update(name="")
    User.objects.filter(actor=erased).delete()
    for worker in (named, nameless, erased):
        record_event(project_id=project.pk, kind="worker.joined", data={"worker": str(worker.public_id)}, workers=1)
    number_events(project_id=project.pk)
    return project, task


def the_crowd() -> list[Actor]:
    return list(Actor.objects.filter(standings__isnull=False).order_by("pk"))


def names_for_managers() -> set[str]:
    _, nameless, erased = the_crowd()
    assert nameless.user.email == "bird2@example.org"
    return {"Robin Tanaka", "bird2@example.org", pseudonym(erased.public_id)}


def read(name: str, address: str) -> str:
    client = Client()
    client.force_login(factories.a_user(name))
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"<[^>]+>", " ", answer.content.decode())


@pytest.mark.parametrize("page", ["", "workers/", "quality/", "tasks/{task}/"])
def test_managers_read_the_same_name_on_every_page(strays: tuple[Project, Task], page: str) -> None:
    project, task = strays
    address = f"/projects/{project.public_id}/{page.format(task=task.public_id)}"
    read("ada", address)
    run_report_jobs()
    text = read("ada", address)
    assert {name for name in names_for_managers() if name in text} == names_for_managers()
    others = {pseudonym(worker.public_id) for worker in the_crowd()} - names_for_managers()
    assert [name for name in others if name in text] == []


def evidence_names(name: str, task: Task) -> set[str]:
    client = Client()
    client.force_login(factories.a_user(name))
    answers = client.get(f"/api/v1/tasks/{task.public_id}/evidence/").json()["answers"]
    return {answer["name"] for answer in answers}


def test_the_evidence_beside_a_label_uses_the_same_names(strays: tuple[Project, Task]) -> None:
    assert evidence_names("ada", strays[1]) == names_for_managers()


def test_reviewers_read_pseudonyms(strays: tuple[Project, Task]) -> None:
    project, task = strays
    rook = factories.a_worker("rook")
    Membership.objects.create(organisation=project.organisation, actor=rook, role=Role.REVIEWER)
    pseudonyms = {pseudonym(worker.public_id) for worker in the_crowd()}
    assert evidence_names("rook", task) == pseudonyms
    text = read("rook", f"/projects/{project.public_id}/tasks/{task.public_id}/")
    assert {name for name in pseudonyms if name in text} == pseudonyms
    assert "Robin Tanaka" not in text
    assert "bird2@example.org" not in text


@pytest.mark.parametrize("page", ["/work/", "/work/earnings/", "/me/", "/work/{project}/", "/api/v1/me/"])
def test_workers_read_no_name_but_their_own(strays: tuple[Project, Task], page: str) -> None:
    text = read("bird2", page.format(project=strays[0].public_id))
    others = [word for worker in the_crowd() for word in (pseudonym(worker.public_id), str(worker.public_id))]
    own = str(factories.a_user("bird2").actor.public_id)
    words = ["Robin", "bird1", "bird3", "ada@example.org", *(word for word in others if word != own)]
    assert [word for word in words if word in text] == []


def test_a_name_comes_before_the_address() -> None:
    wren, finch = factories.wren(), factories.finch()
    User.objects.filter(actor=finch).update(name="")
    assert display_names(actors=[wren.public_id, str(finch.public_id)]) == {
        str(wren.public_id): "Wren",
        str(finch.public_id): "finch@example.org",
    }
