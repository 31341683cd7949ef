"""A database of an earlier major version of PostgreSQL is moved to ours, with programs from another package."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from annotary.runtime import bootstrap, instance, postgres, privileges, upgrade
from annotary.runtime.archive import DUMP
from annotary.runtime.database_tools import Database, major
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths
from annotary.runtime.source_roots import ROOT
from tests.faults.own_manager import make_manager
from tests.faults.test_kill_everything import CHOSEN_BY_TESTS

pytestmark = pytest.mark.slow

# The smallest package that has PostgreSQL of another major version (16); the one that Annotary uses began with 18.
OLD_PACKAGE = "pgserver==0.1.4"
SETTINGS = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject", "--no-sync")


@pytest.fixture(autouse=True)
def own_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def old_binaries() -> Iterator[Path]:
    environment = bootstrap.Environment(ROOT)
    uv = bootstrap.find_uv(environment)
    assert uv is not None
    folder = Path(tempfile.mkdtemp(prefix="annotary-postgresql-"))
    folder.chmod(0o755)
    options = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--target", str(folder)]
    subprocess.run([uv, "--quiet", "pip", "install", *options, OLD_PACKAGE], check=True, cwd=folder)
    yield folder / "pgserver" / "pginstall" / "bin"
    shutil.rmtree(folder)


def manage(*arguments: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def rows(database: Database) -> dict[str, list[str]]:
    """The content of every table, in an order that depends on the content alone."""
    with database.connect() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        found = {}
        for (name,) in tables:
            query = psycopg.sql.SQL("SELECT * FROM {}").format(psycopg.sql.Identifier(name))
            found[name] = sorted(map(repr, connection.execute(query).fetchall()))
        return found


def turn_old(paths: DataPaths, binaries: Path) -> dict[str, list[str]]:
    """Give the installation a database of the old version with the same content; return the content."""
    home, dump = postgres.home_of(paths), paths.data / DUMP
    with exclusive(paths) as lock:
        with lone_database(paths, lock) as database, database.dump() as source:
            dump.write_bytes(source.read())
        shutil.rmtree(home / postgres.FOLDER)
        cluster = postgres.Cluster(binaries, home, home, privileges.choose())
        command = [str(binaries / "initdb"), "-D", str(cluster.data), "-U", postgres.NAME, *SETTINGS]
        subprocess.run(command, check=True, capture_output=True, cwd="/", preexec_fn=cluster.run_as.preexec())
        with lone_database(paths, lock, binaries=binaries) as database:
            load(database, dump)
            dump.unlink()
            return rows(database)


def load(database: Database, dump: Path) -> None:
    """Load a dump as SQL without the one setting that the old server does not know."""
    program = [str(database.binaries / "pg_restore"), "--no-owner", "--file=-", str(dump)]
    script = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    sql = "\n".join(line for line in script.splitlines() if "transaction_timeout" not in line)
    client = [str(database.binaries / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1", database.url]
    subprocess.run(client, input=sql, check=True, capture_output=True, text=True)


# What the old version accepts, and ours refuses to load.
NOT_FOR_US = """
CREATE SCHEMA extra;
CREATE TABLE extra.old (n int CHECK (current_setting('server_version_num')::int < 170000));
INSERT INTO extra.old VALUES (1);
"""


def version_of(folder: Path) -> int:
    return int((folder / "PG_VERSION").read_text())


def clusters(paths: DataPaths) -> dict[str, int]:
    return {path.name: version_of(path) for path in postgres.home_of(paths).glob("postgres*")}


def does_not_start(paths: DataPaths) -> str:
    done = manage("up", "--data", paths.data, "--port", "0")
    assert done.returncode == 1
    return done.stderr


def fails_without_the_old_programs(paths: DataPaths) -> None:
    done = manage("upgrade_database", "--data", paths.data)
    assert done.returncode == 1
    assert "does not have the programs of PostgreSQL 16" in done.stderr
    assert clusters(paths) == {"postgres": 16}


def fails_whole(paths: DataPaths, binaries: Path) -> None:
    """The new database cannot be completed: the old one stays."""
    with exclusive(paths) as lock, lone_database(paths, lock, binaries=binaries) as database:
        with_database(database, NOT_FOR_US)
    done = manage("upgrade_database", "--data", paths.data, "--binaries", binaries)
    assert done.returncode == 1
    assert done.stderr.startswith("pg_restore failed:")
    assert done.stderr.count("\n") == 1
    assert clusters(paths) == {"postgres": 16}
    with exclusive(paths) as lock, lone_database(paths, lock, binaries=binaries) as database:
        with_database(database, "DROP SCHEMA extra CASCADE")


def with_database(database: Database, sql: str) -> None:
    with database.connect() as connection:
        connection.execute(sql)


def ends_between_the_renames(paths: DataPaths, binaries: Path) -> None:
    """The old database is aside and the new one has not taken its name: a start must not create an empty one."""
    home = postgres.home_of(paths)
    with exclusive(paths) as lock:
        upgrade._copy(paths, home, lock, binaries)
    (home / "postgres").rename(home / "postgres.old-16")
    assert "interrupted at its end" in does_not_start(paths)
    assert set(clusters(paths)) == {"postgres.old-16", "postgres.upgraded"}


def test_the_database_moves_to_our_version(tmp_path: Path, old_binaries: Path) -> None:
    with instance.start(data=tmp_path / "data") as site:
        key = make_manager(site.environment).key
    paths, ours = DataPaths(tmp_path / "data"), major(postgres.locate())
    content = turn_old(paths, old_binaries)
    assert "Run 'python3 manage.py upgrade_database'" in does_not_start(paths)
    fails_without_the_old_programs(paths)
    fails_whole(paths, old_binaries)
    ends_between_the_renames(paths, old_binaries)

    done = manage("upgrade_database", "--data", paths.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"rm -r {postgres.home_of(paths)}/postgres.old-16" in done.stdout
    assert clusters(paths) == {"postgres": ours, "postgres.old-16": 16}
    with exclusive(paths) as lock, lone_database(paths, lock) as database:
        assert rows(database) == content
    with instance.start(data=paths.data) as site:
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{site.url}/api/v1/me/", headers=headers, timeout=60).status_code == 200
    again = manage("upgrade_database", "--data", paths.data)
    assert (again.returncode, again.stdout) == (0, f"The database is on PostgreSQL {ours} already.\n")


def test_our_own_version_can_be_fetched_once_it_is_an_old_one() -> None:
    """The next version of Annotary with another PostgreSQL needs the programs of this one."""
    ours = major(postgres.locate())
    pinned = (ROOT / "requirements" / f"postgresql-{ours}.txt").read_text()
    assert pinned in (ROOT / "requirements" / "runtime.txt").read_text()
    assert os.fspath(upgrade._fetched(ours) or "").endswith("bin")
