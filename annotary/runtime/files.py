"""Files that are whole or absent after a crash, a power cut or a full disk, and what a full disk is called."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from annotary.runtime.errors import EmbeddedError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; it is never readable by anyone but its owner, not even while it is written.

    If it cannot be written, the old file stays and nothing else is left.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files of writes that a crash interrupted."""
    for leftover in folder.glob("*.new"):
        if leftover.is_file():
            with contextlib.suppress(OSError):
                leftover.unlink()


def require_space(folder: Path, megabytes: int) -> None:
    """Raise EmbeddedError unless the disk that holds `folder` has this much room."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise EmbeddedError(
            f"The disk that holds {folder} is full ({free} MB free). Free at least {megabytes} MB and start again."
        )


@contextlib.contextmanager
def explained(folder: Path, *, needed: str) -> Iterator[None]:
    """Turn the errors of a full or read-only disk, and of missing rights, into a sentence (EmbeddedError)."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*NO_SPACE, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise EmbeddedError(describe_error(folder, error, needed=needed)) from error


def describe_error(folder: Path, error: OSError, *, needed: str) -> str:
    """Say in one sentence why nothing can be written to `folder`, and what to do."""
    if error.errno in NO_SPACE:
        return f"The disk that holds {folder} is full. Free {needed} and start again."
    reason = (error.strerror or str(error)).lower()
    return f"Annotary cannot write to {folder} ({reason}). Start as the user who owns it, or choose another folder."
