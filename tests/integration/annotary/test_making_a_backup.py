"""What a backup holds, and that it is whole or not there at all."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from django.db import connection

from annotary.runtime import archive, backup
from annotary.runtime.source_roots import ROOT, python_path
from storage.models import Blob
from storage.services import sweep_blobs
from tests.api.api_fixtures import a_stored_blob
from tests.integration.annotary.backups import back_up, data, empty_database, files, refusal, url_of
from tests.integration.storage.test_sweeping_blobs import aged

__all__ = ["data", "empty_database"]

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60.0
#: Of this database only: other tests run beside these on the same server.
ADVISORY_LOCKS = "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"


class Process:
    """`manage.py backup` in a process of its own, which a test can signal."""

    started: ClassVar[list["Process"]] = []

    def __init__(self, data: Path, target: Path, **options: Any) -> None:
        variables = {**os.environ, "ANNOTARY_BOOTSTRAP": "off", "PYTHONPATH": python_path()}
        command = [sys.executable, str(ROOT / "manage.py"), "backup", str(target), "--data", str(data)]
        # Started in the background, the tests ignore SIGINT, and a child would inherit that.
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True, **options)
        finally:
            signal.signal(signal.SIGINT, previous)
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
        cursor.execute(f"SELECT count(*) FROM pg_locks WHERE {ADVISORY_LOCKS} AND NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.fixture
def sweeping() -> Iterator[None]:
    """A sweep that is about to delete a file: a backup waits for it, with its file open."""
    with psycopg.connect(url_of(connection.settings_dict["NAME"]), autocommit=True) as sweep:
        sweep.execute("SELECT pg_advisory_lock_shared(hashtextextended('storage.backup', 0))")
        yield


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
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
            f" WHERE {ADVISORY_LOCKS} AND granted AND mode = 'ShareLock'"
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


def test_a_password_is_not_shown_to_other_users() -> None:
    from annotary.runtime.database_tools import Database

    address, environment = Database("postgresql://ada:secret@db.example/annotary", Path("/nowhere"))._address()
    assert "secret" not in address
    assert environment["PGPASSWORD"] == "secret"
