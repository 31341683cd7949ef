"""Clients that others' generators make of the OpenAPI document work for a whole day, in Python and in TypeScript."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from accounts.services import create_token
from annotary.celery import app
from kernel.models import Job
from tests import factories
from tests.api.api_fixtures import some_pixels
from tests.api.clients.npm import npm_packages
from tests.api.people import ALL_SCOPES, member

HERE = Path(__file__).parent / "clients"
DESCRIPTION = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
COLORS = ("teal", "navy")
PATIENCE = 120.0

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def images(tmp_path: Path, storage_folder: Path) -> list[str]:
    paths = [tmp_path / f"{color}.jpg" for color in COLORS]
    for path, color in zip(paths, COLORS, strict=True):
        path.write_bytes(some_pixels(color))
    return [str(path) for path in paths]


def environment(site: LiveServer) -> dict[str, str]:
    people = {"MANAGER_KEY": member("owner"), "WORKER_KEY": member("worker")}
    organisation = factories.an_organisation()
    keys = {
        name: create_token(actor=actor, organisation=organisation, name=name, scopes=list(ALL_SCOPES))[1]
        for name, actor in people.items()
    }
    return {**os.environ, **keys, "ANNOTARY_URL": site.url, "NO_PROXY": "localhost,127.0.0.1"}


def generate(command: Sequence[str | Path], folder: Path) -> None:
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def run_day(command: Sequence[str | Path], folder: Path, variables: dict[str, str]) -> str:
    """The output of a client; the queued jobs are run meanwhile, as by the job workers."""
    app.loader.import_default_modules()
    log = folder / "output.txt"
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=output) as process,
    ):
        try:
            run_jobs_until(lambda: process.poll() is not None)
        finally:
            process.kill()
    assert process.returncode == 0, log.read_text()
    return log.read_text()


def run_jobs_until(is_over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_over() and time.monotonic() < deadline:
        for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
            app.tasks[job.kind](job.pk)
        time.sleep(0.05)


def test_a_client_from_openapi_python_client(live_server: LiveServer, images: list[str], tmp_path: Path) -> None:
    config = tmp_path / "generator.yaml"
    config.write_text("post_hooks: []\n")  # formatting, which needs other programs
    tool = Path(sys.executable).parent / "openapi-python-client"
    options = ("--meta", "none", "--config", config, "--output-path", tmp_path / "annotary_client", "--fail-on-warning")
    generate((tool, "generate", "--path", DESCRIPTION, *options), tmp_path)
    variables = {**environment(live_server), "PYTHONPATH": str(tmp_path)}
    output = json.loads(run_day((sys.executable, HERE / "day.py", *images), tmp_path, variables))
    assert output == {"images": ["strays/navy.jpg", "strays/teal.jpg"], "boxes": [[4.0, 5.0, 20.0, 30.0]] * 2}


@pytest.mark.npm
def test_a_client_from_openapi_typescript(live_server: LiveServer, images: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "client"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    packages = npm_packages()
    (folder / "node_modules").symlink_to(packages)
    program = packages / ".bin" / "openapi-typescript"
    generate((program, DESCRIPTION, "--default-non-nullable", "false", "-o", "schema.d.ts"), folder)
    generate((packages / ".bin" / "tsc",), folder)
    output = run_day(("node", "built/day.js", *images), folder, environment(live_server))
    assert re.fullmatch(r"[0-9a-f]{64}\n", output)
