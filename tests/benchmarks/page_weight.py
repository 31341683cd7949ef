"""What the pages cost a slow connection: bytes over the wire and requests of a first and a second visit.

    .venv/bin/python tests/benchmarks/page_weight.py

Starts an installation in a temporary folder, with a project of thirty images, and opens each page twice in Chromium,
with an empty cache of its own. "Page" is everything but the images to label; headers count. Prints a table.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from annotary.runtime import instance
from annotary.runtime.instance import Running

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IMAGES = 30


@dataclass(frozen=True, slots=True)
class Weight:
    """One visit: requests and bytes over the wire, those of the images to label apart."""

    requests: int
    transferred: int
    images: int
    pixels: int

    def text(self) -> str:
        return f"{self.requests:3d} {self.transferred / 1000:7.1f} kB {self.images:4d} {self.pixels / 1000:7.1f} kB"


def visit(page: Page, url: str) -> Weight:
    """Open a page, wait until it has loaded everything, and weigh it."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    served: dict[str, dict[str, Any]] = {}
    sizes: dict[str, int] = {}

    def received(event: dict[str, Any]) -> None:
        if event["type"] != "WebSocket":
            served[event["requestId"]] = event["response"]

    session.on("Network.responseReceived", received)
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    session.detach()
    asked = {key for key, response in served.items() if is_asked(response) and sizes.get(key, 0) > 0}
    images = {key for key in asked if "/assignments/" in served[key]["url"]}
    page_bytes, image_bytes = (sum(sizes[key] for key in keys) for keys in (asked - images, images))
    return Weight(len(asked - images), page_bytes, len(images), image_bytes)


def is_asked(response: dict[str, Any]) -> bool:
    """Whether the response came over the wire."""
    return response["url"].startswith("http") and not response.get("fromDiskCache")


def measure(running: Running, browser: Browser) -> Iterator[str]:
    os.environ.update(running.environment)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    import django

    django.setup()
    from django.conf import settings

    from tests import factories
    from tests.ui.live import scene_tasks, session_of

    ada, wren = factories.ada(), factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box",), hand_size=10)
    scene_tasks(project, IMAGES)
    base, key = running.url.rstrip("/"), project.public_id
    yield f"{'':14} {'first visit':^31}   {'second visit':^31}"
    yield f"{'':14} {'page':^14} {'images':^16}   {'page':^14} {'images':^16}"
    people = {"wren": session_of(wren.user), "ada": session_of(ada.user)}
    pages = (
        ("Sign in", "", "/account/login/"),
        ("Work list", "wren", "/work/"),
        ("Set", "wren", f"/work/{key}/set/"),
        ("Overview", "ada", f"/projects/{key}/"),
        ("Images", "ada", f"/projects/{key}/images/"),
        ("Review", "ada", f"/projects/{key}/review/"),
        ("Quality", "ada", f"/projects/{key}/quality/"),
    )
    for name, person, path in pages:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        if person:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": people[person], "url": base}])
        page = context.new_page()
        if name == "Set":
            take_set(context.new_page(), f"{base}/work/{key}/")
            # The set page of a worker who has never been here: forget what taking the set has loaded.
            page.context.new_cdp_session(page).send("Network.clearBrowserCache")
        first = visit(page, base + path)
        yield f"{name:14} {first.text()}   {visit(page, base + path).text()}"
        context.close()


def take_set(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Take").click()
    page.wait_for_selector(".set-work .annotator canvas")
    page.close()


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="annotary-weight-") as folder,
        instance.start(data=Path(folder)) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for line in measure(running, browser):
            print(line, flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
