"""`manage.py backup`: writes database, files and secrets to one archive, while Annotary runs or is stopped.

Database and files fit together: one snapshot of the database yields the dump and the list of the files, and the sweep,
the only thing that deletes files, waits until they are copied (`storage.services`).
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO

from annotary import VERSION
from annotary.runtime import postgres, state
from annotary.runtime.archive import DUMP, FORMAT, MANIFEST, SECRETS, ArchiveWriter
from annotary.runtime.database_tools import Database
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import sync_folder
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths, default_data

if TYPE_CHECKING:
    import psycopg

WAIT_FOR_START = 120.0
# The sweep of the files holds the second lock while it deletes one; `storage.services` spells it the same.
ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(hashtextextended('annotary.backup', 0))"
HOLD_OFF_SWEEP = "SELECT pg_advisory_lock(hashtextextended('storage.backup', 0))"
BLOBS = "SELECT sha256, size FROM storage_blob WHERE state = 'ready' ORDER BY sha256"
TOTALS = "SELECT count(*), coalesce(sum(size), 0)::bigint FROM storage_blob WHERE state = 'ready'"
MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"


@dataclass(frozen=True)
class Source:
    """What is backed up: a database, and the folder of its files unless they are elsewhere."""

    paths: DataPaths
    database: Database
    storage_url: str


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    paths = DataPaths((options.data or default_data()).expanduser().resolve())
    target = _target(options.target.expanduser().absolute())
    with interruptible("The backup was interrupted, and nothing was written."), _source(paths) as source:
        _write(source, target)
    print(f"Wrote {target} ({_size(target.stat().st_size)}). {_what_it_holds(source)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py backup",
        description="Write a backup of the database, the files and the secrets to one archive. Annotary may be running "
        "or stopped. The archive holds personal data and secrets: only its owner can read it; keep it that way.",
        epilog="Restore it with 'manage.py restore'. With DATABASE_URL set, that database is backed up. With "
        "STORAGE_URL set, the files are in S3 and not part of the backup: copy the bucket too.",
    )
    parser.add_argument("target", type=Path, metavar="FILE|FOLDER", help="a new file, or a folder to put it in")
    parser.add_argument("--data", type=Path, help="data folder (default: .annotary in the checkout)")
    return parser


def _target(target: Path) -> Path:
    """Return the path of the archive, which must not exist yet."""
    if target.is_dir():
        target = target / time.strftime("annotary-%Y-%m-%dT%H%M%SZ.tar", time.gmtime())
    if target.exists():
        raise EmbeddedError(f"{target} exists already. Choose another file, or a folder.")
    if not target.parent.is_dir():
        raise EmbeddedError(f"The folder {target.parent} does not exist. Create it, or choose another.")
    return target


@contextmanager
def interruptible(message: str) -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that the block cleans up, and then say `message`."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        raise EmbeddedError(message) from error
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _source(paths: DataPaths) -> Iterator[Source]:
    """Find the database: in the environment, the running installation's, or started for the duration of the block."""
    storage_url = os.environ.get("STORAGE_URL", "").strip()
    if url := os.environ.get("DATABASE_URL", "").strip():
        yield Source(paths, Database(url, postgres.locate()), storage_url)
        return
    running = _await_running(paths)
    if running is not None:
        environment = running.environment
        url, storage_url = environment["DATABASE_URL"], environment.get("STORAGE_URL", storage_url)
        yield Source(paths, Database(url, postgres.locate()), storage_url)
        return
    if not (postgres.home_of(paths) / postgres.FOLDER / "PG_VERSION").exists():
        raise EmbeddedError(f"{paths.data} holds no installation to back up. Choose its data folder with --data.")
    with exclusive(paths) as lock, lone_database(paths, lock) as database:
        yield Source(paths, database, storage_url)


def _await_running(paths: DataPaths) -> state.State | None:
    """Return the state of the running installation; one that is starting or stopping gets time to finish."""
    deadline = time.monotonic() + WAIT_FOR_START
    while (running := state.running(paths)) is not None and running.phase in {"starting", "stopping"}:
        if time.monotonic() > deadline:
            raise EmbeddedError(f"Annotary is still {running.phase}. Try again when 'manage.py status' says running.")
        time.sleep(0.2)
    # Another backup of a stopped installation has the folder for itself; `exclusive` says so.
    return running if running is not None and running.phase == "ready" else None


