"""Files of the installation are whole or absent, and damaged ones are either not trusted or reported in a sentence."""

import os
import resource
import signal
from pathlib import Path

import pytest

from annotary.runtime import files, secrets, state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.postgres_crash import CrashRecovery


@pytest.fixture
def recovery(tmp_path: Path) -> CrashRecovery:
    for folder in ("postgres", "run"):
        (tmp_path / folder).mkdir()
    return CrashRecovery(data=tmp_path / "postgres", sockets=tmp_path / "run", log=tmp_path / "postgres.log")


@pytest.mark.parametrize("damage", ["", "null", "[]", "{", "\0\0\0\0"])
def test_damaged_secrets_are_not_replaced_silently(tmp_path: Path, damage: str) -> None:
    (tmp_path / "secrets.json").write_text(damage)
    with pytest.raises(EmbeddedError, match="is damaged"):
        secrets.load_or_create(tmp_path / "secrets.json")
    assert (tmp_path / "secrets.json").read_text() == damage


@pytest.mark.parametrize("damage", ["", "null", "[]", '{"keeper": []}', '{"children": [], "keeper": {}}', "\0\0\0\0"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, damage: str) -> None:
    paths = DataPaths(tmp_path)
    paths.state.write_text(damage)
    assert state.read(paths) is None


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    files.write_private(file, "old")
    if os.fork() == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            files.write_private(file, "n" * 5000)
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


@pytest.mark.parametrize("first_line", ["", "garbage", "{own}", "4194304"])
def test_lock_files_of_a_server_that_is_gone_are_removed(recovery: CrashRecovery, first_line: str) -> None:
    first_line = first_line.format(own=os.getpid())
    rest = f"\n{recovery.data}\n0\n5432\n{recovery.sockets}\n\n   123456  99999999\nready   \n"
    recovery.pid_file.write_text(f"{first_line}{rest}" if first_line else "")
    (recovery.sockets / ".s.PGSQL.5432.lock").write_text(f"{first_line}\n")
    recovery.prepare(False)
    assert not recovery.pid_file.exists()
    assert not list(recovery.sockets.iterdir())
