"""Paths: the data folder, its contents, and sockets whose paths are short enough for the kernel."""

import contextlib
import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import NO_SPACE, describe_error
from annotary.runtime.source_roots import ROOT

# sockaddr_un.sun_path holds 108 bytes with its terminator (unix(7)); PostgreSQL adds "/.s.PGSQL.5432.lock".
SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432")


@dataclass(frozen=True)
class DataPaths:
    """The data folder of one installation, and the paths in it."""

    data: Path

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def spool(self) -> Path:
        """Where uploads and what jobs work on are until they are stored; the sweep deletes what is left here."""
        return self.data / "spool"

    @property
    def web_socket(self) -> Path:
        return socket_folder(self) / "web.sock"

    @property
    def live_socket(self) -> Path:
        """The socket of the websocket server."""
        return socket_folder(self) / "live.sock"

    @property
    def front_socket(self) -> Path:
        """Where the front server's HTTP server listens, for the connections that its public port passes on."""
        return socket_folder(self) / "front.sock"

    @property
    def state(self) -> Path:
        return self.data / "runtime.json"

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def unfinished_restore(self) -> Path:
        """A marker that exists while a backup is restored into this folder."""
        return self.data / "unfinished-restore"

    @property
    def key(self) -> str:
        """A short name for this data folder, for files that must be stored elsewhere."""
        return hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]

    def create(self) -> None:
        """Create the folders, accessible only to their owner.

        Raises EmbeddedError if the disk or its permissions do not allow it.
        """
        try:
            for folder in (self.data, self.logs, self.run, self.spool, self.data / "static"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.data.stat().st_uid == os.geteuid():
                self.data.chmod(0o700)
        except FileExistsError as error:
            raise EmbeddedError(f"{self.data} is a file, not a folder. Choose a folder with --data.") from error
        except OSError as error:
            if error.errno in NO_SPACE:
                raise EmbeddedError(describe_error(self.data, error, needed="at least 100 MB")) from error
            reason = (error.strerror or str(error)).lower()
            raise EmbeddedError(
                f"The data folder {self.data} is not writable ({reason}). Choose another with --data."
            ) from error

    def empty_spool(self) -> None:
        """Requires the lock on the data folder. Delete what processes left behind that were killed."""
        for entry in self.spool.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def default_data() -> Path:
    return Path(os.environ.get("ANNOTARY_DATA", "").strip() or ROOT / ".annotary").expanduser().resolve()


def socket_folder(paths: DataPaths) -> Path:
    """Return a 0700 folder for sockets: in the data folder if its path is short enough, else private elsewhere."""
    if len(os.fsencode(paths.run)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
        return paths.run
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    candidates = [Path(runtime)] if runtime else []
    for base in [*candidates, Path("/tmp")]:  # noqa: S108 - its ownership is checked below
        folder = base / f"annotary-{os.geteuid()}-{paths.key}"
        if len(os.fsencode(folder)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT and private_folder(folder):
            return folder
    raise EmbeddedError(f"The path {paths.data} is too long for sockets. Choose a shorter one with --data.")


def private_folder(folder: Path) -> bool:
    """Create `folder` or reuse it; return False if it is a link, belongs to another user or is open to others.

    In /tmp another user may have created a link or a folder of this name first, so links are not followed.
    """
    with contextlib.suppress(FileExistsError):
        try:
            folder.mkdir(mode=0o700)
        except (FileNotFoundError, PermissionError):
            return False
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700
