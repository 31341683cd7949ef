"""A folder for the temporary files of each job worker process, deleted when the process is gone, however it ended.

The process keeps its folder locked. The kernel releases the lock when the process dies, so what is abandoned is known
for certain, whatever the clock says and however long a job may take.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings

_ATTEMPTS = 10
_locks: list[int] = []


def use_scratch_folder() -> None:
    """Delete abandoned folders, then make `tempfile` and child processes use a new one in the data folder.

    The data folder is sized for archives; the system's folder for temporary files may be in memory.
    """
    sweep_scratch_folders()
    folder = _create_locked()
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)


def sweep_scratch_folders() -> int:
    """Delete the folders on this host whose process is gone; returns their number."""
    swept = 0
    for folder in _root().glob("job-*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
            swept += 1
    return swept


def _create_locked() -> Path:
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=_root()))
        lock = _lock(folder)
        if lock is not None and folder.exists():
            _locks.append(lock)  # kept open for as long as the process lives
            return folder
        # A sweep took the folder before it was locked.
    raise OSError(f"The folder {_root()} cannot be locked. Put the data folder on a file system that supports flock.")


def _lock(folder: Path) -> int | None:
    """Lock the folder; returns its descriptor, or None if its process is alive or the folder is gone."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
    return None


def _root() -> Path:
    root = Path(settings.ANNOTARY_DATA) / "scratch"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root
