"""A set of ten images from the first key to the pay, without a mouse."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tasks.pay.models import LedgerEntry
from tests import factories
from tests.ui.live import People, current_bodies, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser


def tab_to(page: SetPage, name: str) -> None:
    """Press Tab until the element with this name has focus."""
    for _ in range(40):
        page.press("Tab")
        if name in page.page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(f"Tab never reached {name}")


def test_ten_images_are_classified_with_only_the_keyboard(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0)
    scene_tasks(project, 10)
    page = SetPage(people.signed_in(wren), project)
    page.page.goto(f"/work/{project.public_id}/")
    tab_to(page, "Take 10 images")
    page.press("Enter")
    page.ready()
    for number in range(1, 11):
        page.at_image(number, 10)
        page.press("2" if number % 3 == 0 else "1")
    assert page.overview() == [f"{n} {'dog' if n % 3 == 0 else 'cat'}" for n in range(1, 11)]
    page.press("Enter")
    page.earned()
    assert [body["image"]["class"] for body in current_bodies(project)] == [1, 1, 2, 1, 1, 2, 1, 1, 2, 1]
    assert sum(entry.amount for entry in LedgerEntry.objects.filter(worker=wren)) == Decimal("0.20")
    expect(page.page.get_by_text("$0.20").first).to_be_visible()


def test_boxes_are_drawn_on_ten_images_with_only_the_keyboard(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box",), classes=("apple", "cup"))
    scene_tasks(project, 10)
    page = SetPage(people.signed_in(wren), project).take()
    for number in range(1, 11):
        page.at_image(number, 10)
        if number == 4:
            page.press("e")
        elif number == 7:
            page.press("c")
        else:
            page.press("n", "2", "ArrowRight", "Alt+ArrowDown", "Enter")
    words = page.overview()
    assert words[3] == "4 Nothing to draw"
    assert words[6] == "7 You could not tell"
    assert words[0] == "1 cup"
    page.press("Enter")
    page.earned()
    bodies = current_bodies(project)
    assert [body["verdict"] for body in bodies].count("labels") == 8
    assert all(body["objects"][0]["class"] == 2 for body in bodies if body["verdict"] == "labels")


def test_saving_without_a_box_asks_for_one_or_for_a_verdict(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box",), hand_size=2)
    scene_tasks(project, 2)
    page = SetPage(people.signed_in(wren), project).take()
    page.press("Enter")
    expect(page.page.get_by_text("Draw a box first, or select “Nothing to draw here”.")).to_be_visible()
    page.press("n", "e")
    expect(page.page.get_by_text("This image has boxes.")).to_be_visible()
    page.at_image(1, 2)
    assert current_bodies(project) == []
