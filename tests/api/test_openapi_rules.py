"""The OpenAPI document fulfills the rules of `clients/redocly.yaml`, and says of every body what is in it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from annotary_core.labels.shapes import SHAPES
from tests.api.clients.npm import npm_packages

HERE = Path(__file__).parent / "clients"
DESCRIPTION = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
# Their fields depend on the method of consensus, which docs/consensus.md explains.
OPEN = {"LabelWithEvidence.evidence", "Evidence.posterior"}


def lint(document: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    for name in ("lint.mjs", "redocly.yaml"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(npm_packages())
    return subprocess.run(["node", "lint.mjs", document], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.npm
def test_the_document_fulfills_every_rule(tmp_path: Path) -> None:
    run = lint(DESCRIPTION, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 errors, 0 warnings" in run.stdout


@pytest.mark.npm
def test_the_rules_notice_what_is_missing(tmp_path: Path) -> None:
    document = yaml.safe_load(DESCRIPTION.read_text())
    operation = document["paths"]["/api/v1/projects/"]["get"]
    del operation["summary"]
    operation["parameters"][0].pop("description")
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(document))
    run = lint(broken, tmp_path)
    assert run.returncode == 1
    assert "operation-summary" in run.stdout + run.stderr
    assert "parameter-description" in run.stdout + run.stderr


def properties(schemas: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in schemas.items():
        for field, value in schema.get("properties", {}).items():
            yield f"{name}.{field}", value


def test_every_field_is_typed() -> None:
    schemas = yaml.safe_load(DESCRIPTION.read_text())["components"]["schemas"]
    untyped = {
        name
        for name, value in properties(schemas)
        if value.get("additionalProperties") == {} or value.get("items") == {} or not value
    }
    assert untyped == OPEN


def test_the_answer_is_typed_down_to_its_geometry() -> None:
    schemas = yaml.safe_load(DESCRIPTION.read_text())["components"]["schemas"]
    answer = schemas["AnswerRequest"]["properties"]
    assert answer["objects"]["items"] == {"$ref": "#/components/schemas/LabelObjectRequest"}
    mapping = schemas["LabelObjectRequest"]["discriminator"]["mapping"]
    assert schemas["LabelObjectRequest"]["discriminator"]["propertyName"] == "tool"
    assert list(mapping) == list(SHAPES)
    assert [each["$ref"] for each in schemas["LabelObjectRequest"]["oneOf"]] == list(mapping.values())
    for tool, reference in mapping.items():
        item = schemas[reference.rsplit("/", 1)[1]]
        assert set(item["required"]) == {"id", "class", "tool", "geom"}
        assert item["properties"]["tool"]["const"] == tool
        assert schemas[item["properties"]["geom"]["$ref"].rsplit("/", 1)[1]] == SHAPES[tool].json_schema


def test_the_fields_of_videos_are_optional_and_sent_by_nobody() -> None:
    schemas = yaml.safe_load(DESCRIPTION.read_text())["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("ObjectRequest") and "properties" in schema:
            assert {"frame", "track"} <= schema["properties"].keys() - set(schema["required"])
        elif name.endswith("Object"):
            assert not {"frame", "track"} & schema.get("properties", {}).keys()


def test_requests_have_examples() -> None:
    document = yaml.safe_load(DESCRIPTION.read_text())
    without = [
        (path, method)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json" and not content.get("examples")
    ]
    assert without == []
