"""The commands of docs/api.md, run as printed against a site that `up` has started: a day with curl, and in Python.

Only what the document leaves to people is done here: a worker opens the invitation and creates an API key.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from annotary.demo.browser import Browser
from annotary.runtime import instance
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import python_path
from tests.pictures import a_jpeg
from tests.slow_senders import MAKE_MANAGER

pytestmark = [pytest.mark.slow, pytest.mark.curl]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
#: Each block is run by a shell of its own, as at a prompt; variables and functions are kept for the next one.
BLOCK = "set -euo pipefail\nset -a\n[ -f kept ] && . ./kept\n{block}\n{{ declare -f; export -p; }} > kept\n"
PATIENCE = 120


@dataclass(frozen=True)
class Site:
    url: str
    key: str
    folder: Path

    def environment(self, **variables: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "NO_PROXY": "127.0.0.1,localhost", **variables}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    kept = {name: os.environ.pop(name) for name in CHOSEN_BY_TESTS if name in os.environ}
    try:
        with instance.start(data=tmp_path_factory.mktemp("day") / "data") as running:
            folder = tmp_path_factory.mktemp("desk")
            for number, name in enumerate(("cat.jpg", "dog.jpg")):
                (folder / name).write_bytes(a_jpeg(number, width=64, height=48))
            yield Site(running.url, manager_key(running), folder)
    finally:
        os.environ.update(kept)


def manager_key(running: Running) -> str:
    environment = {**os.environ, **running.environment, "PYTHONPATH": python_path()}
    command = [sys.executable, "-c", MAKE_MANAGER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    key: str = json.loads(done.stdout)[2]
    return key


def worker_key(site: Site, invitation: str) -> str:
    """Join by the link as a worker does in a browser, and create a key for a program."""
    browser = Browser(site.url, retry_seconds=30, stop=threading.Event())
    try:
        browser.join(invitation, name="Wren", email="wren@example.org")
        made = browser._write("POST", "/api/v1/tokens/", json={"name": "program", "scopes": ["work"]})
        key: str = made.json()["key"]
    finally:
        browser.close()
    return key


def blocks(heading: str, language: str) -> list[str]:
    """The code of this language below a heading of the document."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def run(command: list[str], site: Site, variables: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        env=site.environment(**variables),
        cwd=site.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def kept(site: Site, name: str) -> str:
    """A variable that the blocks have set."""
    with suppress(FileNotFoundError):
        found = re.search(rf'^declare -x {name}="(.*)"$', (site.folder / "kept").read_text(), re.MULTILINE)
        return found[1] if found else ""
    return ""


@pytest.fixture(scope="module")
def shell_day(site: Site) -> tuple[str, dict[str, str]]:
    """What the blocks of the day print, and the keys that they are run with."""
    variables, output = {"URL": site.url, "KEY": site.key}, []
    for block in [*blocks("A day with curl", "sh"), *blocks("All answers and all labels", "sh")]:
        if "WORKER_KEY" in block and "WORKER_KEY" not in variables:
            variables["WORKER_KEY"] = worker_key(site, kept(site, "INVITATION"))
        output.append(run(["bash", "-c", BLOCK.format(block=block)], site, variables))
    return "\n".join(output), variables


def test_a_day_with_curl(site: Site, shell_day: tuple[str, dict[str, str]]) -> None:
    output, _ = shell_day
    for line in (
        '[3,"fox"]',
        '{"state":"done","taken":2,"refused":0}',
        '{"opened":1}',
        '{"answers":2,"earned":"0.100000","currency":"EUR"}',
        "approve\napprove\n",
        "dataset.zip: OK",
        "2 images with 2 boxes",
    ):
        assert line in output, (line, output)
    document = json.loads((site.folder / "coco" / "annotations.json").read_text())
    assert [row["bbox"] for row in document["annotations"]] == [[4, 5, 20, 30]] * 2
    assert len((site.folder / "answers.csv").read_text().splitlines()) == 3
    assert len((site.folder / "labels.csv").read_text().splitlines()) == 3
    assert output.count("pets/cat.jpg\t7.5") == 1


def test_the_day_can_be_run_again_without_doing_anything_twice(
    site: Site, shell_day: tuple[str, dict[str, str]]
) -> None:
    """As after a connection that broke off: each step has its Idempotency-Key."""
    _, variables = shell_day
    project = kept(site, "PROJECT")
    first, make, *_ = blocks("A day with curl", "sh")
    run(["bash", "-c", BLOCK.format(block=first + make)], site, variables)
    assert kept(site, "PROJECT") == project


def test_the_same_day_in_python(site: Site, shell_day: tuple[str, dict[str, str]]) -> None:
    _, variables = shell_day
    (program,) = blocks("The same day in Python", "python")
    names = {"ANNOTARY_URL": site.url, "ANNOTARY_KEY": site.key, "ANNOTARY_WORKER_KEY": variables["WORKER_KEY"]}
    output = run([sys.executable, "-c", program, "cat.jpg", "dog.jpg"], site, names)
    assert output.endswith("2 images, 2 boxes of dogs\n")
