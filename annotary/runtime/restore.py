"""`manage.py restore`: makes a backup a new installation, whole or not at all.

The archive is extracted and verified in the new data folder under a marker file, which keeps Annotary from starting on
it; the marker goes when everything is there and durable. What is already in use is never overwritten.
"""

import argparse
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from annotary.runtime import archive, postgres
from annotary.runtime.archive import DUMP, FORMAT, ArchiveDamagedError
from annotary.runtime.backup import interruptible
from annotary.runtime.database_tools import Database, major
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import sync_folder
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths, default_data
from annotary.runtime.source_roots import ROOT

NEWER = "Restore it with the version of Annotary that wrote it, or with a later one."
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
RESTORED = "SELECT count(*) FROM storage_blob WHERE state = 'ready'"
# The holder of the lock needs both.
KEPT = {"lock", "runtime.json"}
# What `up`, and commands that only look, leave in a data folder before there is anything of value in it.
WORTHLESS = {*KEPT, "logs", "run", "spool", "static", "unfinished-restore"}


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    file = options.file.expanduser().absolute()
    paths = DataPaths((options.data or default_data()).expanduser().resolve())
    with interruptible("The restore was interrupted, and nothing was kept."):
        manifest = _read(file, target=lambda name: None) if options.check else _restore(file, paths)
    print(_summary(file, manifest, None if options.check else paths))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py restore",
        description="Restore a backup into a new data folder. Nothing is overwritten, and nothing is kept unless all "
        "of it is restored. Backups from earlier versions of Annotary and PostgreSQL are accepted.",
        epilog="With DATABASE_URL set, the database is restored into that one in one transaction. It must be empty.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="an archive that 'manage.py backup' wrote")
    parser.add_argument("--data", type=Path, help="new data folder (default: .annotary in the checkout)")
    parser.add_argument("--check", action="store_true", help="only verify the archive and its checksums")
    return parser


def _restore(file: Path, paths: DataPaths) -> dict[str, Any]:
    _require_new(paths)
    existed = paths.data.exists()
    paths.create()
    try:
        with exclusive(paths, unfinished=True) as lock:
            # Checked again under the lock: an installation may have been created in the meantime.
            _require_new(paths)
            try:
                return _fill(file, paths, lock)
            except BaseException:
                _clear(paths)
                raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EmbeddedError(f"The backup could not be restored to {paths.data} ({reason}).") from error
    finally:
        if not existed and {path.name for path in paths.data.iterdir()} == {paths.lock.name}:
            shutil.rmtree(paths.data)


def _require_new(paths: DataPaths) -> None:
    """Raise EmbeddedError unless the data folder is missing, empty, or what an interrupted restore left."""
    home = postgres.home_of(paths)
    if paths.unfinished_restore.exists():
        return
    try:
        found = {path.name for path in paths.data.iterdir()} - WORTHLESS if paths.data.exists() else set()
    except NotADirectoryError:
        found = {""}
    if found or home != paths.data:
        raise EmbeddedError(
            f"{paths.data if found else home} is not empty. Choose a new folder with --data, or move the old one aside."
        )


def _fill(file: Path, paths: DataPaths, lock: int) -> dict[str, Any]:
    """Requires the lock on the data folder. Bring everything into it; the marker is removed last."""
    paths.unfinished_restore.touch(mode=0o600)
    sync_folder(paths.data)
    _clear(paths, but={paths.unfinished_restore.name, *KEPT})
    paths.create()
    manifest = _read(file, target=lambda name: _target(paths.data, name))
    dump = paths.data / DUMP
    with _database(paths, lock) as (database, whole):
        database.restore(dump, whole=whole)
        with database.connect() as connection:
            connection.execute("ANALYZE")
            row = connection.execute(RESTORED).fetchone()
        if row is None or row[0] != manifest["files"]["count"]:
            raise EmbeddedError("The restored database lists other files than the archive holds.")
    dump.unlink()
    (paths.data / "files").mkdir(mode=0o700, exist_ok=True)
    # One call for a million files; the marker must outlive anything that a power cut could still lose.
    os.sync()
    paths.unfinished_restore.unlink()
    sync_folder(paths.data)
    return manifest


