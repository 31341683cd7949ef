"""Polygons that cannot be stored are refused with a code, a sentence and the path, in answers, fixes and gold."""

import json
import math

import pytest
from rest_framework.test import APIClient

from tasks.annotation.models import Annotation
from tests.api.polygon_projects import OUTLINE, Json, a_worker, ada, address, answer_of, answered, ok, polygon, put

__all__ = ["ada", "address"]


def circle(points: int) -> list[list[float]]:
    angles = [2 * math.pi * at / points for at in range(points)]
    return [[32 + 20 * math.cos(angle), 24 + 20 * math.sin(angle)] for angle in angles]


BAD = {
    "two points": (
        [[[10, 10], [20, 20]]],
        "zero_size",
        "An outline needs at least three points. Draw more, or remove it.",
        "objects[0].geom.parts[0][0]",
    ),
    "on one line": (
        [[[10, 10], [20, 20], [30, 30]]],
        "zero_size",
        "An outline encloses no area. It needs at least three points that are not on one line.",
        "objects[0].geom",
    ),
    "outside": (
        [[[10, 10], [90, 10], [30, 40]]],
        "outside_image",
        "The polygon extends 26 px past the right edge of the image. Draw it inside the image.",
        "objects[0].geom",
    ),
    "hole outside": (
        [OUTLINE, [[1, 1], [6, 1], [6, 6]]],
        "stray_hole",
        "A hole lies outside its outline. Draw it inside.",
        "objects[0].geom",
    ),
    "10,001 points": (
        [circle(10_001)],
        "too_many_points",
        "A polygon has at most 10,000 points. Draw fewer.",
        "objects[0].geom",
    ),
    "no outline": (
        [],
        "zero_size",
        "A part of the polygon has no outline. Draw it or leave it out.",
        "objects[0].geom.parts[0]",
    ),
    "a point of three numbers": (
        [[[10, 10, 1], [20, 20], [30, 10]]],
        "wrong_type",
        "A point is a list of two numbers, x and y.",
        "objects[0].geom.parts[0][0][0]",
    ),
    "text": (
        [[["10", 10], [20, 20], [30, 10]]],
        "wrong_type",
        "Send a number here, not '10'.",
        "objects[0].geom.parts[0][0][0][0]",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_polygon_is_refused_with_code_sentence_and_path(ada: APIClient, address: str, name: str) -> None:
    part, code, sentence, path = BAD[name]
    worker = a_worker(ada, address, "wren")
    hand = ok(worker.post(f"{address}hands/"), 201)

    refused = put(worker, hand["assignments"][0]["id"], answer_of(polygon(part)))

    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "/problems/answer_refused/")
    assert (problem["reason"], problem["detail"], problem["path"]) == (code, sentence, path)
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_a_position_that_is_no_finite_number_is_refused(ada: APIClient, address: str, number: str) -> None:
    worker = a_worker(ada, address, "wren")
    hand = ok(worker.post(f"{address}hands/"), 201)
    body = json.dumps({"answer": answer_of(polygon([[["N", 10], [20, 20], [30, 10]]]))}).replace('"N"', number)
    url = f"/api/v1/assignments/{hand['assignments'][0]['id']}/answer/"

    refused = worker.put(url, body, content_type="application/json", headers={"Idempotency-Key": "nan"})

    assert refused.status_code in {400, 422}, refused.content
    assert "not valid JSON" in refused.json()["detail"] or "not finite" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"frame": 3}, "no_video", "objects[0].frame"),
        ({"track": "car 1"}, "no_video", "objects[0].track"),
        ({"tool": "box", "geom": {"x": 1, "y": 1, "w": 9, "h": 9}}, "unwanted_tool", "objects[0].tool"),
        ({"geom": {"x": 1, "y": 1, "w": 9, "h": 9}}, "unknown_field", "objects[0].geom"),
    ],
)
def test_what_belongs_to_no_polygon_of_an_image_is_refused(
    ada: APIClient, address: str, change: Json, code: str, path: str
) -> None:
    worker = a_worker(ada, address, "wren")
    hand = ok(worker.post(f"{address}hands/"), 201)
    refused = put(worker, hand["assignments"][0]["id"], answer_of(polygon([OUTLINE]) | change))
    assert (refused.status_code, refused.json()["reason"], refused.json()["path"]) == (422, code, path)


def test_a_bad_fix_is_refused_and_the_label_stays(ada: APIClient, address: str) -> None:
    (row, _) = answered(ada, address)
    body = {"label_hash": row["label_hash"], "verdict": "fix", "answer": answer_of(polygon([[[1, 1], [9, 9]]]))}
    refused = ada.post(f"/api/v1/tasks/{row['task']}/review/", body)
    assert refused.status_code == 422
    assert refused.json()["path"].endswith("objects[0].geom.parts[0][0]")
    assert row in ok(ada.get(f"{address}labels/", {"review": "to_review"}))["results"]


def test_bad_gold_is_refused(ada: APIClient, address: str) -> None:
    image = ok(ada.get(f"{address}images/"))["results"][0]["id"]
    bad = {"image": image, "answer": answer_of(polygon([[[1, 1], [90, 1], [1, 9]]]))}
    refused = ada.post(f"{address}golds/", bad)
    assert (refused.status_code, refused.json()["reason"]) == (422, "outside_image")
