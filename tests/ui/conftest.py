"""Debian's Chromium, the server of the design system's pages, and one of websockets; only that needs a database."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

from tests.ui.sheet_site import Site, serve
from tests.ui.sockets import socket_server

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a websocket server that shares the test's database."""
    with socket_server() as running:
        yield running


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    with serve() as site:
        yield site


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.answers.clear()
    running_site.received.clear()
    return running_site


def watched(page: Page) -> list[str]:
    """Return the list that collects the page's errors: script errors and what the content security policy blocks.

    A resource that fails to load is not an error: tests go offline and reject requests on purpose.
    """
    errors: list[str] = []

    def collect(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            errors.append(message.text)

    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", collect)
    return errors


@pytest.fixture
def desk(chromium: Browser, site: Site) -> Iterator[Page]:
    """A desktop page, with mouse and keyboard. Any error on the page fails its test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors = watched(page)
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def phone(chromium: Browser, site: Site) -> Iterator[Page]:
    """A page on a phone with touch, 360 by 740 CSS pixels."""
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=3
    )
    page = context.new_page()
    errors = watched(page)
    yield page
    context.close()
    assert errors == []


from tests.ui.live import people  # noqa: E402, F401  (a fixture)
