"""While a command has a stopped installation for itself, nothing else starts on it."""

from pathlib import Path

import pytest

from annotary.runtime import state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.lone_database import exclusive
from annotary.runtime.paths import DataPaths


def test_a_second_command_is_told_to_wait(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    with exclusive(paths), pytest.raises(EmbeddedError, match="A backup, a restore or an upgrade of the database"):
        state.lock_data(paths)
    assert not paths.state.exists()
    with exclusive(paths):
        running = state.running(paths)
        assert running is not None
        assert running.phase == state.MAINTENANCE
