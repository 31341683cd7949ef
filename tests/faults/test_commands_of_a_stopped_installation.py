"""`manage.py set_password` and `manage.py service_account` work while nothing runs, and leave nothing running."""

import json
import os
import subprocess
import sys
from pathlib import Path

from annotary.runtime.source_roots import ROOT, python_path

MANAGE = [sys.executable, str(ROOT / "manage.py")]
ADMIN = "admin@annotary.local"
INSTALL = """
import sys
from pathlib import Path
from annotary import cli
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths

data = DataPaths(Path(sys.argv[1]))
data.create()
with exclusive(data) as lock, lone_database(data, lock):
    pass
cli.RUN_STOPPED.add("bootstrap_admin")
sys.exit(cli.main(["manage.py", "bootstrap_admin", "--migrate", "--verbosity", "0"]))
"""
READ = """
import json, sys
from pathlib import Path
from annotary.runtime.lone_database import exclusive, lone_database
from annotary.runtime.paths import DataPaths

data = DataPaths(Path(sys.argv[1]))
with exclusive(data) as lock, lone_database(data, lock) as database, database.connect() as connection:
    keys = connection.execute("SELECT count(*) FROM accounts_apitoken").fetchone()[0]
    password = connection.execute("SELECT password FROM accounts_user ORDER BY id LIMIT 1").fetchone()[0]
print(json.dumps([password, keys]))
"""


def run(data: Path, *command: str, sent: str = "") -> subprocess.CompletedProcess[str]:
    chosen = {"DATABASE_URL", "REDIS_URL", "STORAGE_URL", "DJANGO_SETTINGS_MODULE"}
    variables = {name: value for name, value in os.environ.items() if name not in chosen}
    variables |= {"PYTHONPATH": python_path(), "ANNOTARY_DATA": str(data), "ANNOTARY_BOOTSTRAP": "off"}
    return subprocess.run(command, env=variables, input=sent, capture_output=True, text=True, timeout=300, check=False)


def read(data: Path) -> tuple[str, int]:
    done = run(data, sys.executable, "-c", READ, str(data))
    assert done.returncode == 0, done.stderr
    password, keys = json.loads(done.stdout.splitlines()[-1])
    return password, keys


def test_a_password_is_set_and_a_key_printed_while_nothing_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    nothing = run(data, *MANAGE, "set_password", ADMIN, sent="correct horse battery\n")
    assert (nothing.returncode, data.exists()) == (1, False)
    assert "There is no installation here yet" in nothing.stderr
    installed = run(data, sys.executable, "-c", INSTALL, str(data))
    assert installed.returncode == 0, installed.stderr
    before, _ = read(data)
    weak = run(data, *MANAGE, "set_password", ADMIN, sent="password\n")
    assert (weak.returncode, "too common" in weak.stderr, read(data)[0]) == (1, True, before)
    changed = run(data, *MANAGE, "set_password", ADMIN, sent="correct horse battery\n")
    assert changed.returncode == 0, changed.stderr
    made = run(data, *MANAGE, "service_account", "nightly", "--role", "client")
    assert made.stdout.startswith("ann_"), made.stderr
    after, keys = read(data)
    assert after != before
    assert keys == 1
    assert not (data / "runtime.json").exists()
