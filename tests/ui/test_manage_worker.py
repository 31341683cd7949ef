"""A manager reads one worker's page, voids the worker's answers after a preview, and undoes that."""

import os
import re
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Actor
from projects.models import Project
from tasks.flow.repair import run_repair
from tasks.repair.models import Repair
from tasks.review.services import approve_label
from tests import factories, repairs
from tests.labeled import a_crowd, a_paid_task
from tests.ui.live import PHONE, People

pytestmark = pytest.mark.django_db(transaction=True)

CAT, DOG = factories.class_answer(1), factories.class_answer(2)


@pytest.fixture
def project(db: None) -> Project:
    project = factories.a_project("Strays", answers_min=2, answers_max=2, gold_rate=0, price="0.05")
    project.refresh_from_db()
    a_crowd(project, 3)
    for bodies in ([DOG, CAT, CAT], [CAT, CAT], [DOG, CAT, CAT]):
        task = a_paid_task(project, bodies)
        label = task.labels.get()
        approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    repairs.a_release(project)
    return project


def bird(project: Project) -> Actor:
    return a_crowd(project, 1)[0]


def shot(page: Page, name: str) -> None:
    """Keep a picture where SHOTS says, for somebody to look at."""
    if folder := os.environ.get("SHOTS"):
        page.wait_for_selector("html:not([data-quiet])")
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def open_page(people: People, project: Project, **options: object) -> Page:
    page = people.signed_in(factories.ada(), **options)
    page.goto(reverse("workers_ui:worker", args=[project.public_id, bird(project).public_id]))
    page.wait_for_selector("html:not([data-quiet])")
    return page


def test_answers_are_voided_after_a_preview_and_restored(people: People, project: Project) -> None:
    page = open_page(people, project)
    expect(page.get_by_role("heading", name="Bird1")).to_be_visible()
    shot(page, "worker")
    page.get_by_role("button", name="Preview").click()
    facts = page.locator("dl.facts")
    expect(facts).to_contain_text(re.compile(r"Answers that become void\s*3"))
    expect(facts).to_contain_text(re.compile(r"Finished images to label again\s*1"))
    expect(page.get_by_text("Release 1: 3 labels")).to_be_visible()
    shot(page, "preview")
    page.get_by_label("Reason").fill("Random answers.")
    page.get_by_label("Is taken back from their balance").check()
    page.get_by_role("button", name="Void answers").click()
    expect(page.get_by_text("The answers are void.")).to_be_visible()
    expect(page.get_by_text("Images dealt with")).to_be_visible()
    shot(page, "voiding")
    run_repair(repair_id=Repair.objects.get().pk)
    # The list reloads by itself.
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    shot(page, "voided")
    page.goto(reverse("workers_ui:releases", args=[project.public_id]))
    expect(page.get_by_text("3 labels of this release rest on answers that were voided")).to_be_visible()
    shot(page, "release")
    page.goto(reverse("workers_ui:worker", args=[project.public_id, bird(project).public_id]))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("dl.facts")).to_contain_text(re.compile(r"Images that become what they were\s*3"))
    shot(page, "undo")
    page.get_by_label("Reason").fill("The wrong worker.")
    page.get_by_role("button", name="Restore answers").click()
    run_repair(repair_id=Repair.objects.get().pk)
    expect(page.get_by_text("Undone", exact=True)).to_be_visible()
    assert Repair.objects.get().state == Repair.State.RESTORED


def test_a_worker_is_removed_and_the_preview_follows(people: People, project: Project) -> None:
    page = open_page(people, project, **PHONE)
    shot(page, "worker-phone")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_label("Then show me what voiding their answers would do").check()
    shot(page, "remove-phone")
    page.get_by_role("button", name="Remove worker").click()
    expect(page.get_by_role("heading", name="Void the answers of Bird1")).to_be_visible()
    shot(page, "preview-phone")
    assert bird(project).standings.get(project=project).state == "removed"


def test_the_page_is_dark_for_those_who_prefer_it(people: People, project: Project) -> None:
    page = open_page(people, project, color_scheme="dark", viewport={"width": 1440, "height": 900})
    expect(page.get_by_role("heading", name="Void answers")).to_be_visible()
    shot(page, "worker-dark")
    expect(page.get_by_label("Only answers since (empty: all)")).to_be_visible()
