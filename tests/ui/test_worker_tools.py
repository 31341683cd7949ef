"""The tool strip of a set, by clicks."""

import pytest

from tests import factories
from tests.ui.live import People, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser


def test_every_tool_in_the_strip_works(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box",), hand_size=1)
    scene_tasks(project, 1)
    page = SetPage(people.signed_in(wren), project).take()

    def press(name: str) -> None:
        page.page.get_by_role("button", name=name, exact=True).click()

    press("New box in the center")
    assert len(page.boxes()) == 1
    press("Undo")
    assert page.boxes() == []
    press("Redo")
    assert len(page.boxes()) == 1
    page.page.locator(".set-list button").first.click()
    press("Remove the selected box")
    assert page.boxes() == []
    before = page.ask("canvas.view")
    page.press("+", "+")
    zoomed = page.ask("canvas.view")
    assert zoomed["scale"] > before["scale"]
    press("Move the image")
    page.draw()
    assert page.boxes() == []
    assert page.ask("canvas.view") != zoomed
    press("Move the image")
    press("Whole image")
    assert page.ask("canvas.view") == before


def test_a_read_only_image_can_be_zoomed_without_two_fingers(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, hand_size=1)
    scene_tasks(project, 1)
    page = SetPage(people.signed_in(wren), project).take()
    before = page.ask("canvas.view.scale")
    page.page.get_by_role("button", name="Zoom in", exact=True).click()
    assert page.ask("canvas.view.scale") == pytest.approx(1.5 * before)
    page.page.get_by_role("button", name="Zoom out", exact=True).click()
    assert page.ask("canvas.view.scale") == pytest.approx(before)
