"""Figures and tables of the managers' pages: nothing is cut, times are local after each refresh, and few is not 0%."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.template import Context, Template
from django.test import Client
from playwright.sync_api import Page, expect

from kernel.clock import database_now
from kernel.events import number_events
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.gold_images import make_gold_image
from tasks.flow.rejection import reject_label
from tasks.gold.models import Gold
from tasks.ingest.models import Import
from tasks.review.services import approve_batch, approve_label
from tests import factories
from tests.crowd import write_answers
from tests.labeled import a_crowd, a_labeled_task, run_report_jobs
from tests.ui.live import PHONE, People

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def read(project: Project, path: str = "") -> str:
    client = Client()
    client.force_login(factories.ada().user)
    page = client.get(f"/projects/{project.public_id}/{path}").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_shares_of_few_are_numbers() -> None:
    project = factories.a_project()
    factories.admitted(project, factories.wren(), gold=(0, 1))
    text = read(project)
    assert "0 of 1 right answer to check images" in text
    assert "0%" not in text.partition("How good is it?")[2].partition("What does it cost?")[0]
    factories.some_evidence(project, factories.wren(), correct=19, incorrect=1)
    assert "95% right of 20 answers to check images" in read(project)


@pytest.mark.parametrize(
    ("share", "whole", "shown"), [(0.0, 1, "0 of 1"), (2 / 3, 3, "2 of 3"), (0.5, 10, "50%"), (None, 0, "–")]
)
def test_the_filter_of_shares(share: float | None, whole: int, shown: str) -> None:
    template = Template("{% load manage %}{{ share|share_of:whole }}")
    assert template.render(Context({"share": share, "whole": whole})) == shown


def test_overview_workers_and_quality_say_the_same_agreement() -> None:
    project = factories.a_project(answers_min=3, answers_max=3)
    for number in range(8):
        other = 2 if number < 4 else 1
        a_labeled_task(project, [factories.class_answer(1), factories.class_answer(1), factories.class_answer(other)])
    read(project, "quality/")
    run_report_jobs()
    assert "83% of 24 answers match the agreed label" in read(project)
    assert "4 of 8" in read(project, "workers/")
    assert "4 of 8" in read(project, "quality/").partition("Estimated accuracy")[2]


def boxes_with_gold() -> Project:
    """Twelve images of boxes, and two check images that the crowd answers, one of them wrongly."""
    project = factories.a_project("Things", tools=("box",), classes=("apple", "cup"), answers_min=3, answers_max=3)
    right, wrong = (1, 10, 10, 80, 60), (1, 200, 200, 80, 60)
    for _ in range(4):
        a_labeled_task(project, [factories.box_answer(right)] * 3)
    crowd = a_crowd(project, 3)
    golds = [
        make_gold_image(
            project=project, image=factories.a_task(project).image, raw=factories.box_answer(right), by=factories.ada()
        )
        for _ in range(2)
    ]
    bodies: dict[Task | Gold, dict[str, Any]] = dict(
        zip(golds, (factories.box_answer(right), factories.box_answer(wrong)), strict=True)
    )
    write_answers(project, {worker: dict(bodies) for worker in crowd})
    return project


def test_quality_compares_with_what_the_replay_compares_with() -> None:
    project = boxes_with_gold()
    for path in ("quality/", "what-if/"):
        read(project, path)
    assert [job.state for job in run_report_jobs()] == ["done", "done"]
    text = read(project, "quality/")
    assert "Nothing to compare" not in text
    assert "2 checked labels: 0 reviewed, 2 of check images" in text
    assert "1 of 2 correct" in text
    assert "measured on 2 images with a known label" in read(project, "what-if/")


def test_a_label_that_was_reviewed_twice_is_checked_once() -> None:
    project = factories.a_project(answers_min=3, answers_max=3)
    for _ in range(2):
        a_labeled_task(project, [factories.class_answer(1)] * 3)
    label = ConsensusLabel.objects.filter(project=project).first()
    assert label is not None

    approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
    reject_label(
        reviewer=factories.ada(), task=label.task, label_hash=label.content_hash, reason="It is a dog.", again=True
    )
    read(project, "quality/")
    run_report_jobs()
    text = read(project, "quality/")
    assert "1 checked label: 1 reviewed, 0 of check images" in text
    assert "0 of 1 correct" in text


class TestInABrowser:
    pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

    @pytest.fixture
    def project(self, people: People) -> Project:
        """Batches in all states, with long names and large numbers."""
        project = factories.a_project("Farm", classes=("cat", "dog", "owl"), answers_min=3, answers_max=3)
        for number in range(9):
            a_labeled_task(project, [factories.class_answer(1 + number % 3)] * 3)
        approved = Task.objects.filter(project=project)[0].batch
        for state in ("draft", "paused", "open"):
            batch = factories.a_batch(project, state=state)
            factories.a_task(project, batch=batch)
        Batch.objects.filter(project=project, state="open").update(deadline_at=database_now() + timedelta(days=3))
        done = factories.a_batch(project)
        a_labeled_task(project, [factories.class_answer(1)] * 3)
        for label in ConsensusLabel.objects.filter(task__batch=done):
            approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
        approve_batch(reviewer=factories.ada(), batch=Batch.objects.get(pk=approved.pk))
        values: dict[str, Any] = {"project_id": project.pk, "dataset": project.dataset, "created_by": factories.ada()}
        Import.objects.create(source="files", state="done", **values)
        factories.admitted(project, factories.a_worker("Bartholomew-Alexander"), gold=(0, 9), state="paused")
        number_events(project_id=project.pk)
        for path in ("quality/", "what-if/"):
            read(project, path)
        run_report_jobs()
        return project

    @pytest.mark.parametrize("path", ["", "workers/", "quality/", "what-if/"])
    def test_no_table_or_button_is_cut(self, people: People, project: Project, path: str) -> None:
        page = people.signed_in(factories.ada())
        page.route_web_socket("**/ws/**", lambda socket: None)
        page.goto(f"/projects/{project.public_id}/{path}")
        found = {}
        for width in (320, 360, 390, 768, 820, 900, 1024, 1240, 1280, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(50)
            found[width] = cut(page)
        assert {width: each for width, each in found.items() if each} == {}

    def test_times_are_local_after_every_refresh(self, people: People, project: Project) -> None:
        page = people.signed_in(factories.ada(), viewport={"width": 1280, "height": 900}, timezone_id="Asia/Tokyo")
        page.route_web_socket("**/ws/**", lambda socket: None)
        for path in ("", "images/", "quality/", "what-if/", "releases/"):
            page.goto(f"/projects/{project.public_id}/{path}")
            assert_local(page)
            for event in events_of(page):
                with page.expect_response(lambda response: "part=" in response.url, timeout=15_000):
                    page.evaluate("(type) => document.dispatchEvent(new CustomEvent(type))", event)
                assert_local(page)

    @pytest.mark.parametrize("path", ["quality/", "what-if/"])
    def test_the_loading_text_fits_a_phone(self, people: People, path: str) -> None:
        project = factories.a_project("Strays")
        a_labeled_task(project, [factories.class_answer(1)] * 3)
        page = people.signed_in(factories.ada(), **PHONE)
        page.goto(f"/projects/{project.public_id}/{path}")
        text = page.locator(".state[aria-busy] p")
        expect(text).to_be_visible()
        box = text.bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.evaluate("window.innerWidth")
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0


def events_of(page: Page) -> set[str]:
    """The first event that refreshes each part of the page."""
    parts = page.locator("[data-refresh-on]").all()
    return {(part.get_attribute("data-refresh-on") or "").split()[0] for part in parts}


def assert_local(page: Page) -> None:
    page.wait_for_timeout(300)
    times = page.locator("time")
    assert [text for text in times.all_text_contents() if "UTC" in text] == []


def cut(page: Page) -> list[Any]:
    """Tables that are wider than their place, and buttons that reach beyond their table or the page."""
    found: list[Any] = page.evaluate(
        """() => {
          const tables = [...document.querySelectorAll(".table-wrap")];
          const wide = tables.filter((each) => each.scrollWidth > each.clientWidth);
          const beyond = [...document.querySelectorAll("main button, main a[role=button]")].filter((each) => {
            if (!each.checkVisibility()) return false;
            const place = (each.closest(".table-wrap, .card") ?? document.documentElement).getBoundingClientRect();
            const box = each.getBoundingClientRect();
            return box.right > place.right + 1 || box.left < place.left - 1;
          });
          return [...wide.map((each) => [each.className, each.scrollWidth, each.clientWidth]),
            ...beyond.map((each) => each.textContent.trim())];
        }"""
    )
    return found
