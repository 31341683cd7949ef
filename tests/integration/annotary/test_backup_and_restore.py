"""Backups of a database that is given by its URL: what they hold, and that they are whole or not there at all."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from annotary.runtime import archive, backup, restore, state
from annotary.runtime.archive import ArchiveWriter
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.source_roots import ROOT, python_path
from storage.models import Blob
from storage.services import sweep_blobs
from tests.api.api_fixtures import a_stored_blob, a_world
from tests.integration.storage.test_sweeping_blobs import aged

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60.0


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


class Process:
    """`manage.py backup` in a process of its own, which a test can signal."""

    started: ClassVar[list["Process"]] = []

    def __init__(self, data: Path, target: Path, **options: Any) -> None:
        variables = {**os.environ, "ANNOTARY_BOOTSTRAP": "off", "PYTHONPATH": python_path()}
        command = [sys.executable, str(ROOT / "manage.py"), "backup", str(target), "--data", str(data)]
        self.process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True, **options)
        self.started.append(self)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.end()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self) -> tuple[int, str]:
        errors = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode, errors


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    while Process.started:
        left = Process.started.pop()
        if left.process.returncode is None:
            left.process.kill()
            left.end()


def waits_for_the_sweep() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.fixture
def sweeping() -> Iterator[None]:
    """A sweep that is about to delete a file: a backup waits for it, with its file open."""
    with psycopg.connect(url_of(connection.settings_dict["NAME"]), autocommit=True) as sweep:
        sweep.execute("SELECT pg_advisory_lock_shared(hashtextextended('storage.backup', 0))")
        yield


def test_everything_comes_back(data: Path, tmp_path: Path, empty_database: str, monkeypatch: Any) -> None:
    target = back_up(data, tmp_path / "b.tar")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = rows(os.environ["DATABASE_URL"])
    monkeypatch.setenv("DATABASE_URL", empty_database)
    assert restore.main([str(target), "--data", str(tmp_path / "new")]) == 0
    assert rows(empty_database) == before
    assert files(tmp_path / "new") == files(data)
    assert (tmp_path / "new" / "secrets.json").read_text() == (data / "secrets.json").read_text()
    assert stat.S_IMODE((tmp_path / "new" / "secrets.json").stat().st_mode) == 0o600
    assert not (tmp_path / "new" / "unfinished-restore").exists()


def test_files_that_nothing_refers_to_are_left_out(data: Path, tmp_path: Path) -> None:
    blob = a_stored_blob(b"a stray")
    Blob.objects.filter(pk=blob.pk).delete()
    names: list[str] = []
    with back_up(data, tmp_path / "b.tar").open("rb") as file:
        archive.read(file, accept=lambda manifest: None, target=names.append)
    assert f"files/{blob.key}" not in names
    assert len(names) == Blob.objects.filter(state="ready").count() + 2


@pytest.mark.parametrize("happens", ["missing", "damaged", "cut off"])
def test_a_file_that_is_not_what_the_database_says_fails_the_backup(data: Path, tmp_path: Path, happens: str) -> None:
    key = Blob.objects.filter(state="ready").order_by("sha256")[1].key
    path = data / "files" / key
    body = path.read_bytes()
    if happens == "missing":
        path.unlink()
    else:
        path.write_bytes(body[:-1] + (bytes([body[-1] ^ 1]) if happens == "damaged" else b""))
    assert key in refusal(backup.main, tmp_path / "b.tar", "--data", data)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_the_sweep_deletes_nothing_while_a_backup_runs(data: Path, tmp_path: Path) -> None:
    blob = aged(a_stored_blob(b"unreferenced"))
    stray = aged(a_stored_blob(b"a stray"))
    Blob.objects.filter(pk=stray.pk).delete()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as holder:
        holder.execute(backup.HOLD_OFF_SWEEP)
        assert sweep_blobs() == (0, 0)
    assert Blob.objects.filter(pk=blob.pk).exists()
    assert {blob.sha256, stray.sha256} <= set(files(data))
    assert sweep_blobs() == (1, 1)


def test_a_backup_waits_for_a_deletion_that_has_begun(data: Path, tmp_path: Path, sweeping: None) -> None:
    running = Process(data, tmp_path / "b.tar")
    running.wait_for(waits_for_the_sweep)
    with psycopg.connect(os.environ["DATABASE_URL"]) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
            " WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock'"
        )
    assert running.end() == (0, "")


def test_two_backups_at_once_are_refused(data: Path, tmp_path: Path, sweeping: None) -> None:
    first = Process(data, tmp_path / "a.tar")
    first.wait_for(waits_for_the_sweep)
    assert "Another backup" in refusal(backup.main, tmp_path / "b.tar", "--data", data)
    assert "Another backup is writing" in refusal(backup.main, tmp_path / "a.tar", "--data", data)
    assert not (tmp_path / "b.tar").exists()
    first.process.send_signal(signal.SIGTERM)
    first.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_backup_leaves_nothing(data: Path, tmp_path: Path, sweeping: None, number: int) -> None:
    running = Process(data, tmp_path / "b.tar")
    running.wait_for(waits_for_the_sweep)
    assert (tmp_path / "b.tar.partial").exists()
    running.process.send_signal(number)
    assert running.end() == (1, "The backup was interrupted, and nothing was written.\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_what_a_killed_backup_left_is_removed_by_the_next(data: Path, tmp_path: Path, sweeping: None) -> None:
    running = Process(data, tmp_path / "a.tar")
    running.wait_for(waits_for_the_sweep)
    running.process.kill()
    running.end()
    assert (tmp_path / "a.tar.partial").exists()
    automatic = tmp_path / "annotary-2026-01-01T000000Z.tar.partial"
    automatic.touch()
    foreign = tmp_path / "other.tar.partial"
    foreign.touch()
    later = Process(data, tmp_path / "a.tar")
    later.wait_for(lambda: not automatic.exists())
    assert foreign.exists()
    later.process.send_signal(signal.SIGTERM)
    assert later.end()[0] == 1
    assert not (tmp_path / "a.tar.partial").exists()


def test_a_full_disk_is_a_sentence_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    code, errors = Process(data, tmp_path / "b.tar", preexec_fn=limit).end()
    assert code == 1
    assert errors == f"The backup could not be written to {tmp_path} (file too large). Nothing was kept.\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_targets_that_exist_or_cannot_be_written_are_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "taken.tar").write_text("an older backup")
    assert "exists already" in refusal(backup.main, tmp_path / "taken.tar", "--data", data)
    assert (tmp_path / "taken.tar").read_text() == "an older backup"
    assert "does not exist" in refusal(backup.main, tmp_path / "nowhere" / "b.tar", "--data", data)
    assert "could not be written" in refusal(backup.main, "/proc/b.tar", "--data", data)


def test_a_folder_gets_a_file_with_the_time_in_its_name(data: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    assert backup.main([str(tmp_path / "backups"), "--data", str(data)]) == 0
    (found,) = (tmp_path / "backups").iterdir()
    assert found.name.startswith("annotary-20")


def test_files_in_s3_are_left_to_their_owner_who_is_told(
    data: Path, tmp_path: Path, monkeypatch: Any, capsys: Any, empty_database: str
) -> None:
    monkeypatch.setenv("STORAGE_URL", "s3://bucket")
    target = back_up(data, tmp_path / "b.tar")
    assert "copy the bucket of STORAGE_URL" in capsys.readouterr().out
    monkeypatch.setenv("DATABASE_URL", empty_database)
    assert restore.main([str(target), "--data", str(tmp_path / "new")]) == 0
    assert "STORAGE_URL" in capsys.readouterr().out
    assert files(tmp_path / "new") == {}


def test_a_password_is_not_shown_to_other_users() -> None:
    from annotary.runtime.database_tools import Database

    address, environment = Database("postgresql://ada:secret@db.example/annotary", Path("/nowhere"))._address()
    assert "secret" not in address
    assert environment["PGPASSWORD"] == "secret"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_overwritten(data: Path, tmp_path: Path, empty_database: str, monkeypatch: Any) -> None:
    target = back_up(data, tmp_path / "b.tar")
    before = snapshot(data)
    monkeypatch.setenv("DATABASE_URL", empty_database)
    assert "is not empty" in refusal(restore.main, target, "--data", data)
    assert snapshot(data) == before
    monkeypatch.setenv("DATABASE_URL", url_of(connection.settings_dict["NAME"]))
    assert "has tables" in refusal(restore.main, target, "--data", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_damaged_archives_leave_nothing(data: Path, tmp_path: Path, empty_database: str, monkeypatch: Any) -> None:
    content = back_up(data, tmp_path / "b.tar").read_bytes()
    monkeypatch.setenv("DATABASE_URL", empty_database)
    (tmp_path / "there").mkdir()
    for damaged in (content[: len(content) // 2], content[:-3000], content[:70_000] + b"\0" + content[70_001:]):
        (tmp_path / "damaged.tar").write_bytes(damaged)
        for folder in ("new", "there"):
            assert "cannot be restored" in refusal(restore.main, tmp_path / "damaged.tar", "--data", tmp_path / folder)
        assert "cannot be restored" in refusal(restore.main, tmp_path / "damaged.tar", "--check")
    assert not (tmp_path / "new").exists()
    assert {path.name for path in (tmp_path / "there").iterdir()} <= {"lock"}
    assert rows(empty_database) == {}


NEWER = [
    {"format": 2},
    {"postgres": 99},
    {"migrations": ["tasks.9999_from_the_future"]},
]


@pytest.mark.parametrize("change", NEWER, ids=str)
def test_backups_from_newer_versions_are_refused_before_anything_is_read(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    manifest = {"format": 1, "postgres": 15, "annotary": "1", "migrations": ["tasks.0001_initial"]} | change
    with (tmp_path / "b.tar").open("w+b") as file:
        ArchiveWriter(file).add_text("backup.json", json.dumps(manifest))
    assert "with a later one" in refusal(restore.main, tmp_path / "b.tar", "--data", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_interrupted_restore_keeps_annotary_from_starting_and_can_be_repeated(
    data: Path, tmp_path: Path, empty_database: str, monkeypatch: Any
) -> None:
    target = back_up(data, tmp_path / "b.tar")
    paths = DataPaths(tmp_path / "new")
    paths.create()
    # What a restore that was killed leaves: the marker, and some of the files.
    paths.unfinished_restore.touch()
    (paths.data / "files" / "blobs" / "ab").mkdir(parents=True)
    (paths.data / "files" / "blobs" / "ab" / ("ab" * 32)).write_text("half of")
    with pytest.raises(EmbeddedError, match="was interrupted"):
        state.lock_data(paths)
    monkeypatch.setenv("DATABASE_URL", empty_database)
    assert restore.main([str(target), "--data", str(paths.data)]) == 0
    assert files(paths.data) == files(data)
    os.close(state.lock_data(paths))


def test_a_folder_that_an_installation_is_starting_on_is_left_alone(
    data: Path, tmp_path: Path, empty_database: str, monkeypatch: Any
) -> None:
    target = back_up(data, tmp_path / "b.tar")
    paths = DataPaths(tmp_path / "new")
    paths.create()
    lock = state.lock_data(paths)
    (paths.logs / "postgres.log").write_text("starting")
    monkeypatch.setenv("DATABASE_URL", empty_database)
    assert "already running" in refusal(restore.main, target, "--data", paths.data)
    assert (paths.logs / "postgres.log").read_text() == "starting"
    os.close(lock)
