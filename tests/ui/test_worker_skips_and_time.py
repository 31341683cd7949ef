"""Skipping with a reason, and more time for a set: by keyboard, by touch, and without a connection."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import expect

from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tests import factories
from tests.ui.live import PHONE, People, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.test_worker_touch import SMALL_TARGETS, overflow

pytestmark = pytest.mark.browser

LEASE = 1200


def a_project(images: int = 4) -> Project:
    project = factories.a_project(
        "Strays", workers=[factories.wren()], gold_rate=0, hand_size=images, lease_seconds=LEASE
    )
    scene_tasks(project, images)
    return project


def set_left(seconds: float, *, since_claim: float = LEASE) -> None:
    now = ClockTimestamp()
    end = now + timedelta(seconds=seconds)
    Hand.objects.update(created_at=now - timedelta(seconds=since_claim), expires_at=end)
    Assignment.objects.filter(state="leased").update(expires_at=end)


def skipped() -> list[tuple[int, str, str]]:
    rows = Assignment.objects.filter(state="skipped").order_by("position")
    return list(rows.values_list("position", "skip_reason", "skip_note"))


def left() -> float:
    return float((Hand.objects.annotate(left=F("expires_at") - ClockTimestamp()).get().left).total_seconds())


def test_images_are_skipped_with_a_reason_by_keyboard(people: People) -> None:
    project = a_project()
    page = SetPage(people.signed_in(factories.wren()), project).take()
    page.skip()
    page.at_image(2, 4)
    page.skip("1")
    page.at_image(3, 4)
    page.press("s")
    sheet = page.page.get_by_role("dialog", name="Why do you skip this image?")
    expect(sheet).to_be_visible()
    page.press("Escape")
    expect(sheet).to_be_hidden()
    page.at_image(3, 4)
    page.press("s")
    page.page.get_by_label("Note for your manager (optional)").fill("12 cats & <b>dogs</b>")
    page.press("Enter")
    page.at_image(4, 4)
    page.press("1")
    assert page.overview() == ["1 Skipped", "2 Skipped", "3 Skipped", "4 cat"]
    page.hand_in(1)
    assert skipped() == [(1, "", ""), (2, "unclear_image", ""), (3, "other", "12 cats & <b>dogs</b>")]


def test_an_image_is_skipped_by_touch_with_one_more_tap(people: People) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren(), **PHONE), project).take()
    page.page.get_by_role("button", name="Skip").tap()
    sheet = page.page.get_by_role("dialog", name="Why do you skip this image?")
    expect(sheet).to_be_visible()
    assert overflow(page.page) <= 0
    small = SMALL_TARGETS.replace("!item.closest('dialog')", "item.closest('dialog[open]')")
    assert page.page.evaluate(small) == []
    sheet.get_by_role("button", name="I would rather not see this").tap()
    page.at_image(2, 2)
    page.page.get_by_role("radio", name="cat").tap()
    page.page.wait_for_selector("html:not([data-quiet]) .set-overview:not([hidden])")
    page.page.get_by_role("button", name="Submit 1 answer").tap()
    page.earned()
    assert skipped() == [(1, "not_for_me", "")]


def test_a_reason_given_without_a_connection_is_sent_later(people: People) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren()), project).take()
    page.page.wait_for_load_state("networkidle")
    page.page.context.set_offline(True)
    page.skip("2")
    page.at_image(2, 2)
    expect(page.page.locator(".sync-line")).to_contain_text("Saved on this device")
    assert skipped() == []
    page.page.context.set_offline(False)
    expect(page.page.locator(".sync-line")).to_have_text("All sent", timeout=20_000)
    assert skipped() == [(1, "unclear_task", "")]


def test_an_answer_late_in_a_set_renews_the_time_on_the_page(people: People) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren()), project).take()
    set_left(200)
    page.open()
    expect(page.page.locator(".set-time")).to_have_text("4 min left")
    page.press("1")
    expect(page.page.locator(".set-time")).to_have_text("20 min left")
    expect(page.page.get_by_role("button", name="I need more time")).to_be_hidden()
    assert left() == pytest.approx(LEASE, abs=30)


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_a_worker_asks_for_more_time(people: People, options: dict[str, Any]) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren(), **options), project).take()
    button = page.page.get_by_role("button", name="I need more time")
    expect(button).to_be_hidden()
    set_left(200)
    page.open()
    expect(button).to_be_visible()
    assert overflow(page.page) <= 0
    assert page.page.evaluate(SMALL_TARGETS) == []
    button.click()
    expect(page.page.locator(".set-time")).to_have_text("20 min left")
    expect(button).to_be_hidden()
    assert left() == pytest.approx(LEASE, abs=30)


def test_more_time_that_was_asked_for_offline_is_given_later_and_the_page_shows_the_true_end(people: People) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren()), project).take()
    set_left(200)
    page.open()
    page.page.wait_for_load_state("networkidle")
    page.page.context.set_offline(True)
    page.page.get_by_role("button", name="I need more time").click()
    expect(page.page.locator(".sync-line")).to_contain_text("Saved on this device")
    expect(page.page.locator(".set-time")).to_have_text("4 min left")
    expect(page.page.get_by_role("button", name="I need more time")).to_be_disabled()
    page.page.context.set_offline(False)
    expect(page.page.locator(".set-time")).to_have_text("20 min left", timeout=20_000)


def test_at_the_limit_there_is_no_more_time(people: People) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren()), project).take()
    set_left(200, since_claim=4 * LEASE - 200)
    page.open()
    expect(page.page.locator(".set-time")).to_have_text("4 min left")
    expect(page.page.get_by_role("button", name="I need more time")).to_be_hidden()


def test_a_request_that_comes_too_late_is_refused_in_words(people: People) -> None:
    project = a_project(2)
    page = SetPage(people.signed_in(factories.wren()), project).take()
    set_left(200)
    page.open()
    set_left(-1)
    page.page.get_by_role("button", name="I need more time").click()
    expect(page.page.locator(".set-refused")).to_contain_text("More time: The time for this set is over.")