def _write(source: Source, target: Path) -> None:
    """Write the archive under a temporary name, which it keeps until it is complete and durable."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        _remove_leftovers(partial)
        with _opened(partial) as file:
            try:
                _fill(source, ArchiveWriter(file))
                partial.rename(target)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        sync_folder(target.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EmbeddedError(
            f"The backup could not be written to {target.parent} ({reason}). Nothing was kept."
        ) from error


@contextmanager
def _opened(partial: Path) -> Iterator[BinaryIO]:
    """Create a file that only its owner can read, locked as long as it is written."""
    try:
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise EmbeddedError(f"Another backup is writing {partial}. Wait until it has finished.") from error
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _remove_leftovers(partial: Path) -> None:
    """Remove what killed backups left: partial archives of this or of an automatic name that no process has locked."""
    for path in {partial, *partial.parent.glob("annotary-*.tar.partial")}:
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _fill(source: Source, archive: ArchiveWriter) -> None:
    with source.database.connect() as connection:
        source.database.check_version(connection)
        if not _value(connection, ONE_AT_A_TIME):
            raise EmbeddedError("Another backup of this database is running. Wait until it has finished.")
        connection.execute(HOLD_OFF_SWEEP)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = _value(connection, "SELECT pg_export_snapshot()")
        archive.add_text(MANIFEST, json.dumps(_manifest(source, connection), indent=2) + "\n")
        secrets = source.paths.data / SECRETS
        if secrets.exists():
            archive.add_text(SECRETS, secrets.read_text())
        with source.database.dump(snapshot=snapshot) as dump:
            archive.add_stream(DUMP, dump)
        if not source.storage_url:
            _add_files(archive, connection, source.paths.data / "files")
        # Had the connection been lost, the sweep could have deleted files after they were listed.
        connection.execute("COMMIT")
    archive.close()


def _manifest(source: Source, connection: "psycopg.Connection[Any]") -> dict[str, Any]:
    count, size = connection.execute(TOTALS).fetchone() or (0, 0)
    return {
        "format": FORMAT,
        "annotary": VERSION,
        "postgres": connection.info.server_version // 10000,
        "migrations": [row[0] for row in connection.execute(MIGRATIONS)],
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "files": {"count": count, "bytes": size, "included": not source.storage_url},
        "secrets": (source.paths.data / SECRETS).exists(),
    }


def _add_files(archive: ArchiveWriter, connection: "psycopg.Connection[Any]", folder: Path) -> None:
    """Copy every file that the dump refers to, and check that it is what its name says.

    Raises EmbeddedError with the names of those that are missing or damaged; all of them, so that one run shows them.
    """
    bad: list[str] = []
    with connection.cursor(name="blobs") as rows:
        rows.itersize = 5000
        for sha256, size in rows.execute(BLOBS):
            name = f"blobs/{sha256[:2]}/{sha256}"
            try:
                with (folder / name).open("rb") as file:
                    intact = os.fstat(file.fileno()).st_size == size and (
                        archive.add_stream(f"files/{name}", file, size) == sha256 if not bad else _hash(file) == sha256
                    )
            except FileNotFoundError:
                intact = False
            if not intact:
                bad.append(name)
    if bad:
        raise EmbeddedError(
            f"{len(bad)} of the files in {folder} are missing or damaged, such as {bad[0]}. Bring them back from an "
            "earlier backup. No backup was written."
        )


def _hash(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _value(connection: "psycopg.Connection[Any]", query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _what_it_holds(source: Source) -> str:
    files = "the files" if not source.storage_url else "no files: copy the bucket of STORAGE_URL too"
    secrets = " and the secrets" if (source.paths.data / SECRETS).exists() else "; the secrets are in the environment"
    return f"It holds the database, {files}{secrets}. Only you can read it; keep a copy on another machine."


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
