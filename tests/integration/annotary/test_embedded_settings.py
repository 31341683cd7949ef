"""A single machine without configuration: static files are collected once, and requests work without the cache."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from annotary.runtime.source_roots import python_path

PROGRAM = """
import django
django.setup()
from django.test import Client
browser = Client(HTTP_HOST="127.0.0.1")
from django.templatetags.static import static
for path in (static("workers_ui/bundles/set.css"), static("workers_ui/icons.svg"),
             "/healthz", "/api/v1/nowhere/", "/api/v1/me/"):
    print(browser.get(path).status_code)
"""

HEADERS = """
import django
django.setup()
from django.templatetags.static import static
from django.test import Client
browser = Client(HTTP_HOST="127.0.0.1")
current = static("workers_ui/bundles/set.js")
for path, accepted in ((current, "gzip, br"), (current, "gzip"), (current, ""),
                       ("/static/workers_ui/bundles/set.0123456789ab.js", "gzip")):
    answer = browser.get(path, HTTP_ACCEPT_ENCODING=accepted)
    print(answer.headers.get("Content-Encoding"), answer.headers["Cache-Control"])
"""


def test_it_serves_static_files_and_answers_api_calls(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()  # as the supervisor does
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": python_path(),
        "DJANGO_SETTINGS_MODULE": "annotary.settings.embedded",
        "ANNOTARY_DATA": str(tmp_path),
        "REDIS_URL": f"unix://{tmp_path}/nowhere.sock?db=0",
    }
    collect = [sys.executable, "-m", "django", "collectstatic", "--noinput", "-v0"]
    subprocess.run(collect, env=environment, check=True)
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["200", "200", "200", "404", "401"], ran.stderr
    check = [sys.executable, "-m", "django", "check", "--fail-level", "INFO"]
    checked = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_static_files_are_compressed_hashed_and_kept_by_browsers_for_good(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": python_path(),
        "DJANGO_SETTINGS_MODULE": "annotary.settings.embedded",
        "ANNOTARY_DATA": str(tmp_path),
    }
    old, ancient = folder / "workers_ui/bundles/set.0123456789ab.js", folder / "workers_ui/bundles/set.ba9876543210.js"
    for file in (old, ancient):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("// of an earlier version")
    month_ago = time.time() - 31 * 24 * 3600
    os.utime(ancient, (month_ago, month_ago))
    replaced = folder / "workers_ui/bundles/set.aaaaaaaaaaaa.js"
    replaced.write_text("// of the version that is replaced now")
    os.utime(replaced, (month_ago, month_ago))
    paths = {"workers_ui/bundles/set.js": replaced.relative_to(folder).as_posix()}
    (folder / "staticfiles.json").write_text(json.dumps({"paths": paths, "version": "1.1", "hash": ""}))
    for arguments in (["-m", "django", "collectstatic", "--noinput", "-v0"], ["-c", HEADERS]):
        ran = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "br public, max-age=31536000, immutable",
        "gzip public, max-age=31536000, immutable",
        "None public, max-age=31536000, immutable",
        # A page that was loaded before the upgrade.
        "None public, max-age=31536000, immutable",
    ]
    assert old.exists()
    assert replaced.exists()
    assert not ancient.exists()
    kept = {path.relative_to(folder).parts[:2] for path in folder.rglob("*.*") if path.is_file()} - {
        ("staticfiles.json",)
    }
    assert {parts[1].split(".")[0] for parts in kept} == {"bundles", "favicon", "icons", "mark"}
