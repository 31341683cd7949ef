"""The temporary files of a job worker process are gone when it is, even if it was killed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from annotary.runtime.source_roots import python_path
from kernel.scratch import sweep_scratch_folders, use_scratch_folder

PROGRAM = """
import django, sys, tempfile, time
django.setup()
from kernel.scratch import use_scratch_folder
use_scratch_folder()
tempfile.mkdtemp(prefix="export-")
print(tempfile.gettempdir(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.ANNOTARY_DATA = tmp_path
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
    return tmp_path


@contextmanager
def a_process(data: Path) -> Iterator[Path]:
    """A process with temporary files, killed at the end of the block; gives its folder."""
    environment = {**os.environ, "ANNOTARY_DATA": str(data), "PYTHONPATH": python_path()}
    environment |= {"DJANGO_SETTINGS_MODULE": "annotary.settings.test"}
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_a_living_process_keeps_its_files_and_a_killed_one_does_not(data: Path) -> None:
    with a_process(data) as folder:
        assert [each.name.startswith("export-") for each in folder.iterdir()] == [True]
        assert sweep_scratch_folders() == 0
    assert folder.exists()
    assert sweep_scratch_folders() == 1
    assert not folder.exists()


def test_a_new_process_sweeps_what_killed_ones_left_and_writes_in_the_data_folder(data: Path) -> None:
    with a_process(data) as folder:
        pass
    assert folder.exists()
    use_scratch_folder()
    assert not folder.exists()
    with tempfile.TemporaryDirectory() as mine:
        assert data in Path(mine).parents
