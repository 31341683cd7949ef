"""The real site in a browser: Django's live server, real images, signed-in people."""

import io
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import Actor, User
from annotary_core.synthesis.scenes.compose import draw_scene
from projects.models import Project
from storage.models import Blob
from storage.services import store_blob
from tasks.batching.models import Task
from tasks.ingest.models import Image
from tests import factories

# Playwright's event loop runs in the tests' thread, where Django would otherwise refuse to use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}


@cache
def scene(index: int) -> tuple[bytes, int, int]:
    """Return a synthetic scene as JPEG, with its width and height."""
    drawn = draw_scene(seed=7, index=index)
    return drawn.jpeg(), drawn.image.width, drawn.image.height


def a_scene_image(project: Project, index: int) -> Image:
    """Create an image of the project whose pixels are stored and can be shown."""
    body, width, height = scene(index)
    blob: Blob = store_blob(source=io.BytesIO(body), content_type="image/jpeg")
    return factories.an_image(project, width=width, height=height, release=blob, rendition=blob, thumb=blob)


def scene_tasks(project: Project, count: int) -> list[Task]:
    batch = factories.a_batch(project)
    return [factories.a_task(project, batch=batch, image=a_scene_image(project, index)) for index in range(count)]


class People:
    """Opens browsers for people. Any error on a page fails its test."""

    def __init__(self, browser: Browser, site: LiveServer, watch: Callable[[Page], list[str]]) -> None:
        self.browser = browser
        self.site = site
        self.watch = watch
        self.contexts: list[BrowserContext] = []
        self.errors: list[list[str]] = []

    def visitor(self, **options: Any) -> Page:
        context = self.browser.new_context(base_url=self.site.url, **(options or DESK))
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        return self.page_of(context)

    def signed_in(self, actor: Actor, **options: Any) -> Page:
        page = self.visitor(**options)
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(actor.user), "url": self.site.url}]
        )
        return page

    def page_of(self, context: BrowserContext) -> Page:
        page = context.new_page()
        self.errors.append(self.watch(page))
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        await_quiet_server()
        errors = [error for page in self.errors for error in page]
        assert errors == [], f"The pages reported errors: {errors}"


def await_quiet_server(patience: float = 15) -> None:
    """Wait until no request is running: one still running would conflict with truncating the tables."""
    deadline = time.monotonic() + patience
    while any("process_request_thread" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "The live server is still handling a request from a closed browser."
        time.sleep(0.02)


def session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    assert session.session_key is not None
    return session.session_key


def current_bodies(project: Project) -> Sequence[dict[str, Any]]:
    """Return the canonical bodies of all current answers, in the order of their positions."""
    from tasks.annotation.models import Annotation

    rows = Annotation.objects.filter(project=project, is_current=True).order_by("assignment__position")
    return [row.body for row in rows]


@pytest.fixture
def people(chromium: Browser, live_server: LiveServer, tmp_path: Any, settings: Any) -> Iterator[People]:
    from tests.ui.conftest import watched

    settings.ANNOTARY_DATA = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files"}},
    }
    group = People(chromium, live_server, watched)
    yield group
    group.close()
