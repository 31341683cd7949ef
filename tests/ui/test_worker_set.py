"""A set in the browser: what it says about time and skips, that check images look the same, and how much it loads."""

import re
from datetime import timedelta
from typing import Any

import brotli
import pytest
from playwright.sync_api import Response, expect

from kernel.clock import utc_now
from tasks.assignment.leases import MOST_LEASES
from tasks.assignment.models import Assignment, Hand
from tasks.flow.expiry import expire_leases
from tests import factories
from tests.ui.live import People, a_scene_image, current_bodies, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser
#: Bytes with brotli, a part of the 100 kB that the page may have: see docs/performance.md.
SCRIPT_BUDGET = 64_000


def in_seconds(project: Any, seconds: float) -> None:
    """Make the set expire in this many seconds, at its limit, so that no answer renews it."""
    end = utc_now() + timedelta(seconds=seconds)
    claimed = end - timedelta(seconds=MOST_LEASES * project.lease_seconds)
    Hand.objects.filter(project=project).update(created_at=claimed, expires_at=end)
    Assignment.objects.filter(project=project, state="leased").update(expires_at=end)


def test_when_time_is_up_the_page_says_so_and_late_answers_are_accepted(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, hand_size=2)
    scene_tasks(project, 2)
    page = SetPage(people.signed_in(wren), project)
    page.take()
    in_seconds(project, 4)
    page.open()
    page.press("1")
    page.at_image(2, 2)
    expect(
        page.page.get_by_text("Your answers count if they are still needed. You are paid either way.")
    ).to_be_visible()
    expect(page.page.locator(".set-time")).to_have_text("Time is up")
    expire_leases()
    page.press("2")
    expect(page.page.get_by_text("Time is up for this set. Saved.")).to_be_visible()
    page.page.wait_for_selector("html:not([data-quiet])")
    page.page.get_by_role("button", name="See what you earned").first.click()
    page.earned()
    assert [body["image"]["class"] for body in current_bodies(project)] == [1, 2]


def test_a_skipped_image_goes_to_someone_else_and_is_not_counted(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, hand_size=2)
    scene_tasks(project, 2)
    page = SetPage(people.signed_in(wren), project).take()
    page.skip()
    page.at_image(2, 2)
    page.press("1")
    assert page.overview() == ["1 Skipped", "2 cat"]
    page.page.locator(".thumb").first.click()
    page.at_image(1, 2)
    expect(page.page.get_by_text("You skipped this image. Someone else will label it.")).to_be_visible()
    expect(page.page.get_by_role("button", name=re.compile("^I cannot tell"))).to_be_disabled()
    page.press("o")
    page.hand_in(1)
    states = Assignment.objects.filter(project=project).order_by("position").values_list("state", flat=True)
    assert list(states) == ["skipped", "submitted"]


def test_a_set_can_be_handed_in_before_it_is_done(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, hand_size=3)
    scene_tasks(project, 3)
    page = SetPage(people.signed_in(wren), project).take()
    page.press("1")
    page.at_image(2, 3)
    page.press("o")
    assert page.overview() == ["1 cat", "2 No answer yet", "3 No answer yet"]
    page.hand_in(1)
    assert Assignment.objects.filter(project=project, state="released").count() == 2


def test_a_project_may_ask_for_a_class_and_boxes(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Both", workers=[wren], gold_rate=0, tools=("class", "box"), hand_size=1)
    scene_tasks(project, 1)
    page = SetPage(people.signed_in(wren), project).take()
    page.draw()
    page.press("Enter")
    expect(page.page.get_by_text("Choose a class for the image first.")).to_be_visible()
    page.page.get_by_role("radiogroup", name="Class of the image").get_by_text("dog").click()
    page.page.get_by_role("button", name=re.compile("^Save and next")).click()
    assert page.overview() == ["1 dog: cat"]
    page.hand_in(1)
    (body,) = current_bodies(project)
    assert (body["image"]["class"], len(body["objects"])) == (2, 1)


def test_check_images_look_like_all_others(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0.5, hand_size=4)
    scene_tasks(project, 4)
    for index in range(4, 8):
        factories.a_gold(project, image=a_scene_image(project, index))
    page = SetPage(people.signed_in(wren), project)
    headers: dict[str, set[tuple[str, ...]]] = {}

    def note(response: Response) -> None:
        if "/image" in response.url and "/static/" not in response.url:
            kept = {name: value for name, value in response.headers.items() if name not in {"content-length", "date"}}
            # Random for each request, whatever it is for.
            kept["x-request-id"] = re.sub("[0-9a-f]", "?", kept["x-request-id"])
            # The id of the assignment, which is in the address too, and how many calls the worker has left.
            kept["etag"] = re.sub("[0-9a-f]", "?", kept["etag"])
            kept["ratelimit"] = re.sub(r"\d+", "?", kept["ratelimit"])
            headers.setdefault(response.url, set()).add(tuple(sorted(f"{k}: {v}" for k, v in kept.items())))

    page.page.on("response", note)
    page.take()
    page.page.wait_for_load_state("networkidle")
    assert Assignment.objects.filter(project=project, gold__isnull=False).exists()
    assert len(headers) == 4
    assert len(set().union(*headers.values())) == 1


def test_the_scripts_of_a_set_stay_within_their_budget(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box",), hand_size=1)
    scene_tasks(project, 1)
    page = SetPage(people.signed_in(wren), project)
    scripts: dict[str, int] = {}

    def note(response: Response) -> None:
        if response.url.split("?")[0].endswith(".js"):
            scripts[response.url] = len(brotli.compress(response.body()))

    page.page.on("response", note)
    page.take()
    page.page.wait_for_load_state("networkidle")
    print(f"{len(scripts)} scripts, {sum(scripts.values())} bytes compressed")
    # The early theme script, the page before, and the set itself.
    assert len(scripts) == 3
    assert sum(scripts.values()) < SCRIPT_BUDGET
