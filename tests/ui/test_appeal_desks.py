"""Rejected answers, appeals and their decision, on the worker's and the reviewer's page."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Actor
from kernel.clock import utc_now
from projects.models import Project
from tasks.gold.models import Gold
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import appeal
from tests import factories
from tests.rejected import (
    WHY,
    a_rejected_answer,
    a_reviewer,
    a_wrong_gold_answer,
    an_answered_task,
)
from tests.ui.live import PHONE, People, a_scene_image
from tests.ui.test_worker_touch import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: Milliseconds that a saved step may take on a busy machine.
SAVED = 20_000


@pytest.fixture
def project() -> Project:
    return factories.a_project(
        "Strays", classes=("cat", "dog", "fox"), workers=[factories.wren()], answers_min=1, answers_max=1, appeal_days=7
    )


def some_rejected(project: Project, count: int) -> list[RejectedAnswer]:
    """The last one is to a check image."""
    rows = [a_rejected_answer(project, factories.wren(), image=a_scene_image(project, n)) for n in range(count - 1)]
    gold = factories.a_gold(project, image=a_scene_image(project, count), accepted=[factories.class_answer(1)])
    wrong = a_wrong_gold_answer(project, factories.wren(), gold=gold)
    first = rows[0]
    shown: dict[str, Any] = {"shown_from": first.shown_from, "appeal_until": first.appeal_until}
    region = {"x": 40, "y": 40, "w": 120, "h": 90}
    row = RejectedAnswer.objects.create(
        project=project,
        worker=factories.wren(),
        assignment=wrong,
        reviewer=a_reviewer(),
        reason=WHY,
        region=region,
        **shown,
    )
    return [*rows, row]


def open_page(people: People, actor: Actor, path: str, **screen: Any) -> Page:
    page = people.signed_in(actor, **screen)
    page.goto(path)
    page.wait_for_selector(".annotator canvas")
    page.wait_for_selector("html:not([data-quiet])")
    return page


def press(page: Page, key: str) -> None:
    page.wait_for_selector("html:not([data-quiet])")
    page.keyboard.press(key)


def test_ten_rejected_labels_are_appealed_and_decided_by_keyboard(people: People, project: Project) -> None:
    some_rejected(project, 10)
    worker = open_page(people, factories.wren(), f"/work/{project.public_id}/rejected/")
    expect(worker.get_by_text(WHY)).to_be_visible()
    for number in range(10):
        expect(worker.locator("[data-rejected-desk-target=position]")).to_have_text(f"{number + 1} of 10")
        press(worker, "a")
        expect(worker.get_by_role("dialog")).to_be_visible()
        press(worker, "Control+Enter")
        expect(worker.get_by_role("dialog")).to_be_visible()  # it is empty
        worker.keyboard.type(f"Look at ear {number}.")
        press(worker, "Control+Enter")
        expect(worker.get_by_role("dialog")).to_be_hidden()
        assert worker.locator("[data-rejected-desk-target=problem]").inner_text() == ""
        if number < 9:
            expect(worker.locator("[data-rejected-desk-target=position]")).to_have_text(
                f"{number + 2} of 10", timeout=SAVED
            )
    expect(worker.get_by_text("Your appeal was sent.")).to_be_visible(timeout=SAVED)
    expect(worker.get_by_role("button", name="Appeal")).to_be_hidden()
    assert set(RejectedAnswer.objects.values_list("state", flat=True)) == {"appealed"}

    review = open_page(people, factories.ada(), f"/projects/{project.public_id}/review/appeals/")
    for number in range(10):
        expect(review.locator("[data-appeal-desk-target=position]")).to_have_text(f"1 of {10 - number}", timeout=SAVED)
        press(review, "d" if number % 2 else "u")
        expect(review.get_by_role("dialog")).to_be_visible()
        review.keyboard.type("You are right." if number % 2 == 0 else "The tail is too short.")
        press(review, "Enter")
        expect(review.get_by_role("dialog")).to_be_hidden()
    expect(review.get_by_text("No appeals to decide")).to_be_visible(timeout=SAVED)
    states = list(RejectedAnswer.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["upheld", "denied"] * 5
    assert Gold.objects.get().state == "active", "the tenth was denied"
    assert {row.decided_by for row in RejectedAnswer.objects.all()} == {factories.ada()}

    worker.goto(f"/work/{project.public_id}/rejected/")
    worker.wait_for_selector(".annotator canvas")
    texts = {worker.locator("[data-rejected-desk-target=decision]").inner_text()}
    press(worker, "ArrowRight")
    texts.add(worker.locator("[data-rejected-desk-target=decision]").inner_text())
    assert texts <= {"You are right.", "The tail is too short."}


def test_who_rejected_it_cannot_decide(people: People, project: Project) -> None:
    row = a_rejected_answer(project, factories.wren(), reviewer=factories.ada(), image=a_scene_image(project, 0))
    appeal(worker=factories.wren(), public_id=row.public_id, statement="Look at the ears.")
    page = open_page(people, factories.ada(), f"/projects/{project.public_id}/review/appeals/")
    expect(page.get_by_text("Someone else has to decide")).to_be_visible()
    expect(page.get_by_role("button", name="Uphold")).to_be_hidden()
    press(page, "u")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_rejection_marks_the_part_of_the_image_on_the_screen(people: People, project: Project) -> None:
    task = an_answered_task(project, factories.wren(), image=a_scene_image(project, 1))
    page = open_page(people, factories.ada(), f"/projects/{project.public_id}/review/")
    page.locator(".annotator").focus()
    for _ in range(4):
        press(page, "+")
    press(page, "r")
    expect(page.get_by_label("Mark the part of the image on the screen")).to_be_checked()
    page.keyboard.type(WHY)
    press(page, "Enter")
    expect(page.get_by_text("Nothing to review")).to_be_visible(timeout=SAVED)
    region = RejectedAnswer.objects.get(assignment__task=task).region
    assert region is not None
    assert 0 < region["w"] * region["h"] < 0.9 * task.image.width * task.image.height


def test_a_wrong_answer_to_a_check_image_is_rejected_like_any_other(people: People, project: Project) -> None:
    gold = factories.a_gold(project, image=a_scene_image(project, 2))
    wrong = a_wrong_gold_answer(project, factories.wren(), gold=gold)
    RejectedAnswer.objects.create(project=project, worker=factories.wren(), assignment=wrong, state="draft")
    page = open_page(people, factories.ada(), f"/projects/{project.public_id}/review/appeals/?list=drafts")
    expect(page.get_by_text("Check image. Accepted: cat.")).to_be_visible()
    press(page, "r")
    page.keyboard.type("That was a check image.")
    press(page, "Enter")
    expect(page.get_by_text("The worker reads this, and must not learn")).to_be_visible()
    press(page, "r")
    page.keyboard.type(WHY)
    press(page, "Enter")
    expect(page.get_by_text("Nothing to explain")).to_be_visible(timeout=SAVED)
    row = RejectedAnswer.objects.get()
    assert (row.state, row.reason, row.shown_from) == ("rejected", WHY, None)


@pytest.mark.parametrize("screen", [PHONE, {}], ids=["phone", "desktop"])
def test_both_pages_fit(people: People, project: Project, screen: dict[str, Any]) -> None:
    for row in some_rejected(project, 2):
        appeal(worker=factories.wren(), public_id=row.public_id, statement="Look at the ears." * 20)
    for actor, path in (
        (factories.wren(), f"/work/{project.public_id}/rejected/"),
        (factories.ada(), f"/projects/{project.public_id}/review/appeals/"),
    ):
        page = open_page(people, actor, path, **screen)
        assert overflow(page) == 0


def test_the_work_page_says_that_answers_were_rejected(people: People, project: Project) -> None:
    a_rejected_answer(project, factories.wren(), image=a_scene_image(project, 0))
    page = people.signed_in(factories.wren())
    page.goto("/work/")
    page.get_by_role("link", name="See why, or appeal").click()
    expect(page.get_by_role("heading", name="Rejected answers")).to_be_visible()
    RejectedAnswer.objects.update(shown_from=utc_now() - timedelta(days=9), appeal_until=utc_now() - timedelta(days=2))
    page.reload()
    expect(page.get_by_text("The time to appeal is over.")).to_be_visible()
