"""Boxes by touch on a phone that is 360 CSS pixels wide."""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import Fingers, Studio

pytestmark = pytest.mark.browser


def test_one_finger_draws(phone: Page, site: Site) -> None:
    studio = Studio(phone, site)
    Fingers(phone).drag(studio.at(200, 200), studio.at(400, 350))
    x, y, w, h = studio.geoms()[0]
    assert abs(x - 200) <= 3
    assert abs(y - 200) <= 3
    assert abs(w - 200) <= 5
    assert abs(h - 150) <= 5


def test_a_finger_reaches_a_handle_twenty_css_pixels_away(phone: Page, site: Site) -> None:
    studio = Studio(phone, site)
    studio.put((200, 150, 350, 300))
    studio.ask("canvas.select('b1')")
    x, y = studio.at(550, 450)
    Fingers(phone).drag((x + 19, y + 19), (x + 49, y + 39))
    left, top, w, h = studio.geoms()[0]
    assert (left, top) == (200, 150)
    assert w > 400
    assert h > 330


def test_two_fingers_zoom_and_leave_no_box_behind(phone: Page, site: Site) -> None:
    studio = Studio(phone, site)
    before = studio.ask("canvas.view.scale")
    x, y = studio.at(400, 300)
    fingers = Fingers(phone)
    fingers.send("touchStart", (x - 30, y))
    fingers.send("touchMove", (x - 45, y))
    fingers.send("touchStart", (x - 45, y), (x + 45, y))
    fingers.send("touchMove", (x - 60, y), (x + 60, y))
    fingers.send("touchMove", (x - 90, y), (x + 90, y))
    fingers.send("touchEnd")
    assert studio.ask("canvas.view.scale") == pytest.approx(before * 2, rel=0.05)
    assert studio.objects() == []


def test_a_magnifier_shows_what_the_finger_covers_while_drawing(phone: Page, site: Site) -> None:
    studio = Studio(phone, site)
    fingers = Fingers(phone)
    start, end = studio.at(200, 200), studio.at(300, 300)
    fingers.send("touchStart", start)
    fingers.send("touchMove", end)
    expect(phone.locator(".annotator-magnifier")).to_be_visible()
    fingers.send("touchEnd")
    expect(phone.locator(".annotator-magnifier")).to_be_hidden()


def test_nested_boxes_are_drawn_by_finger_one_after_the_other(phone: Page, site: Site) -> None:
    studio = Studio(phone, site)
    fingers = Fingers(phone)
    fingers.drag(studio.at(100, 100), studio.at(700, 500))
    fingers.drag(studio.at(300, 250), studio.at(500, 400))
    assert len(studio.objects()) == 2
    assert abs(studio.geoms()[0][0] - 100) < 6


@pytest.mark.parametrize("path", ["/sheet", "/studio", "/404", "/500"])
def test_no_page_scrolls_sideways_on_a_phone(phone: Page, site: Site, path: str) -> None:
    phone.goto(site.url + path)
    phone.wait_for_timeout(300)
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
