"""A project of polygons through the API: creation, answers, labels with evidence, review and gold."""

import json
import re
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import LabelClass, Schema
from annotary_core.labels.shapes import tool_names
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.flow.imports import run_import
from tasks.gold.models import GoldResult
from tasks.ingest.models import Import
from tests.api.api_fixtures import some_pixels
from tests.api.people import member, with_key
from tests.api.polygon_projects import (
    HOLE,
    NEW,
    OUTLINE,
    a_project,
    a_worker,
    ada,
    address,
    answer_of,
    answer_set,
    answered,
    moved,
    ok,
    polygon,
    put,
    similarity,
    stored,
)
from tests.api.uploads import upload

__all__ = ["ada", "address"]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.mark.django_db(transaction=True)
def test_from_a_project_to_approved_polygons(storage_folder: Path) -> None:
    ada = with_key(member("owner"))
    address = a_project(ada)
    upload(ada, Project.objects.get(), {f"{color}.jpg": some_pixels(color) for color in ("teal", "navy")})
    run_import(import_id=Import.objects.get().pk)
    ok(ada.post(f"{address}batches/open/"))
    ok(ada.post(f"{address}open/"))

    rows = answered(ada, address)

    assert len(rows) == 2
    for row in rows:
        (item,) = row["answer"]["objects"]
        assert (item["tool"], item["class"]) == ("polygon", 1)
        (part,) = item["geom"]["parts"]
        assert len(part) == 2, "the hole is part of what was agreed on"
        middle = stored(answer_of(polygon([moved(OUTLINE, 0.8), moved(HOLE, 0.8)])))
        assert similarity(row["answer"], middle) > 0.9
        verdict = {"label_hash": row["label_hash"], "verdict": "approve"}
        ok(ada.post(f"/api/v1/tasks/{row['task']}/review/", verdict))

    approved = ok(ada.get(f"{address}labels/", {"state": "approved"}))["results"]
    assert [row["answer"] for row in approved] == [row["answer"] for row in rows]


def test_the_evidence_has_each_polygon_and_what_was_agreed_on(ada: APIClient, address: str) -> None:
    (row, _) = answered(ada, address)

    evidence = ok(ada.get(f"/api/v1/tasks/{row['task']}/evidence/"))

    assert evidence["label"]["body"] == row["answer"]
    drawn = [each["answer"]["objects"][0] for each in evidence["answers"]]
    assert [item["tool"] for item in drawn] == ["polygon"] * 3
    assert {len(item["geom"]["parts"][0]) for item in drawn} == {2}
    (agreed,) = evidence["label"]["evidence"]["objects"]
    assert (agreed["votes"], agreed["seen"], agreed["released"]) == (3, 3, True)
    assert agreed["geom"] == row["answer"]["objects"][0]["geom"]
    assert [each["differences"] for each in evidence["answers"]] == [[], [], []]


def test_an_answer_that_is_off_differs_in_words(ada: APIClient, address: str) -> None:
    (row, _) = answered(ada, address, offsets=(0, 0.8, 8))

    evidence = ok(ada.get(f"/api/v1/tasks/{row['task']}/evidence/"))

    (only,) = [each["differences"] for each in evidence["answers"] if each["differences"]]
    assert len(only) == 1
    assert re.fullmatch(r"polygon 1 is off: overlap \d\d%, 50% needed", only[0])


def test_a_reviewer_fixes_a_label_with_a_polygon(ada: APIClient, address: str) -> None:
    (row, _) = answered(ada, address)
    two = answer_of(
        polygon([[[4, 4], [20, 4], [20, 20], [4, 20]]]),
        polygon([[[30, 4], [60, 4], [45, 30]]], number=2, name="b"),
    )
    body = {"label_hash": row["label_hash"], "verdict": "fix", "answer": two}
    ok(ada.post(f"/api/v1/tasks/{row['task']}/review/", body))

    (fixed,) = ok(ada.get(f"{address}labels/", {"state": "approved"}))["results"]

    assert fixed["answer"] == stored(two)
    assert fixed["method"] == "review"


def test_the_fields_of_videos_may_be_null(ada: APIClient, address: str) -> None:
    worker = a_worker(ada, address, "wren")
    hand = ok(worker.post(f"{address}hands/"), 201)
    ok(put(worker, hand["assignments"][0]["id"], answer_of(polygon([OUTLINE]) | {"frame": None, "track": None})))
    assert "frame" not in Annotation.objects.get().body["objects"][0]


def test_equal_polygons_have_equal_json_whoever_drew_them(ada: APIClient, address: str) -> None:
    worker = a_worker(ada, address, "wren")
    hand = ok(worker.post(f"{address}hands/"), 201)
    one, other = (row["id"] for row in hand["assignments"])
    ok(put(worker, one, answer_of(polygon([OUTLINE, HOLE]))))
    ok(put(worker, other, answer_of(polygon([OUTLINE[2:] + OUTLINE[:2], HOLE[::-1]]))))
    first, second = Annotation.objects.all()
    assert first.body == second.body


@pytest.mark.parametrize(
    ("off", "correct", "why"),
    [
        (1, True, "1 of 1 polygon matches."),
        (14, False, "0 of 1 polygon matches, 1 polygon in the answer matches none."),
    ],
)
def test_gold_is_compared_with_the_projects_tolerance(
    ada: APIClient, address: str, off: float, correct: bool, why: str
) -> None:
    ok(ada.patch(address, {"gold_rate": 0.5, "gold_iou": 0.6}))
    image = ok(ada.get(f"{address}images/"))["results"][0]["id"]
    ok(ada.post(f"{address}golds/", {"image": image, "answer": answer_of(polygon([OUTLINE]))}), 201)
    worker = a_worker(ada, address, "wren")

    answer_set(worker, address, answer_of(polygon([moved(OUTLINE, off)])))

    result = GoldResult.objects.get()
    assert (result.correct, result.why) == (correct, why)
    assert result.gold.tolerance["iou"] == 0.6


def test_several_tools_may_be_chosen(ada: APIClient) -> None:
    made = ok(ada.post("/api/v1/projects/", {**NEW, "tools": ["class", "box", "polygon"]}), 201)
    assert made["schema"]["tools"] == ["class", "box", "polygon"]
    refused = ada.post("/api/v1/projects/", {**NEW, "tools": ["mask"]})
    assert f"Use one of: {', '.join(tool_names())}" in refused.json()["detail"]


def test_the_examples_of_the_documentation_are_what_is_said_of_them(ada: APIClient, address: str) -> None:
    section = PAGE.read_text().split("\n## Tools and objects\n")[1].split("\n## ")[0]
    answer, problem = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL))
    schema = Schema(classes=(LabelClass(1, "ring"), LabelClass(2, "car")), tools=("polygon",))
    parsed = parse_answer(answer, schema=schema, width=200, height=100)
    assert sorted([len(part) for part in item.to_json()["geom"]["parts"]] for item in parsed.objects) == [[1, 1], [2]]

    worker = a_worker(ada, address, "wren")
    hand = ok(worker.post(f"{address}hands/"), 201)
    refused = put(worker, hand["assignments"][0]["id"], answer_of(polygon([[[10, 10], [20, 20]]])))
    assert refused.json() == problem
