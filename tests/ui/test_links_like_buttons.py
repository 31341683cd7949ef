"""Links that look like buttons answer to Space, and the text of what is busy wraps on a phone."""

import pytest
from playwright.sync_api import Page

from tests.ui.sheet_site import Site

pytestmark = pytest.mark.browser


def test_space_follows_a_link_that_looks_like_a_button(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/sheet")
    desk.get_by_role("button", name="Look again").focus()
    desk.keyboard.press(" ")
    assert desk.evaluate("location.hash") == "#content"


def test_long_text_wraps_while_its_part_of_the_page_is_busy(phone: Page, site: Site) -> None:
    phone.goto(f"{site.url}/sheet")
    width = phone.evaluate(
        "() => { const part = document.querySelector('.state[aria-busy]');"
        " part.querySelector('p').textContent = 'Computing the figures of this project. '.repeat(8);"
        " return [part.scrollWidth, part.clientWidth, document.documentElement.scrollWidth]; }"
    )
    assert width[0] <= width[1]
    assert width[2] == 360
