"""A single machine without configuration: static files come from the sources, and requests work without the cache."""

import os
import subprocess
import sys
from pathlib import Path

from annotary.runtime.source_roots import python_path

PROGRAM = """
import django
django.setup()
from django.test import Client
browser = Client(HTTP_HOST="127.0.0.1")
for path in ("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css",
             "/static/workers_ui/controllers/registry.js", "/healthz", "/api/v1/nowhere/", "/api/v1/me/"):
    print(browser.get(path).status_code)
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
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["200", "200", "200", "404", "401"], ran.stderr
    check = [sys.executable, "-m", "django", "check", "--fail-level", "INFO"]
    checked = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
