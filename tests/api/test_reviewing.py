"""The reviewer's API: a verdict pins the reviewed label and is refused for any other."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.api_fixtures import World
from tests.api.people import member, with_key


@pytest.fixture
def rhea(world: World) -> APIClient:
    return with_key(member("reviewer"), scopes=["read", "review"])


def queue(rhea: APIClient, world: World, **query: str) -> list[Any]:
    answer = rhea.get(f"/api/v1/projects/{world.project.public_id}/labels/", query)
    assert answer.status_code == 200, answer.content
    rows: list[Any] = answer.json()["results"]
    return rows


def judge(rhea: APIClient, row: Any, **verdict: Any) -> Any:
    return rhea.post(f"/api/v1/tasks/{row['task']}/review/", {"label_hash": row["label_hash"], **verdict})


def test_a_label_is_approved_after_reading_its_evidence(rhea: APIClient, world: World) -> None:
    (row,) = queue(rhea, world, state="answered")
    evidence = rhea.get(f"/api/v1/tasks/{row['task']}/evidence/").json()
    assert [given["answer"]["image"]["class"] for given in evidence["answers"]] == [1]
    assert judge(rhea, row, verdict="approve").json()["verdict"] == "approve"
    assert [each["task"] for each in queue(rhea, world, state="approved")] == [row["task"]]


def test_a_fix_replaces_the_label(rhea: APIClient, world: World) -> None:
    (row,) = queue(rhea, world, state="answered")
    dog = {"image": {"class": 2}, "verdict": "labels"}
    assert judge(rhea, row, verdict="fix", answer=dog).status_code == 200
    (fixed,) = queue(rhea, world, state="approved")
    assert (fixed["answer"]["image"]["class"], fixed["method"]) == (2, "review")


def test_a_rejection_needs_a_reason_and_reopens_the_image(rhea: APIClient, world: World) -> None:
    (row,) = queue(rhea, world, state="answered")
    assert judge(rhea, row, verdict="reject").status_code == 400
    assert judge(rhea, row, verdict="reject", reason="This is a fox.").status_code == 200
    assert queue(rhea, world, state="answered") == []


def test_a_verdict_on_a_label_that_changed_is_a_conflict(rhea: APIClient, world: World) -> None:
    (row,) = queue(rhea, world, state="answered")
    stale = {**row, "label_hash": "0" * 64}
    assert judge(rhea, stale, verdict="approve").status_code == 409


def test_a_persons_verdict_is_overridden_only_with_again(rhea: APIClient, world: World) -> None:
    (row,) = queue(rhea, world, state="answered")
    judge(with_key(member("manager")), row, verdict="approve")
    assert judge(rhea, row, verdict="reject", reason="A fox.").status_code == 409
    assert judge(rhea, row, verdict="reject", reason="A fox.", again=True).status_code == 200


@pytest.mark.parametrize("answer", [{}, {"verdict": "labels"}, {"image": {"class": 9}, "verdict": "labels"}])
def test_an_invalid_fix_is_refused(rhea: APIClient, world: World, answer: Any) -> None:
    (row,) = queue(rhea, world, state="answered")
    assert judge(rhea, row, verdict="fix", answer=answer).status_code in {400, 422}
