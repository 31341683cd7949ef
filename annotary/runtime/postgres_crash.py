"""What a power cut or kill -9 leaves of a PostgreSQL server: stale lock files, and a recovery to wait for."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.process import first_number, last_line

# pg_control begins with the system identifier and two versions; then comes the state (DBState in pg_control.h).
_STATE_OFFSET, _SHUT_DOWN = 16, 1
_SHARED_MEMORY_LINE = 6


@dataclass
class CrashRecovery:
    """The start of one server after an unclean stop."""

    data: Path
    sockets: Path
    log: Path
    unclean: bool = False

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def prepare(self, failed: bool) -> None:
        """Requires the lock on the data folder. Remove lock files of a server that is gone.

        PostgreSQL refuses to start if such a file is empty, or if another program has its process id by now; after a
        restart of the machine or of a container, one often has.
        """
        self.unclean = self._was_running()
        if not self._in_use():
            for file in (self.pid_file, *self.sockets.glob(".s.PGSQL.*.lock")):
                with suppress(OSError):
                    file.unlink(missing_ok=True)

    def progress(self) -> str:
        """Return a sentence while the server recovers; it changes with every step that the server logs."""
        if not self.unclean:
            return ""
        step = last_line(self.log).partition("LOG:")[2].strip()
        return f"PostgreSQL is recovering after an unclean stop{f': {step}' if step else ''}."

    def _was_running(self) -> bool:
        try:
            control = (self.data / "global" / "pg_control").read_bytes()
            state: int = struct.unpack_from("i", control, _STATE_OFFSET)[0]
        except (OSError, struct.error):
            return False
        return state != _SHUT_DOWN

    def _in_use(self) -> bool:
        """Return whether a server process still runs in the folder: the same questions that PostgreSQL asks."""
        try:
            lines = self.pid_file.read_text(errors="replace").splitlines()
        except OSError:
            return False
        return self._is_server(first_number(self.pid_file)) or (
            len(lines) > _SHARED_MEMORY_LINE and _is_attached(lines[_SHARED_MEMORY_LINE].split())
        )

    def _is_server(self, pid: int | None) -> bool:
        """Return whether this process was started on our folder; a pid alone may belong to any program by now."""
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return str(self.data).encode() in arguments


def _is_attached(segment: list[str]) -> bool:
    """Return whether a process, of the server or left by it, still uses the shared memory with this [key, id]."""
    try:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    except OSError:
        return True
    # The columns are key, shmid, perms, size, cpid, lpid, nattch (proc_sysvipc_shm(5)); the key is signed there.
    rows = [line.split() for line in lines]
    return any([str(int(row[0]) % 2**64), row[1]] == segment and row[6] != "0" for row in rows)