@contextmanager
def _database(paths: DataPaths, lock: int) -> Iterator[tuple[Database, bool]]:
    """Provide an empty database, and whether to fill it in one transaction because others may be looking."""
    if not (url := os.environ.get("DATABASE_URL", "").strip()):
        with lone_database(paths, lock) as database:
            yield database, False
        return
    database = Database(url, postgres.locate())
    with database.connect() as connection:
        row = connection.execute(TABLES).fetchone()
        if row is None or row[0]:
            raise EmbeddedError("The database in DATABASE_URL has tables. Create an empty one, and restore into that.")
    yield database, True


def _read(file: Path, *, target: archive.Target) -> dict[str, Any]:
    try:
        source = file.open("rb")
    except OSError as error:
        raise EmbeddedError(f"{file} cannot be read ({(error.strerror or str(error)).lower()}).") from error
    with source:
        try:
            return archive.read(source, accept=_accept, target=target)
        except ArchiveDamagedError as error:
            raise EmbeddedError(f"{file} cannot be restored. {error} Use another backup.") from error


def _accept(manifest: dict[str, Any]) -> None:
    """Raise EmbeddedError if the backup was written by a newer version of Annotary or PostgreSQL."""
    if not isinstance(manifest.get("format"), int) or manifest["format"] > FORMAT:
        raise EmbeddedError(f"The backup was written by a newer version of Annotary. {NEWER}")
    programs = major(postgres.locate())
    if manifest["postgres"] > programs:
        raise EmbeddedError(
            f"The backup is from PostgreSQL {manifest['postgres']}, and this version of Annotary includes {programs}. "
            f"{NEWER}"
        )
    unknown = _newer(manifest["migrations"])
    if unknown:
        raise EmbeddedError(f"The backup was written by a newer version of Annotary ({unknown}). {NEWER}")


def _newer(migrations: list[str]) -> str:
    """Return the first migration that comes after all of ours in its app, or nothing.

    Earlier names may be unknown too: old migrations can have been merged into one.
    """
    known: dict[str, set[str]] = {}
    for base in (ROOT / "platform", ROOT):
        for path in base.glob("*/migrations/[0-9]*.py"):
            known.setdefault(path.parent.parent.name, set()).add(path.stem)
    for migration in migrations:
        app, _, name = migration.partition(".")
        ours = known.get(app, set())
        if ours and name not in ours and _number(name) >= max(map(_number, ours)):
            return migration
    return ""


def _number(name: str) -> int:
    match = re.match(r"\d+", name)
    return int(match.group()) if match else 0


def _target(data: Path, name: str) -> BinaryIO:
    """Create a file of the archive. Its name is one of a few, so it cannot lie outside the data folder."""
    path = data / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    return os.fdopen(handle, "wb")


def _clear(paths: DataPaths, *, but: set[str] = KEPT) -> None:
    """Requires the lock on the data folder. Remove everything in it, also from interrupted restores, `but` some names.

    The marker goes last, in case this is interrupted too.
    """
    home = postgres.home_of(paths)
    if home != paths.data:
        shutil.rmtree(home, ignore_errors=True)
    for path in sorted(paths.data.iterdir(), key=lambda path: path == paths.unfinished_restore):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in but:
            path.unlink(missing_ok=True)


def _summary(file: Path, manifest: dict[str, Any], paths: DataPaths | None) -> str:
    files = manifest["files"]
    noun = "file" if files["count"] == 1 else "files"
    held = f"the database and {files['count']} {noun}" if files["included"] else "the database, but no files"
    what = f"a backup of {manifest['created_at']} from Annotary {manifest['annotary']}, with {held}"
    lines = [f"{file} is intact: {what}." if paths is None else f"Restored {what}, to {paths.data}."]
    if not files["included"]:
        lines.append("The files are in the bucket that STORAGE_URL named. Set it to the bucket, or to a copy of it.")
    if not manifest["secrets"]:
        lines.append(
            "The secrets were in the environment. Set ANNOTARY_SECRET_KEY to the same, or everyone signs in again."
        )
    if paths is not None:
        lines.append(f"Start it with 'python3 manage.py up --data {paths.data}'.")
    return "\n".join(lines)
