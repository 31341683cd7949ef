"""Nobody answers an image unseen: after the next image appears, the rest of a double click or a held key is ignored."""

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.ui.live import PHONE, People, current_bodies, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser

FOCUS = "document.activeElement.getAttribute('role')"


def a_set(people: People, **screen: object) -> SetPage:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, classes=("cat", "dog"))
    scene_tasks(project, 4)
    return SetPage(people.signed_in(wren, **screen), project).take()


def answered(page: SetPage) -> int:
    """Return how many images the page counts as answered, once it has counted what it was told."""
    page.page.wait_for_timeout(150)
    page.ready()
    return int(page.page.locator(".set-head progress").evaluate("bar => bar.value"))


@pytest.mark.parametrize("key", ["Enter", " ", "1", "c"])
def test_a_key_right_after_a_choice_does_not_answer_the_next_image(people: People, key: str) -> None:
    page = a_set(people)
    page.page.get_by_role("radio", name="cat").click()
    page.page.keyboard.press(key)
    assert answered(page) == 1
    page.at_image(2, 4)
    assert page.page.evaluate(FOCUS) == "application"
    expect(page.page.locator(".set-hint")).to_be_hidden()
    page.press("2")
    page.at_image(3, 4)
    assert [body["image"]["class"] for body in sent(page)] == [1, 2]


def sent(page: SetPage) -> list[dict[str, dict[str, int]]]:
    expect(page.page.locator(".sync-line")).to_have_text("All sent")
    return list(current_bodies(page.project))


def test_a_double_click_answers_one_image(people: People) -> None:
    page = a_set(people)
    page.page.get_by_role("radio", name="cat").dblclick(delay=40)
    assert answered(page) == 1


def test_a_double_tap_on_a_phone_answers_one_image(people: People) -> None:
    page = a_set(people, **PHONE)
    bounds = page.page.get_by_role("radio", name="dog").bounding_box()
    assert bounds is not None
    for _ in range(2):
        page.page.touchscreen.tap(bounds["x"] + 20, bounds["y"] + 20)
    assert answered(page) == 1


def test_a_key_that_is_held_answers_one_image(people: People) -> None:
    page = a_set(people)
    for _ in range(12):
        page.page.keyboard.down("1")
        page.page.wait_for_timeout(60)
    page.page.keyboard.up("1")
    assert answered(page) == 1
    page.press("1")
    page.at_image(3, 4)


def test_a_double_click_on_the_last_image_does_not_submit_the_set(people: People) -> None:
    page = a_set(people)
    for number in range(1, 5):
        page.at_image(number, 4)
        page.press("1")
    page.page.keyboard.press("Enter")
    page.page.wait_for_timeout(200)
    assert len(page.overview()) == 4
    page.hand_in(4)


def page_of_review(people: People) -> Page:
    from tests.ui.test_manage_review_desk import answered as a_label
    from tests.ui.test_manage_review_desk import open_review

    project = factories.a_project("Things", tools=("box",), classes=("cup", "leaf"))
    boxes = [{"x": 40 * n, "y": 40 * n, "w": 30, "h": 30} for n in range(1, 4)]
    objects = [{"id": f"b{n}", "class": 1, "tool": "box", "geom": box, "attrs": {}} for n, box in enumerate(boxes)]
    body = {"image": {"class": None, "tags": [], "attrs": {}}, "objects": objects, "verdict": "labels"}
    for index in range(3):
        a_label(project, index, body, 0.6 + index / 10)
    return open_review(people, project)


@pytest.mark.django_db(transaction=True)
def test_enter_after_remove_does_not_remove_another_box(people: People) -> None:
    page = page_of_review(people)
    page.keyboard.press("f")
    page.get_by_role("button", name="Remove box 1").click()
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)
    expect(page.locator(".object-list li")).to_have_count(2)
    assert page.evaluate(FOCUS) == "application"
    expect(page.locator("[data-review-count=to_review]")).to_have_text("3")


@pytest.mark.django_db(transaction=True)
def test_a_double_click_approves_one_label(people: People) -> None:
    page = page_of_review(people)
    page.get_by_role("button", name="Approve").dblclick(delay=40)
    expect(page.locator("[data-review-count=to_review]")).to_have_text("2")
    page.wait_for_timeout(600)
    expect(page.locator("[data-review-count=to_review]")).to_have_text("2")
