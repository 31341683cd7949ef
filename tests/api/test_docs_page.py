"""The page of the API's description works under the site's own content security policy."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def look_at(site: str) -> tuple[int, str, list[str]]:
    """How many operations the page shows, the policy it came with, and what it complained of or fetched elsewhere."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith((site, "data:")) else complaints.append(asked.url)
        )
        answer = page.goto(f"{site}/api/v1/docs/")
        assert answer is not None
        page.wait_for_selector(".opblock", timeout=60_000)
        shown = page.locator(".opblock").count()
        page.locator(".opblock-summary-control").first.click()
        page.wait_for_selector(".opblock-body", timeout=20_000)
        browser.close()
    return shown, answer.headers["content-security-policy"], complaints


def test_the_page_shows_every_operation_and_the_policy_refuses_nothing(live_server: LiveServer) -> None:
    # In a thread of its own: the browser's driver keeps an event loop, in whose thread Django refuses the database.
    with ThreadPoolExecutor(1) as pool:
        shown, policy, complaints = pool.submit(look_at, live_server.url).result()
    assert shown > 50
    assert "unsafe" not in policy
    assert complaints == []
