"""A manager decides on Workers about those whom a rule paused; the worker reads why, and that a person decides."""

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import expect

from accounts.models import Actor
from projects.models import Project
from tasks.batching.models import Task
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.ui.live import PHONE, People

HEADING = "Paused by a rule: your decision"


@pytest.fixture
def project(db: None) -> Project:
    """Two honest workers, and swift, who answers one class after the other and was paused for it."""
    cache.clear()
    project = factories.a_project(classes=("cat", "dog", "owl", "fox"), workers=[swift()], hand_size=10, gold_rate=0)
    tasks = factories.some_tasks(project, 30, wanted=3)
    for name in ("wren", "finch"):
        worker = factories.a_worker(name)
        factories.admitted(project, worker)
        for task in Task.objects.filter(pk__in=[task.pk for task in tasks]):
            factories.an_answer(task, worker, factories.class_answer(1))
    for _ in range(2):
        hand = worker_actions.take(swift(), project)
        for place, lease in enumerate(worker_actions.leases_of(hand)):
            worker_actions.answer(lease, 1 + place % 4)
        worker_actions.settle(hand)
    return project


def swift() -> Actor:
    return factories.a_worker("swift")


def standing() -> Standing:
    return Standing.objects.get(worker=swift())


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


@pytest.mark.parametrize(
    ("step", "state"), [("resume", "active"), ("confirm", "paused"), ("remove", "removed")], ids=str
)
def test_each_decision_takes_the_worker_off_the_list(project: Project, step: str, state: str) -> None:
    client = client_of(factories.ada())
    url = f"/projects/{project.public_id}/workers/"
    before = client.get(url).content.decode()
    assert HEADING in before
    assert "agrees with others in about" in before
    client.post(f"{url}{swift().public_id}/", {"step": step})
    assert standing().state == state
    assert HEADING not in client.get(url).content.decode()


def test_the_api_lists_and_confirms(project: Project) -> None:
    client = client_of(factories.ada())
    url = f"/api/v1/projects/{project.public_id}/workers/"
    [row] = [row for row in client.get(url).json()["results"] if row["worker"] == str(swift().public_id)]
    assert row["awaits_decision"]
    assert row["findings"]["evidence"] > row["findings"]["limit"]
    assert row["trust_low"] < row["trust"] < row["trust_high"]
    response = client.post(f"{url}{swift().public_id}/confirm/", {}, content_type="application/json")
    assert response.status_code == 204
    assert not standing().awaits_decision


def test_the_worker_reads_that_a_person_decides(project: Project) -> None:
    page = client_of(swift()).get(f"/work/{project.public_id}/").content.decode()
    assert "You are paused in this project" in page
    assert "looks at it and decides whether you continue" in page
    for word in ("trust", "gold", "posterior", "consensus"):
        assert word not in page.split("<main")[1].lower()


def test_by_keyboard_on_a_phone(project: Project, people: People) -> None:
    page = people.signed_in(factories.ada(), **PHONE)
    page.goto(f"/projects/{project.public_id}/workers/")
    button = page.get_by_role("button", name="Keep Swift paused")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Swift stays paused.")).to_be_visible()
    expect(page.get_by_text(HEADING)).to_have_count(0)
