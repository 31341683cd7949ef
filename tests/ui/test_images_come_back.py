"""An image that failed to load is loaded again: when the device is back online, after a while, and by its button."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import until

pytestmark = pytest.mark.browser


def broken_studio(page: Page, site: Site) -> None:
    """Open the canvas while its image cannot be fetched, then make it available."""
    page.route("**/picture.svg", lambda route: route.abort())
    page.goto(f"{site.url}/studio")
    expect(page.locator(".annotator-message")).to_contain_text("did not load")
    page.unroute("**/picture.svg")


def test_its_message_is_light_on_the_dark_stage(desk: Page, site: Site) -> None:
    broken_studio(desk, site)
    color = desk.locator(".annotator-message p").evaluate("element => getComputedStyle(element).color")
    assert color == "rgb(244, 239, 228)"


def test_the_image_of_the_canvas_comes_back_with_the_connection(desk: Page, site: Site) -> None:
    broken_studio(desk, site)
    desk.evaluate("window.dispatchEvent(new Event('online'))")
    expect(desk.locator(".annotator-message")).to_be_hidden(timeout=2000)


def test_the_image_of_the_canvas_comes_back_by_itself(desk: Page, site: Site) -> None:
    broken_studio(desk, site)
    expect(desk.locator(".annotator-message")).to_be_hidden(timeout=8000)


def test_the_image_of_the_canvas_comes_back_by_its_button(desk: Page, site: Site) -> None:
    broken_studio(desk, site)
    desk.get_by_role("button", name="Try again").click()
    expect(desk.locator(".annotator-message")).to_be_hidden(timeout=2000)


def test_images_of_a_page_come_back_with_the_connection(desk: Page, site: Site) -> None:
    failing = True

    def answer(route: Route) -> None:
        route.abort() if failing else route.continue_()

    desk.route("**/picture.svg", answer)
    desk.goto(f"{site.url}/sheet")
    desk.wait_for_timeout(300)
    assert desk.evaluate("[...document.querySelectorAll('.image-grid img')].every((image) => !image.naturalWidth)")
    failing = False
    desk.evaluate("window.dispatchEvent(new Event('online'))")
    until(desk, "[...document.querySelectorAll('.image-grid img')].every((image) => image.naturalWidth > 0)")
