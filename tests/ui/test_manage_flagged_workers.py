"""A worker whose answers look wrong is named on Overview, on Workers and in the API; workers never see it."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import expect

from accounts.models import Actor
from projects.models import Project
from tasks.analytics import worker_figures
from tasks.batching.models import Task
from tasks.consensus.refit import refit
from tasks.flow.relabel import relabel
from tasks.gold.models import Gold
from tasks.standing.services import pause
from tests import factories
from tests.approved_crowd import run_updates
from tests.crowd import class_vote, write_answers
from tests.labeled import run_report_jobs
from tests.ui.live import PHONE, People

EVIDENCE = "0 of 3 check images right; agrees with others in 0 of 30"


@pytest.fixture
def project(db: None) -> Project:
    """Five honest workers, and swift, who gives the same answer to everything."""
    cache.clear()
    project = factories.a_project("Strays", classes=("cat", "dog", "owl"), answers_min=3, answers_max=6)
    honest = [factories.a_worker(name) for name in ("wren", "finch", "robin", "heron", "magpie")]
    for worker in honest:
        factories.admitted(project, worker, gold=(3, 0))
    factories.admitted(project, swift(), gold=(0, 3))
    tasks = factories.some_tasks(project, 30, wanted=6)
    answers: dict[Actor, dict[Task | Gold, dict[str, Any]]] = {
        worker: {task: class_vote(1 + n % 2) for n, task in enumerate(tasks)} for worker in honest
    }
    rows = write_answers(project, {**answers, swift(): {task: class_vote(3) for task in tasks}})
    for row in rows:
        factories.a_credit(row)
    relabel(task_ids=[task.pk for task in tasks])
    return project


def swift() -> Actor:
    return factories.a_worker("swift")


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def read(project: Project, path: str = "") -> str:
    page = client_of(factories.ada()).get(f"/projects/{project.public_id}/{path}").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def flags(project: Project) -> dict[str, list[dict[str, Any]]]:
    rows = client_of(factories.ada()).get(f"/api/v1/projects/{project.public_id}/workers/").json()["results"]
    return {row["worker"]: row["flags"] for row in rows}


def test_overview_names_the_worker_the_evidence_and_the_next_step(project: Project) -> None:
    page = client_of(factories.ada()).get(f"/projects/{project.public_id}/").content.decode()
    assert EVIDENCE in page
    assert "Needs you" in page
    assert f"/images/?worker={swift().public_id}" in page
    assert f"/workers/?worker={swift().public_id}" in page
    assert EVIDENCE in read(project, "?part=board")


def test_workers_shows_the_worst_first_without_a_green_badge(project: Project) -> None:
    page = client_of(factories.ada()).get(f"/projects/{project.public_id}/workers/").content.decode()
    rows = page.split("<tbody>")[1].split("<tr>")[1:]
    assert "Swift" in rows[0]
    assert EVIDENCE in rows[0]
    assert "Needs a look" in rows[0]
    assert 'data-state="ok"' not in rows[0]
    assert all('data-state="ok"' in row and "Needs a look" not in row for row in rows[1:])


def test_the_api_has_flags_in_numbers(project: Project) -> None:
    by_worker = flags(project)
    mine = by_worker.pop(str(swift().public_id))
    assert [(flag["signal"], flag["count"], flag["of"], flag["decisive"]) for flag in mine] == [
        ("gold", 0, 3, False),
        ("agreement", 0, 30, True),
        ("repeats", 30, 30, True),
        ("streak", 30, 30, True),
    ]
    assert mine[1]["high"] < mine[1]["limit"] <= 0.6
    assert set(map(len, by_worker.values())) == {0}


def test_a_paused_worker_needs_nothing_more_and_keeps_the_evidence(project: Project) -> None:
    pause(project=project, worker=swift(), reason="Please read the instructions.")
    assert "Needs you" not in read(project)
    text = read(project, "workers/")
    assert "Needs a look" not in text
    assert EVIDENCE in text
    assert "One worker is paused and takes no sets. See who and why on Workers" in read(project)


def test_paused_workers_come_before_those_with_more_answers(project: Project) -> None:
    late = factories.a_worker("late")
    factories.admitted(project, late)
    pause(project=project, worker=late, reason="Please read the instructions.")
    rows = client_of(factories.ada()).get(f"/projects/{project.public_id}/workers/").context["rows"]
    assert [row["name"] for row in rows[:2]] == ["Swift", "Late"]


def a_crowd_that_draws(*, moving: bool, boxes_of_swift: tuple[int, int]) -> Project:
    """Wren, finch and swift draw a box on each of 30 images, of the same object or of one that moves; after the first
    fit. boxes_of_swift: its class and size."""
    cache.clear()
    project = factories.a_project("Boats", classes=("boat", "kite"), tools=("box",), answers_min=3, answers_max=3)
    honest = [factories.a_worker(name) for name in ("wren", "finch")]
    for worker in honest:
        factories.admitted(project, worker, gold=(3, 0))
    number, size = boxes_of_swift
    factories.admitted(project, swift(), gold=(3, 0) if size == 80 else (0, 3))
    tasks = factories.some_tasks(project, 30, wanted=3)
    answers: dict[Actor, dict[Task | Gold, dict[str, Any]]] = {
        worker: {
            task: factories.box_answer((1, 100 + shift + 5 * n * moving, 100, 80, 80)) for n, task in enumerate(tasks)
        }
        for shift, worker in enumerate(honest)
    }
    answers[swift()] = {
        task: factories.box_answer((number, 100 + 5 * n * moving - (80 - size), 100, size, size))
        for n, task in enumerate(tasks)
    }
    for row in write_answers(project, answers):
        factories.a_credit(row)
    relabel(task_ids=[task.pk for task in tasks])
    refit(project_id=project.pk)
    run_updates()
    return project


def test_a_spammer_among_two_honest_workers_who_draw_boxes_is_named(db: None) -> None:
    """As reported: 0 of 3 check images right, no agreement in 30 answers, in a crowd of three."""
    project = a_crowd_that_draws(moving=True, boxes_of_swift=(2, 20))
    text = read(project)
    assert "one worker’s answers look wrong Swift" in text
    assert EVIDENCE in text
    assert [worker for worker, found in flags(project).items() if found] == [str(swift().public_id)]


def test_nobody_is_flagged_for_the_same_box_where_the_camera_does_not_move(db: None) -> None:
    project = a_crowd_that_draws(moving=False, boxes_of_swift=(1, 80))
    assert set(map(len, flags(project).values())) == {0}


def test_the_answers_of_a_worker_are_listed_newest_first(project: Project) -> None:
    page = client_of(factories.ada()).get(f"/projects/{project.public_id}/images/?worker={swift().public_id}")
    assert page.context["page"]["count"] == 30
    ids = [card["image"].pk for card in page.context["cards"]]
    assert ids == sorted(ids, reverse=True)
    assert "Answered by Swift" in page.content.decode()
    assert "&amp;worker=" in page.content.decode()


def test_people_who_never_worked_in_the_project_are_not_named(project: Project) -> None:
    stranger = factories.a_worker("heron2")
    page = client_of(factories.ada()).get(f"/projects/{project.public_id}/images/?worker={stranger.public_id}")
    assert page.status_code == 404
    assert "Heron2" not in page.content.decode()


def test_with_many_workers_a_job_computes_the_flags(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_figures, "FLAGGED_IN_REQUEST", 5)
    assert "Needs you" not in read(project)
    assert [job.state for job in run_report_jobs()] == ["done"]
    assert EVIDENCE in read(project)
    assert flags(project)[str(swift().public_id)]


def test_workers_see_nothing_of_it(project: Project) -> None:
    client = client_of(swift())
    for path in ("/work/", f"/work/{project.public_id}/", "/work/earnings/", "/api/v1/work/"):
        answer = client.get(path)
        text = answer.content.decode().lower()
        assert answer.status_code in (200, 302, 404)
        assert not re.search(r"flag|needs a look|check images right|agrees with", text)
    for path in ("", "workers/", f"images/?worker={swift().public_id}"):
        assert client.get(f"/projects/{project.public_id}/{path}").status_code in (403, 404)
    assert client.get(f"/api/v1/projects/{project.public_id}/workers/").status_code in (403, 404)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 900}}, PHONE], ids=["desk", "phone"])
def test_the_manager_gets_from_overview_to_the_answers(
    people: People, project: Project, options: dict[str, Any]
) -> None:
    page = people.signed_in(factories.ada(), **options)
    page.route_web_socket("**/ws/**", lambda socket: None)
    page.goto(f"/projects/{project.public_id}/")
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0
    page.get_by_role("button", name="Look at the answers of Swift").click()
    expect(page.get_by_text("Answered by Swift")).to_be_visible()
