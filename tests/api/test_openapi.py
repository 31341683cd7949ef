"""The committed OpenAPI description matches the code and is complete."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from rest_framework.test import APIClient

from annotary.runtime.source_roots import python_path

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "docs" / "openapi.yaml"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMMITTED.read_text())
    return loaded


def operations(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_it_is_up_to_date_and_has_no_warnings(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    command = [sys.executable, "-m", "django", "spectacular", "--validate", "--fail-on-warn", "--file", str(fresh)]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": python_path(),
        "DJANGO_SETTINGS_MODULE": "annotary.settings.test",
    }
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    advice = "regenerate it with: manage.py spectacular --file docs/openapi.yaml"
    assert fresh.read_text() == COMMITTED.read_text(), advice


def test_every_operation_has_a_unique_id_and_a_summary(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(ids) == len(set(ids)) > 50
    assert all(operation["summary"] for _, _, operation in operations(description))


def test_every_operation_returns_failures_as_problem_details(description: dict[str, Any]) -> None:
    for path, method, operation in operations(description):
        failure = operation["responses"]["default"]["content"]
        assert list(failure) == ["application/problem+json"], (path, method)
        assert failure["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_operation_accepts_a_key_or_a_session(description: dict[str, Any]) -> None:
    assert description["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    for path, method, operation in operations(description):
        assert operation["security"] == [{"apiKey": []}, {"cookieAuth": []}], (path, method)


def test_the_site_serves_the_same_description(db: None, description: dict[str, Any]) -> None:
    answer = APIClient().get("/api/v1/schema/")
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json()["paths"] == description["paths"]
