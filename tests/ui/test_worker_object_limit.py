"""An answer holds 1,000 boxes: the next one is refused in words where it is drawn, and no drawing is ever lost."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from annotary.runtime.source_roots import ROOT
from annotary_core.labels.parse import MAX_OBJECTS
from tasks.annotation.models import Annotation
from tasks.assignment.models import Hand
from tests import factories
from tests.ui.live import People, current_bodies, scene_tasks
from tests.ui.sets import SetPage

STATIC = ROOT / "workers_ui/static/workers_ui"
DRAFT = """([id, count]) => {
  const box = (at) => ({ x: at % 40, y: Math.floor(at / 40), w: 6, h: 6 });
  const objects = Array.from({ length: count }, (_, at) =>
    ({ id: `o${at}`, class: 1, tool: "box", geom: box(at), attrs: {} }));
  localStorage.setItem(`annotary-draft:${id}`, JSON.stringify({ objects, classId: null }));
}"""


def test_the_page_and_the_server_have_the_same_limit() -> None:
    text = Path(STATIC / "canvas/object_store.js").read_text()
    assert re.findall(r"MAX_OBJECTS = (\d+)", text) == [str(MAX_OBJECTS)]


def a_set_of_one(people: People, boxes: int) -> SetPage:
    wren = factories.wren()
    project = factories.a_project("Herds", workers=[wren], gold_rate=0, tools=("box",), hand_size=1)
    scene_tasks(project, 1)
    page = SetPage(people.signed_in(wren), project).take()
    page.page.evaluate(DRAFT, [str(Hand.objects.get().assignments.get().public_id), boxes])
    page.page.reload()
    return page.ready()


@pytest.mark.browser
def test_the_box_over_the_limit_is_refused_when_it_is_drawn(people: People) -> None:
    page = a_set_of_one(people, MAX_OBJECTS - 1)
    page.press("n")
    expect(page.page.locator(".annotator-warning")).to_be_hidden()
    page.press("n")
    warning = page.page.locator(".annotator-warning")
    expect(warning).to_have_text("An answer holds at most 1,000 boxes. This one was not added.")
    assert len(page.boxes()) == MAX_OBJECTS
    page.press("Delete")
    expect(warning).to_be_hidden()
    page.press("n", "Enter")
    page.overview()
    page.hand_in(1)
    (body,) = current_bodies(page.project)
    assert len(body["objects"]) == MAX_OBJECTS


@pytest.mark.browser
def test_a_drawing_of_an_older_page_over_the_limit_is_not_handed_in_until_it_fits(people: People) -> None:
    page = a_set_of_one(people, MAX_OBJECTS + 1)
    page.press("Enter")
    expect(
        page.page.get_by_text("This image has 1 more box than an answer can hold. Remove one first.")
    ).to_be_visible()
    assert not Annotation.objects.exists()
    page.ask("canvas.select(canvas.getObjects()[0].id)")
    page.press("Delete", "Enter")
    page.overview()


REFUSAL = '{"title": "Refused", "detail": "The answer has 1,001 objects. Send at most 1,000."}'


@pytest.mark.browser
def test_a_refused_answer_is_named_before_the_set_is_handed_in_and_its_drawing_stays(people: People) -> None:
    page = a_set_of_one(people, 2)

    def refuse(route: Any) -> None:
        route.fulfill(status=422, body=REFUSAL, content_type="application/problem+json")

    page.page.route("**/answer/", refuse)
    page.press("n", "Enter")
    page.overview()
    page.page.get_by_role("button", name="Submit 1 answer").click()
    expect(page.page.get_by_text("An answer was not accepted. The answer has 1,001 objects.")).to_be_visible()
    assert Hand.objects.get().state == Hand.State.LIVE
    page.page.unroute("**/answer/")
    page.page.reload()
    page.ready()
    assert len(page.boxes()) == 3
    page.press("Enter")
    page.overview()
    page.hand_in(1)
    (body,) = current_bodies(page.project)
    assert len(body["objects"]) == 3
