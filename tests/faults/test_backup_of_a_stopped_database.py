"""A stopped installation is backed up and restored, also by root in a container without user namespaces."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from annotary.runtime.source_roots import python_path

WRAPPER = Path(__file__).with_name("without_namespaces.py")
TABLES = """
CREATE TABLE django_migrations (app text, name text);
CREATE TABLE storage_blob (sha256 text, size bigint, state text);
CREATE TABLE kept AS SELECT n FROM generate_series(1, 1000) n;
"""
PROGRAM = """
import json, sys
from pathlib import Path
from annotary.runtime import backup, postgres, restore
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths
from annotary.runtime.temporary_stores import remove_files

folder, tables = Path(sys.argv[1]), sys.argv[2]
data, new, bad = (DataPaths(folder / name) for name in ("data", "new", "bad"))
result = {}
try:
    data.create()
    with exclusive(data) as lock, lone_database(data, lock) as database, database.connect() as connection:
        connection.execute(tables)
    backup.main([str(folder / "b.tar"), "--data", str(data.data)])
    restore.main([str(folder / "b.tar"), "--data", str(new.data)])
    with exclusive(new) as lock, lone_database(new, lock) as database, database.connect() as connection:
        result["kept"] = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
    content = (folder / "b.tar").read_bytes()
    (folder / "b.tar").write_bytes(content[:-2048])
    for paths in (new, bad):
        try:
            restore.main([str(folder / "b.tar"), "--data", str(paths.data)])
        except EmbeddedError as error:
            result[paths.data.name] = str(error)
    result["elsewhere"] = postgres.home_of(new) != new.data
    result["left"] = [str(path) for path in (data.state, bad.data, postgres.SYSTEM_HOME / bad.key) if path.exists()]
finally:
    for paths in (data, new, bad):
        remove_files(paths)
print(json.dumps(result))
"""


@pytest.mark.parametrize("namespaces", [True, False])
def test_a_stopped_database_is_backed_up_and_restored(tmp_path: Path, namespaces: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), TABLES]
    variables = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "STORAGE_URL"}}
    done = subprocess.run(
        command if namespaces else [sys.executable, str(WRAPPER), *command],
        env={**variables, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["kept"] == 1000
    assert result["elsewhere"] == (os.geteuid() == 0 and not namespaces)
    assert "is not empty" in result["new"]
    assert "cannot be restored" in result["bad"]
    assert result["left"] == []
