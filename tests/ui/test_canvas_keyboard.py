"""Every edit with the keyboard alone, each announced to screen readers."""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import Studio

pytestmark = pytest.mark.browser


def test_n_makes_a_box_in_the_middle_that_arrows_move_and_alt_arrows_resize(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.press("n")
    x, y, w, h = studio.geoms()[0]
    assert abs(x + w / 2 - 400) <= 1
    assert abs(y + h / 2 - 300) <= 1
    studio.press("ArrowRight", "Shift+ArrowDown", "Alt+ArrowRight", "Alt+Shift+ArrowUp")
    assert studio.geoms()[0] == (x + 1, y + 10, w + 1, h - 10)


def test_tab_cycles_through_the_boxes_and_then_leaves_the_canvas(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((10, 10, 50, 50), (100, 100, 50, 50))
    seen = []
    for _ in range(2):
        studio.press("Tab")
        seen.append(studio.ask("canvas.selection.id"))
    assert seen == ["b1", "b2"]
    studio.press("Tab")
    assert desk.evaluate("document.activeElement.classList.contains('annotator')") is False


def test_after_escape_tab_leaves_immediately(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((10, 10, 50, 50), (100, 100, 50, 50))
    studio.press("Tab", "Escape", "Tab")
    assert studio.ask("canvas.selection.id") is None
    assert desk.evaluate("document.activeElement.classList.contains('annotator')") is False


def test_number_keys_set_the_class_by_position_and_the_buttons_follow(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.press("n", "2")
    assert studio.objects()[0]["class"] == 1
    expect(desk.get_by_role("radio", name="rabbit")).to_be_checked()
    desk.get_by_role("radio", name="fox").click()
    assert studio.objects()[0]["class"] == 7


def test_delete_removes_the_box_and_undo_brings_it_back(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((10, 10, 50, 50), (100, 100, 50, 50))
    studio.press("Tab", "Delete")
    assert [item["id"] for item in studio.objects()] == ["b2"]
    studio.press("Control+z")
    assert [item["id"] for item in studio.objects()] == ["b1", "b2"]


def test_arrows_stop_at_the_image_edge(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((3, 3, 50, 50))
    studio.press("Tab", "Shift+ArrowLeft", "Shift+ArrowUp")
    assert studio.geoms() == [(0, 0, 50, 50)]


def test_a_run_of_arrows_is_undone_in_one_step(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((30, 30, 50, 50))
    studio.press("Tab", "ArrowRight", "ArrowRight", "ArrowRight", "z")
    assert studio.geoms() == [(30, 30, 50, 50)]


def test_zoom_keys_and_zero(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    fitted = studio.ask("canvas.view.scale")
    studio.press("+", "+")
    assert studio.ask("canvas.view.scale") == pytest.approx(fitted * 1.25**2)
    studio.press("-")
    assert studio.ask("canvas.view.scale") == pytest.approx(fitted * 1.25)
    studio.press("0")
    assert studio.ask("canvas.view.scale") == pytest.approx(fitted)


def test_a_screen_reader_hears_what_was_added_moved_and_removed(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    live = desk.locator(".annotator [aria-live]")
    studio.press("n")
    expect(live).to_have_text("Added 1. raccoon, 160 × 120 px")
    studio.press("ArrowRight")
    expect(live).to_contain_text("1. raccoon, 160 × 120 px, 321 from the left")
    studio.press("Delete")
    expect(live).to_have_text("Removed box 1. 0 left.")
    expect(desk.locator(".object-list")).to_contain_text("No boxes yet. Drag across an object, or press N.")


def test_the_object_list_selects_and_removes(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((10, 10, 120, 80), (100, 100, 50, 50))
    desk.get_by_role("button", name="2. raccoon, 50 × 50 px").click()
    assert studio.ask("canvas.selection.id") == "b2"
    desk.get_by_role("button", name="Remove box 1").click()
    assert [item["id"] for item in studio.objects()] == ["b2"]
