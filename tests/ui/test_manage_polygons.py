"""Polygons on managers' pages: check images, review and the evidence of a label draw them and store them."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotary_core.labels.answer import Answer
from annotary_core.labels.matching import column_of, similarity_matrix
from projects.models import Project
from tasks.consensus.models import ConsensusLabel
from tasks.gold.models import Gold
from tests import factories
from tests.labeled import a_labeled_task
from tests.ui.live import People, a_scene_image, scene_tasks
from tests.ui.test_lists_are_fresh import open_checks
from tests.ui.test_manage_review_desk import answered, open_review

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESK = """
const {{controllerOf}} = await import('/static/workers_ui/lib/controller_loader.js');
const element = document.querySelector('[data-controller~="{name}"]');
const canvas = controllerOf(element, "{name}").{path};
"""
RING = [[100.0, 100.0], [300.0, 120.0], [280.0, 300.0], [90.0, 280.0]]


def ask(page: Page, name: str, expression: str) -> Any:
    path = "annotator" if name == "task-evidence" else "desk.annotator"
    return page.evaluate(f"async () => {{ {DESK.format(name=name, path=path)} return {expression}; }}")


def click_around(page: Page, name: str, points: list[list[float]]) -> None:
    bounds = page.locator(".annotator").bounding_box()
    assert bounds is not None
    view = ask(page, name, "canvas.view")
    for x, y in points:
        page.mouse.click(
            bounds["x"] + 1 + view["x"] + x * view["scale"], bounds["y"] + 1 + view["y"] + y * view["scale"]
        )


def an_answer(*rings: list[list[float]]) -> dict[str, Any]:
    objects = [
        {"id": f"p{number}", "class": 1, "tool": "polygon", "geom": {"parts": [[ring]]}, "attrs": {}}
        for number, ring in enumerate(rings, 1)
    ]
    return {"image": {"class": None, "tags": [], "attrs": {}}, "objects": objects, "verdict": "labels"}


def a_project(**values: Any) -> Project:
    return factories.a_project("Leaves", classes=("leaf", "cup"), tools=("polygon",), **values)


def test_a_check_image_is_drawn_with_polygons(people: People) -> None:
    project = a_project(state="draft")
    scene_tasks(project, 2)
    page = open_checks(people, project)
    expect(page.get_by_role("button", name="New polygon")).to_be_visible()
    page.get_by_role("button", name="Save Enter").click()
    expect(page.get_by_text("Draw the polygons first, or select “Nothing to label”.")).to_be_visible()
    click_around(page, "gold-desk", RING)
    page.get_by_role("button", name="Save Enter").click()
    expect(page.locator(".annotator-warning")).to_contain_text("The polygon is not finished.")
    page.locator(".annotator").press("Enter")
    assert not Gold.objects.exists()
    page.locator(".annotator").press("Enter")
    expect(page.locator(".image-grid li")).to_have_count(1)
    (item,) = Gold.objects.get().accepted[0]["objects"]
    assert item["tool"] == "polygon"
    assert len(item["geom"]["parts"][0][0]) == 4


def test_a_reviewer_fixes_a_polygon(people: People) -> None:
    project = a_project()
    task = answered(project, 0, an_answer(RING), 0.6)
    answered(project, 1, an_answer(RING), 0.7)
    page = open_review(people, project)
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("1 polygon: leaf")
    page.keyboard.press("f")
    page.wait_for_selector("html:not([data-quiet])")
    page.keyboard.press("Tab")
    page.keyboard.press("]")
    page.keyboard.press("Shift+ArrowLeft")
    # Escape leaves the point, not the fix; so do the keys of a polygon that is being drawn.
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Save and approve")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Fixed and approved.")).to_be_visible()
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    assert label.body["objects"][0]["geom"]["parts"] == [[[[90.0, 100.0], *RING[1:]]]]


def test_a_reviewer_takes_the_points_from_a_polygon_that_nobody_needs(people: People) -> None:
    """A label of several answers has more points than anyone wants to correct one by one."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    blob = np.round(np.stack([250 + 100 * np.cos(angles), 200 + 90 * np.sin(angles)], axis=1), 2).tolist()
    project = a_project()
    task = answered(project, 0, an_answer(blob), 0.6)
    answered(project, 1, an_answer(RING), 0.7)
    page = open_review(people, project)
    fewer = page.get_by_role("button", name="Fewer points, within 2 px")
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("1 polygon: leaf")
    page.keyboard.press("f")
    page.wait_for_selector("html:not([data-quiet])")
    expect(fewer).to_be_hidden()
    page.keyboard.press("Tab")
    fewer.click()
    points = "canvas.getObjects()[0].geom.parts[0][0].length"
    assert 20 < ask(page, "review-desk", points) < 30
    page.get_by_role("button", name="Fewer points, within 4 px").click()
    assert ask(page, "review-desk", points) <= 16
    expect(page.get_by_role("button", name="Fewer points")).to_be_hidden()
    page.keyboard.press("z")
    page.keyboard.press("z")
    assert ask(page, "review-desk", points) == 60
    fewer.focus()
    page.keyboard.press("Enter")
    assert 20 < ask(page, "review-desk", points) < 30
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Fixed and approved.")).to_be_visible()
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    before, after = (column_of(Answer.from_json(body).objects) for body in (an_answer(blob), label.body))
    assert similarity_matrix(before, after)[0, 0] > 0.97


def test_the_evidence_shows_the_polygons_of_the_label_and_of_every_answer(people: People) -> None:
    project = a_project()
    shifted = [[x + 4, y + 4] for x, y in RING]
    task = a_labeled_task(
        project, [an_answer(RING), an_answer(RING), an_answer(shifted)], image=a_scene_image(project, 0)
    )
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/tasks/{task.public_id}/")
    page.wait_for_selector(".annotator canvas")
    expect(page.locator(".annotator-message")).to_be_hidden()
    assert ask(page, "task-evidence", "canvas.objects.shown.map((object) => object.tool)") == ["polygon"]
    assert ask(page, "task-evidence", "canvas.overlays.map(({tool}) => tool)") == ["polygon"] * 3
    expect(page.locator(".object-list li")).to_contain_text("1. leaf, ")
