"""The site in front of a database that a test may stop."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.test import Client, override_settings

from accounts.models import Actor
from accounts.services import create_token
from annotary.runtime.paths import DataPaths
from annotary.runtime.temporary_stores import remove_files
from tests import factories
from tests.api.api_fixtures import World, a_world
from tests.api.people import ALL_SCOPES, member
from tests.integration.outages.own_database import OwnDatabase, own_database


@dataclass(frozen=True)
class Site:
    """The whole WSGI application, with its middlewares and signals, called as a server would call it."""

    database: OwnDatabase
    world: World
    callers: dict[str, httpx.Client]


def a_caller(**options: Any) -> httpx.Client:
    transport = httpx.WSGITransport(app=get_wsgi_application(), remote_addr="127.0.0.1")
    return httpx.Client(transport=transport, base_url="http://testserver", **options)


def with_session(actor: Actor) -> httpx.Client:
    browser = Client()
    browser.force_login(actor.user)
    return a_caller(cookies={settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value})


def callers() -> dict[str, httpx.Client]:
    _, key = create_token(
        actor=member("owner"), organisation=factories.an_organisation(), name="test", scopes=ALL_SCOPES
    )
    return {
        "anonymous": a_caller(),
        "key": a_caller(headers={"Authorization": f"Bearer {key}"}),
        "manager": with_session(member("owner")),
        "worker": with_session(member("worker")),
    }


@pytest.fixture(scope="module")
def site(django_db_blocker: Any, stores: dict[str, str]) -> Iterator[Site]:
    # A short path, since it holds sockets.
    folder = Path(tempfile.mkdtemp(prefix="annotary-outage-"))
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder / "files")}}
    with django_db_blocker.unblock(), override_settings(STORAGES=settings.STORAGES | {"default": place}):
        try:
            with own_database(folder) as database:
                yield Site(database, a_world(), callers())
        finally:
            remove_files(DataPaths(folder))
