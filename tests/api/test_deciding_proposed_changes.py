"""Proposed changes of approved labels: listed with their reasons, decided all at once or one by one."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.models import Job
from tests.api.people import member, with_key
from tests.approved_crowd import CAT, DOG, ApprovedCrowd, run_updates

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd() -> ApprovedCrowd:
    crowd = ApprovedCrowd()
    crowd.wren_turns_out_right()
    return crowd


@pytest.fixture
def manager(crowd: ApprovedCrowd) -> APIClient:
    return with_key(member("manager"), scopes=["read", "manage"])


def address(crowd: ApprovedCrowd, step: str = "") -> str:
    return f"/api/v1/projects/{crowd.project.public_id}/proposed-changes/{step}"


def listed(client: APIClient, crowd: ApprovedCrowd, **query: Any) -> dict[str, Any]:
    answer = client.get(address(crowd), query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_the_list_shows_both_labels_their_confidence_and_whose_answers_count_differently(
    crowd: ApprovedCrowd, manager: APIClient
) -> None:
    rows = {row["task"]: row for row in listed(manager, crowd)["results"]}

    row = rows[str(crowd.split[0].public_id)]
    assert (row["approved"]["image"]["class"], row["proposed"]["image"]["class"]) == (DOG, CAT)
    assert row["approved_confidence"] > 0.5 > row["approved_confidence_now"]
    assert row["proposed_confidence"] > 0.5
    shifts = {shift["worker"]: shift for shift in row["workers"]}
    wren, finch = (shifts[str(worker.public_id)] for worker in (crowd.wren, crowd.finch))
    assert wren["now"] > wren["before"]
    assert finch["now"] < finch["before"]


def test_all_changes_of_a_list_are_sent_with_its_token(crowd: ApprovedCrowd, manager: APIClient) -> None:
    seen = listed(manager, crowd, page_size=2)
    count = len(crowd.ids())
    assert len(seen["results"]) == 2 < seen["count"] == count

    sent = manager.post(address(crowd, "send/"), {"token": seen["token"]})

    assert (sent.status_code, sent.json()) == (200, {"labels": count})
    assert Job.objects.filter(kind="consensus.update").count() == 1
    run_updates()
    assert {crowd.labels()[task.pk] for task in crowd.split} == {(2, CAT)}
    assert listed(manager, crowd)["results"] == []


def test_chosen_changes_are_kept_and_an_outdated_token_is_a_conflict(crowd: ApprovedCrowd, manager: APIClient) -> None:
    seen = listed(manager, crowd)
    chosen = [row["id"] for row in seen["results"][:3]]

    assert manager.post(address(crowd, "keep/"), {"ids": chosen}).json() == {"labels": 3}

    for body in ({"ids": chosen}, {"token": seen["token"]}):
        refused = manager.post(address(crowd, "send/"), body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/proposals_changed/")
    assert crowd.labels() == crowd.before


@pytest.mark.parametrize("body", [{}, {"ids": [], "token": "x"}, {"ids": ["x"]}, {"token": "x" * 65}])
def test_a_decision_names_its_changes(crowd: ApprovedCrowd, manager: APIClient, body: dict[str, Any]) -> None:
    assert manager.post(address(crowd, "keep/"), body).status_code == 400
