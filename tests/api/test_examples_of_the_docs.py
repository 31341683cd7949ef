"""The script of docs/api.md that pulls a release works exactly as printed; test_days_of_the_docs.py runs the others."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from accounts.services import create_token
from tests.api.api_fixtures import a_world
from tests.api.people import member

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.mark.django_db(transaction=True)
def test_the_python_script_pulls_a_release(storage_folder: Path, live_server: LiveServer, tmp_path: Path) -> None:
    world = a_world()
    _, key = create_token(
        actor=member("client"), organisation=world.project.organisation, name="pipeline", scopes=["read"]
    )
    section = PAGE.read_text().split("\n## Downloading a finished dataset\n")[1]
    match = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert match is not None
    environment = {
        "PATH": os.environ["PATH"],
        "ANNOTARY_URL": live_server.url,
        "ANNOTARY_KEY": key,
        "ANNOTARY_PROJECT": str(world.project.public_id),
        "NO_PROXY": "localhost,127.0.0.1",
    }
    run = subprocess.run(
        [sys.executable, "-c", match[1]], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "Release 1: 0 images in dataset.zip\n"
    export = world.project.exports.get()
    assert hashlib.sha256((tmp_path / "dataset.zip").read_bytes()).hexdigest() == export.sha256
