"""A restore brings everything back, or changes nothing."""

import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from annotary.runtime import restore, state
from annotary.runtime.archive import ArchiveWriter
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths
from annotary.runtime.state import State
from tests.integration.annotary.backups import back_up, data, empty_database, files, refusal, rows, url_of

__all__ = ["data", "empty_database"]

pytestmark = pytest.mark.django_db(transaction=True)


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
    with tarfile.open(tmp_path / "b.tar") as archive:
        largest = max(archive.getmembers(), key=lambda member: member.size)
    inside = largest.offset_data + largest.size // 2
    changed = content[:inside] + bytes([content[inside] ^ 1]) + content[inside + 1 :]
    for damaged in (content[: len(content) // 2], content[:-3000], changed):
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
    me = Identity.from_pid(os.getpid())
    assert me is not None
    State("starting", me).write(paths)
    (paths.logs / "postgres.log").write_text("starting")
    monkeypatch.setenv("DATABASE_URL", empty_database)
    assert "already running" in refusal(restore.main, target, "--data", paths.data)
    assert (paths.logs / "postgres.log").read_text() == "starting"
    os.close(lock)
