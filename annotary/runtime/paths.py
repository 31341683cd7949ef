"""Where things lie: the data folder, its parts, and sockets whose path the kernel can hold."""

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.source_roots import ROOT

# sockaddr_un.sun_path holds 108 bytes with its end mark (unix(7)); PostgreSQL adds "/.s.PGSQL.5432.lock".
SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432")


@dataclass(frozen=True)
class Places:
    """The data folder of one installation."""

    data: Path

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def state(self) -> Path:
        return self.data / "runtime.json"

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def key(self) -> str:
        """A short name of this data folder, for what must lie elsewhere."""
        return hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]

    def create(self) -> None:
        """Make the folders, for their owner alone.

        Raises EmbeddedError when the disk or its rights do not allow it.
        """
        try:
            # Whitenoise warns when its folder is missing, though here it serves from the sources.
            for folder in (self.data, self.logs, self.run, self.data / "static"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.data.stat().st_uid == os.geteuid():
                self.data.chmod(0o700)
        except FileExistsError as error:
            raise EmbeddedError(f"{self.data} is a file: choose a folder with --data.") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EmbeddedError(
                f"The data folder {self.data} cannot be written ({reason}): choose another with --data."
            ) from error


def default_data() -> Path:
    return Path(os.environ.get("ANNOTARY_DATA", "").strip() or ROOT / ".annotary").expanduser().resolve()


def socket_folder(places: Places) -> Path:
    """A 0700 folder for sockets: in the data folder when its path is short enough, else a private one elsewhere."""
    if len(os.fsencode(places.run)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
        return places.run
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    candidates = [Path(runtime)] if runtime else []
    for base in [*candidates, Path("/tmp")]:  # noqa: S108 - checked below to be ours
        folder = base / f"annotary-{os.geteuid()}-{places.key}"
        if len(os.fsencode(folder)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT and private_folder(folder):
            return folder
    raise EmbeddedError(f"The path {places.data} is too long for sockets: choose a shorter one with --data.")


def private_folder(folder: Path) -> bool:
    """Make or take over `folder`; False when it is a link, somebody else's or open to others.

    In /tmp anybody may have put a link or a folder under our name first, so it is looked at without following.
    """
    with contextlib.suppress(FileExistsError):
        try:
            folder.mkdir(mode=0o700)
        except (FileNotFoundError, PermissionError):
            return False
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700
