"""The API documentation page works under the site's content security policy."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def look_at(site: str) -> tuple[int, str, list[str]]:
    """The number of operations on the page, its policy, and its errors and requests to other sites."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith((site, "data:")) else errors.append(request.url)
        )
        answer = page.goto(f"{site}/api/v1/docs/")
        assert answer is not None
        count = page.locator(".api-call").count()
        call = page.locator("#put_assignment_answer")
        call.locator("summary").click()
        call.get_by_text("Idempotency-Key").first.wait_for(timeout=20_000)
        errors += [] if call.get_by_text("verdict", exact=False).first.is_visible() else ["The body is not described."]
        browser.close()
    return count, answer.headers["content-security-policy"], errors


def test_the_page_shows_every_operation_without_csp_violations(live_server: LiveServer) -> None:
    # In a separate thread: the browser driver runs an event loop, and Django refuses database access in its thread.
    with ThreadPoolExecutor(1) as pool:
        count, policy, errors = pool.submit(look_at, live_server.url).result()
    assert count > 50
    assert "unsafe" not in policy
    assert errors == []
