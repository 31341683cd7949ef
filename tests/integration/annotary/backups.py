"""Fixtures and helpers of the tests of backups: an installation whose database is the tests' own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from annotary.runtime import backup
from annotary.runtime.errors import EmbeddedError
from storage.models import Blob
from tests.api.api_fixtures import a_world


def url_of(name: str) -> str:
    database = connection.settings_dict
    return f"postgresql://{database['USER']}@/{name}?host={quote(database['HOST'])}"


@pytest.fixture
def data(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an installation with files, whose database is the tests' own."""
    folder = tmp_path / "data"
    folder.mkdir()
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder / "files")}}
    settings.STORAGES = settings.STORAGES | {"default": local}
    (folder / "secrets.json").write_text('{"ANNOTARY_SECRET_KEY": "kept"}')
    monkeypatch.setenv("DATABASE_URL", url_of(connection.settings_dict["NAME"]))
    monkeypatch.delenv("STORAGE_URL", raising=False)
    a_world()
    # The factories create some rows without files.
    missing = [blob.pk for blob in Blob.objects.all() if not (folder / "files" / blob.key).exists()]
    Blob.objects.filter(pk__in=missing).update(state=Blob.State.WRITING)
    return folder


@pytest.fixture
def empty_database() -> Iterator[str]:
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(url_of("postgres"), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
        admin.execute(f'CREATE DATABASE "{name}"')
    yield url_of(name)
    with psycopg.connect(url_of("postgres"), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def back_up(data: Path, target: Path) -> Path:
    assert backup.main([str(target), "--data", str(data)]) == 0
    return target


def refusal(command: Callable[[list[str]], int], *arguments: Any) -> str:
    with pytest.raises(EmbeddedError) as error:
        command([str(argument) for argument in arguments])
    return str(error.value)


def rows(url: str) -> dict[str, list[Any]]:
    """The content of every table, in an order that depends on the content alone."""
    with psycopg.connect(url) as reader:
        tables = reader.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        return {name: sorted(map(repr, reader.execute(f'SELECT * FROM "{name}"').fetchall())) for (name,) in tables}


def files(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.glob("files/blobs/??/*")}
