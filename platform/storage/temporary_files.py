"""The spool: a folder in the data folder for uploads until they are stored.

It is on the file system of local storage, so that a finished upload becomes a stored file without being copied. A
process that is killed leaves its files behind; `up` empties the folder at its start, and the sweep deletes the rest.
"""

import contextlib
import shutil
import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings

# By the time of the last write, so that an upload over a slow line is never taken for a leftover.
FILE_STRAY_AFTER = timedelta(hours=1)
# Folders belong to jobs, which write a file and may read it until their time limit, at most six hours.
FOLDER_STRAY_AFTER = timedelta(hours=7)


def spool_folder() -> Path:
    """Return the folder; it is created on first use."""
    folder = Path(settings.ANNOTARY_DATA) / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sweep_spool() -> int:
    """Delete leftovers of killed processes; return how many."""
    now, deleted = time.time(), 0
    for entry in spool_folder().iterdir():
        limit = FOLDER_STRAY_AFTER if entry.is_dir() else FILE_STRAY_AFTER
        with contextlib.suppress(FileNotFoundError):
            if _last_write(entry) < now - limit.total_seconds():
                deleted += _delete(entry)
    return deleted


def _last_write(entry: Path) -> float:
    return max(path.lstat().st_mtime for path in (entry, *entry.rglob("*")))


def _delete(entry: Path) -> int:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
    return 1
