"""The canvas's pure geometry functions, run by Chromium without one of our pages."""

import math
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.ui.sheet_site import Site

pytestmark = pytest.mark.browser
VIEW, BOXES = "geometry.js", "tools/box_geometry.js"
OF_THE_VIEW = {"toImage", "toScreen", "zoomAt", "keepInView"}
BOX = {"x": 100, "y": 50, "w": 40, "h": 30}


@pytest.fixture
def geometry(desk: Page, site: Site) -> Any:
    desk.goto(f"{site.url}/404")

    def call(name: str, *arguments: Any) -> Any:
        return desk.evaluate(
            "async ([name, values, file]) => (await import(`/static/workers_ui/canvas/${file}`))[name](...values)",
            [name, list(arguments), VIEW if name in OF_THE_VIEW else BOXES],
        )

    return call


def test_a_box_between_two_corners_does_not_depend_on_their_order_and_is_clipped(geometry: Any) -> None:
    corners = [{"x": -5, "y": 90.126}, {"x": 30, "y": 10}]
    for a, b in (corners, corners[::-1]):
        assert geometry("boxBetween", a, b, 100, 100) == {"x": 0, "y": 10, "w": 30, "h": 80.13}
    assert geometry("boxBetween", {"x": -9, "y": 0}, {"x": -3, "y": 5}, 100, 100) is None


def test_moving_keeps_the_size_at_every_edge(geometry: Any) -> None:
    assert geometry("moveBox", BOX, 500, -500, 200, 100) == {"x": 160, "y": 0, "w": 40, "h": 30}


@pytest.mark.parametrize("handle", ["nw", "n", "ne", "e", "se", "s", "sw", "w"])
def test_a_handle_moves_only_its_own_edges(geometry: Any, handle: str) -> None:
    box = geometry("resizeBox", BOX, handle, 3, 2, 400, 300)
    edges = {"w": box["x"], "n": box["y"], "e": box["x"] + box["w"], "s": box["y"] + box["h"]}
    moved = {"w": 103, "n": 52, "e": 143, "s": 82}
    still = {"w": 100, "n": 50, "e": 140, "s": 80}
    assert edges == {side: (moved if side in handle else still)[side] for side in "wnes"}


def test_an_edge_dragged_past_its_opposite_flips_the_box(geometry: Any) -> None:
    assert geometry("resizeBox", BOX, "e", -60, 0, 400, 300) == {"x": 80, "y": 50, "w": 20, "h": 30}


def test_a_box_keeps_at_least_one_pixel_and_stays_on_the_image(geometry: Any) -> None:
    assert geometry("resizeBox", BOX, "e", -40, 0, 400, 300)["w"] == 1
    corner = {"x": 398, "y": 298, "w": 2, "h": 2}
    box = geometry("resizeBox", corner, "nw", 2, 2, 400, 300)
    assert box == {"x": 399, "y": 299, "w": 1, "h": 1}


def test_screen_and_image_points_are_each_others_inverse(geometry: Any) -> None:
    view = {"scale": 0.37, "x": -12.5, "y": 80}
    back = geometry("toImage", view, geometry("toScreen", view, {"x": 123.4, "y": 567.8}))
    assert math.isclose(back["x"], 123.4)
    assert math.isclose(back["y"], 567.8)


def test_zooming_stops_at_its_limits_and_keeps_the_point(geometry: Any) -> None:
    view = geometry("zoomAt", {"scale": 1, "x": 0, "y": 0}, {"x": 50, "y": 20}, 100, 0.1, 8)
    assert view == {"scale": 8, "x": -350, "y": -140}


def test_an_image_that_fits_is_centered_and_a_larger_one_stays_in_view(geometry: Any) -> None:
    screen = {"width": 400, "height": 300}
    assert geometry("keepInView", {"scale": 1, "x": 999, "y": -999}, 100, 100, screen) == {
        "scale": 1,
        "x": 150,
        "y": 100,
    }
    assert geometry("keepInView", {"scale": 10, "x": 5000, "y": -5000}, 100, 100, screen) == {
        "scale": 10,
        "x": 200,
        "y": -850,
    }
