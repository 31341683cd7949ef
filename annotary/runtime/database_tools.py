"""pg_dump, pg_restore and plain connections, to a database that is given by its URL."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from annotary.runtime import postgres
from annotary.runtime.errors import EmbeddedError

if TYPE_CHECKING:
    import psycopg

CONNECT_TIMEOUT = 15


@dataclass(frozen=True)
class Database:
    """A database and the programs that dump and restore it."""

    url: str
    binaries: Path

    @contextmanager
    def connect(self) -> "Iterator[psycopg.Connection[Any]]":
        """Connect in autocommit mode for the block. Raises EmbeddedError if the database is unreachable or fails."""
        import psycopg

        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT) as connection:
                yield connection
        except psycopg.Error as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise EmbeddedError(
                f"The database could not be used: {lines[0]}. Run this as the user who runs Annotary, and check "
                "DATABASE_URL if you set it."
            ) from error

    def check_version(self, connection: "psycopg.Connection[Any]") -> None:
        """Raise EmbeddedError if the server is newer than the programs, which then refuse to dump it."""
        server, programs = connection.info.server_version // 10000, major(self.binaries)
        if server > programs:
            raise EmbeddedError(
                f"The database runs on PostgreSQL {server}, and this version of Annotary includes the programs of "
                f"{programs}, which cannot copy a newer one. Use pg_dump of PostgreSQL {server}."
            )

    @contextmanager
    def dump(self, *, snapshot: str | None = None) -> Iterator[BinaryIO]:
        """Provide the output of pg_dump. Raises EmbeddedError at the end of the block if it failed."""
        options = [
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            *([f"--snapshot={snapshot}"] if snapshot else []),
        ]
        with self._program("pg_dump", *options, stdout=subprocess.PIPE) as process:
            yield cast(BinaryIO, process.stdout)

    def restore(self, dump: Path, *, whole: bool) -> None:
        """Load a dump into an empty database; `whole` does it in one transaction, else in parallel.

        Raises EmbeddedError with pg_restore's message.
        """
        jobs = str(min(4, os.cpu_count() or 1))
        mode = ["--single-transaction"] if whole else [f"--jobs={jobs}"]
        options = ["--exit-on-error", "--no-owner", "--no-privileges", *mode]
        with self._program("pg_restore", *options, last=str(dump), stdout=subprocess.DEVNULL):
            pass

    @contextmanager
    def _program(self, name: str, *options: str, last: str = "", stdout: int) -> Iterator["subprocess.Popen[bytes]"]:
        address, environment = self._address()
        command = [
            str(self.binaries / name),
            "--no-password",
            *options,
            f"--dbname={address}",
            *([last] if last else []),
        ]
        process = subprocess.Popen(
            command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
        )
        try:
            yield process
            _, errors = process.communicate()
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                _close(stream)
        if process.returncode != 0:
            raise EmbeddedError(f"{name} failed: {postgres.last_line(errors.decode(errors='replace'))}")

    def _address(self) -> tuple[str, dict[str, str]]:
        """Return the address without the password, which other users would see in the process list."""
        from psycopg import conninfo

        parts: dict[str, Any] = {**conninfo.conninfo_to_dict(self.url)}
        password = parts.pop("password", None)
        environment = postgres.clean_environment()
        if "DATABASE_URL" in os.environ:
            environment |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        return conninfo.make_conninfo(**parts), environment


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()


def major(binaries: Path) -> int:
    """Return the major version of the programs in this folder."""
    return int(postgres.package_version(binaries).split(".")[0])
