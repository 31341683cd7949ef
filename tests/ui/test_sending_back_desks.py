"""An image is sent back by keyboard, and its worker corrects it, at a desk and on a phone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.review.models import RejectedAnswer
from tests import factories
from tests.rejected import WHY, a_reviewer, a_wrong_gold_answer, an_answered_task, hash_of, show_now
from tests.ui.live import PHONE, People, a_scene_image
from tests.ui.test_appeal_desks import SAVED, open_page, press
from tests.ui.test_worker_touch import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
POLICY: dict[str, Any] = {"answers_min": 1, "answers_max": 1, "appeal_days": 7, "send_back_days": 2}
REGION = {"x": 40, "y": 40, "w": 120, "h": 90}


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays", classes=("cat", "dog", "fox"), workers=[factories.wren()], **POLICY)


@pytest.fixture
def drawn() -> Project:
    return factories.a_project("Boxes", classes=("cat", "dog"), tools=("box",), workers=[factories.wren()], **POLICY)


def a_drawn_correction(project: Project) -> None:
    task = factories.a_task(project, image=a_scene_image(project, 2), wanted=1)
    factories.a_credit(factories.an_answer(task, factories.wren(), factories.box_answer((1, 60, 60, 80, 70))))
    relabel(task_ids=[task.pk])
    task.refresh_from_db()
    reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY, region=REGION, send_back=True)
    show_now()


def take_set(page: Page, project: Project) -> None:
    page.goto(f"/work/{project.public_id}/")
    page.get_by_role("button", name="Take").first.click()
    page.wait_for_selector(".annotator canvas")
    page.wait_for_selector("html:not([data-quiet])")


def test_a_reviewer_sends_back_and_the_worker_corrects(people: People, project: Project) -> None:
    an_answered_task(project, factories.wren(), image=a_scene_image(project, 1))
    review = open_page(people, factories.ada(), f"/projects/{project.public_id}/review/")
    press(review, "r")
    expect(review.get_by_role("dialog")).to_be_visible()
    press(review, "Control+Enter")
    expect(review.get_by_role("dialog")).to_be_visible()  # there is no reason yet
    review.keyboard.type(WHY)
    press(review, "Control+Enter")
    expect(review.get_by_text("Nothing to review")).to_be_visible(timeout=SAVED)
    assert RejectedAnswer.objects.get().is_kept
    show_now()

    worker = open_page(people, factories.wren(), f"/work/{project.public_id}/rejected/")
    expect(worker.get_by_text("Sent back to you")).to_be_visible()
    take_set(worker, project)
    expect(worker.get_by_text("Please correct your answer")).to_be_visible()
    expect(worker.get_by_text(WHY)).to_be_visible()
    expect(worker.get_by_text("You answered: cat. You were paid for this image.")).to_be_visible()
    press(worker, "1")
    expect(worker.get_by_text("This is the answer that was sent back.")).to_be_visible()
    assert Annotation.objects.count() == 1
    press(worker, "2")
    expect(worker.get_by_role("heading", name="Check your answers")).to_be_visible(timeout=SAVED)
    worker.wait_for_selector("html:not([data-quiet])")
    worker.get_by_role("button", name="Submit").click()
    worker.wait_for_url("**/handed-in/**", timeout=SAVED)
    answers = Annotation.objects.order_by("pk").values_list("body__image__class", flat=True)
    assert list(answers) == [1, 2]


def test_the_former_drawing_is_the_beginning_on_a_phone(people: People, drawn: Project) -> None:
    a_drawn_correction(drawn)
    page = people.signed_in(factories.wren(), **PHONE)
    take_set(page, drawn)
    expect(page.get_by_text("Please correct your answer")).to_be_visible()
    assert overflow(page) == 0
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("This is the answer that was sent back.")).to_be_visible()
    page.get_by_role("button", name="Nothing to draw here").click()
    expect(page.get_by_text("Remove them before you select")).to_be_visible()
    page.get_by_role("button", name="New box in the center").click()
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("heading", name="Check your answers")).to_be_visible(timeout=SAVED)
    page.wait_for_selector("html:not([data-quiet])")
    body = Annotation.objects.order_by("pk").last()
    assert body is not None


def test_wrong_answers_to_check_images_are_sent_back_by_keyboard(people: People, project: Project) -> None:
    gold = factories.a_gold(project, image=a_scene_image(project, 3), accepted=[factories.class_answer(1)])
    wrong = a_wrong_gold_answer(project, factories.wren(), gold=gold)
    RejectedAnswer.objects.create(project=project, worker=factories.wren(), assignment=wrong, state="draft")
    page = open_page(people, factories.ada(), f"/projects/{project.public_id}/review/appeals/?list=drafts")
    press(page, "r")
    page.keyboard.type(WHY)
    press(page, "Control+Enter")
    expect(page.get_by_text("Nothing to explain")).to_be_visible(timeout=SAVED)
    assert RejectedAnswer.objects.get().is_sent_back
