"""The type of every problem leads to a page that says what it means and what to do."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tasks.api.problem_catalog import framework_codes, problem_types
from tests.api.api_fixtures import World
from tests.api.people import member, with_key

ROOT = Path(__file__).resolve().parents[2]
FRONT = ROOT / "annotary" / "runtime" / "front" / "errors"
# Why a single file was refused, in the report of an import; never the type of a response.
OF_FILES = {"image_refused", "image_reader_unavailable"}


def codes_in_the_source() -> Iterator[str]:
    """The codes of all classes of errors, from the source, whether or not this process has loaded them."""
    for folder in ("platform", "tasks", "workers_ui"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and node.bases:
                    for line in node.body:
                        target = line.targets[0] if isinstance(line, ast.Assign) else None
                        value = getattr(line, "value", None)
                        if isinstance(target, ast.Name) and target.id == "code" and isinstance(value, ast.Constant):
                            yield str(value.value)


def test_every_class_of_errors_has_a_type() -> None:
    types = problem_types()
    codes = set(codes_in_the_source())
    assert len(codes) > 60
    assert codes - set(types) <= OF_FILES


def test_every_error_of_the_framework_has_a_type() -> None:
    # The class that our own one replaces, and the base class that nothing raises.
    assert framework_codes() - set(problem_types()) <= {"error"}


def test_every_type_resolves_to_a_page_and_to_json() -> None:
    for code, kind in problem_types().items():
        assert kind.uri == f"/problems/{code}/"
        page = Client().get(kind.uri, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8"), code
        assert code in page.content.decode()
        found = Client().get(kind.uri, headers={"Accept": "application/json"}).json()
        assert "Accept" in page["Vary"].split(", ")
        assert 'class="topbar"' in page.content.decode(), "The page has the look of all others."
        assert found == {"type": kind.uri, "status": kind.status, "meaning": kind.meaning, "advice": kind.advice}
        assert found["meaning"].endswith("."), code
        assert len(found["advice"]) > 15, code


def test_the_types_are_listed() -> None:
    listed = Client().get("/problems/", headers={"Accept": "application/json"}).json()["results"]
    assert [each["type"] for each in listed] == [kind.uri for kind in problem_types().values()]
    assert Client().get("/problems/").status_code == 200


@pytest.mark.django_db
def test_an_unknown_type_is_not_found() -> None:
    assert Client().get("/problems/nonsense/").status_code == 404


def test_the_errors_of_the_front_server_have_types_too() -> None:
    files = list(FRONT.glob("*.json"))
    assert len(files) > 6
    for path in files:
        problem = json.loads(path.read_text())
        assert Client().get(problem["type"]).status_code == 200, path.name


def test_the_type_of_a_response_leads_to_its_page(world: World) -> None:
    client = with_key(member("owner"))
    answers = [
        client.get("/api/v1/nowhere/"),
        client.get("/api/v1/projects/?nonsense=1"),
        client.post("/api/v1/projects/", {"name": "Birds", "classes": [{"name": "tit"}], "tools": ["lasso"]}),
        client.delete("/api/v1/projects/"),
        client.post("/api/v1/projects/", "<a/>", content_type="application/xml"),
        client.get("/api/v1/projects/", headers={"Accept": "text/html"}),
        APIClient().get("/api/v1/me/"),
        with_key(member("worker")).get(f"/api/v1/projects/{world.project.public_id}/golds/"),
    ]
    for answer in answers:
        problem = answer.json()
        page = Client().get(problem["type"], headers={"Accept": "application/json"})
        assert page.status_code == 200, problem
        assert page.json()["status"] == problem["status"], problem
