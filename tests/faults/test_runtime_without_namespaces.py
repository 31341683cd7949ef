"""PostgreSQL starts as root in a container whose seccomp filter refuses user namespaces, and as any other user."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from annotary.runtime.source_roots import python_path

WRAPPER = Path(__file__).with_name("without_namespaces.py")
PROGRAM = """
import json, os, pwd, psycopg
from annotary.runtime.temporary_stores import TemporaryStores
from annotary.runtime import privileges
stores = TemporaryStores()
try:
    with psycopg.connect(stores.environment["DATABASE_URL"]) as connection:
        folder, one = connection.execute("SELECT current_setting('data_directory'), 1").fetchone()
    status = os.stat(folder)
    result = {"kind": privileges.choose().kind, "folder": folder}
    result |= {"mode": status.st_mode, "uid": status.st_uid, "one": one}
    print(json.dumps(result))
finally:
    stores.close()
"""


def test_without_user_namespaces_root_runs_the_database_as_an_unprivileged_account() -> None:
    done = subprocess.run(
        [sys.executable, str(WRAPPER), sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["one"] == 1
    assert stat.S_IMODE(result["mode"]) == 0o700
    # An ordinary user needs neither a namespace nor another account, and owns the files.
    root = os.geteuid() == 0
    assert result["kind"] == ("drop" if root else "self")
    assert result["uid"] != 0
    assert not Path(result["folder"]).exists(), "the temporary files still exist"
