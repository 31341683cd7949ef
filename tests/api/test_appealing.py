"""Rejected answers and appeals over the API: what a worker reads is the same of gold and work."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.clock import utc_now
from tasks.review.models import RejectedAnswer
from tests import factories
from tests.api.api_fixtures import World, with_rejected_answers
from tests.api.people import member, with_key
from tests.rejected import a_rejected_answer, a_reviewer, a_wrong_gold_answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(world: World) -> World:
    world.project.appeal_days = 7
    world.project.save(update_fields=["appeal_days"])
    return with_rejected_answers(world)


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"), scopes=["work"])


@pytest.fixture
def rhea(world: World) -> APIClient:
    return with_key(member("reviewer"), scopes=["read", "review"])


def shape(value: Any) -> Any:
    """The structure of a body, with the lengths of its texts."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return len(value) if isinstance(value, str) else type(value).__name__


def test_gold_and_work_have_the_same_fields_headers_and_sizes(world: World, wren: APIClient) -> None:
    row = RejectedAnswer.objects.get(public_id=world.ids["rejected_id"])
    wrong = a_wrong_gold_answer(world.project, member("worker"), number=1)
    RejectedAnswer.objects.create(
        project=world.project,
        worker=member("worker"),
        assignment=wrong,
        reviewer=a_reviewer(),
        reason=row.reason,
        shown_from=row.shown_from,
        appeal_until=row.appeal_until,
    )
    results = wren.get("/api/v1/work/rejections/").json()["results"]
    work, gold = sorted(results, key=lambda each: each["id"] != str(row.public_id))
    image = {"width", "height"}  # the two images differ in size
    assert shape({k: v for k, v in work.items() if k not in image}) == shape(
        {k: v for k, v in gold.items() if k not in image}
    )
    sent = [
        wren.post(f"/api/v1/work/rejections/{each['id']}/appeal/", {"statement": "It is a cat."}) for each in results
    ]
    assert [each.status_code for each in sent] == [200, 200]
    assert len({tuple(sorted(set(each.headers) - {"ETag"})) for each in sent}) == 1
    assert {each.json()["state"] for each in sent} == {"appealed"}


def test_a_worker_appeals_and_a_second_person_decides(world: World, wren: APIClient, rhea: APIClient) -> None:
    RejectedAnswer.objects.filter(public_id=world.ids["rejected_id"]).delete()
    row = a_rejected_answer(world.project, member("worker"))
    url = f"/api/v1/work/rejections/{row.public_id}/appeal/"
    assert wren.post(url, {}).status_code == 400
    assert wren.post(url, {"statement": "It is a cat."}).json()["state"] == "appealed"
    assert wren.post(url, {"statement": "It is a cat."}).status_code == 200
    again = wren.post(url, {"statement": "Look again."})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already_appealed/")
    waiting = rhea.get(f"/api/v1/projects/{world.project.public_id}/appeals/?state=appealed").json()["results"]
    assert [each["may_decide"] for each in waiting] == [True, True]
    assert all("@" not in each["name"] and each["name"] != "Wren" for each in waiting), "reviewers read pseudonyms"
    decision = f"/api/v1/appeals/{row.public_id}/decision/"
    done = rhea.post(decision, {"uphold": True, "reason": "You are right."})
    assert (done.status_code, done.json()["state"], done.json()["amount"]) == (200, "upheld", "0.000000")
    assert rhea.post(decision, {"uphold": True, "reason": "You are right."}).status_code == 200
    assert with_key(member("manager")).post(decision, {"uphold": False, "reason": "No."}).status_code == 409
    (mine,) = wren.get("/api/v1/work/rejections/").json()["results"]
    assert (mine["state"], mine["decision"]) == ("upheld", "You are right.")
    assert "rook" not in str(mine).lower() and "rhea" not in str(mine).lower()


def test_who_rejected_it_does_not_decide(world: World, wren: APIClient) -> None:
    row = a_rejected_answer(world.project, member("worker"), reviewer=member("reviewer"))
    wren.post(f"/api/v1/work/rejections/{row.public_id}/appeal/", {"statement": "It is a cat."})
    refused = with_key(member("reviewer")).post(
        f"/api/v1/appeals/{row.public_id}/decision/", {"uphold": True, "reason": "Yes."}
    )
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not_second_reviewer/")


def test_drafts_are_rejected_or_left(world: World, rhea: APIClient) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/explanations/"
    (draft,) = rhea.get(url).json()["results"]
    assert rhea.post(f"{url}{draft['id']}/", {"reason": "A check image."}).status_code == 422
    body = {"reason": "It is a fox.", "region": {"x": 1, "y": 2, "w": 10, "h": 10}}
    assert rhea.post(f"{url}{draft['id']}/", body).json() == {"rejected": 1}
    assert rhea.delete(f"{url}{draft['id']}/").status_code == 409
    assert rhea.get(url).json()["results"] == []


def test_older_rejected_answers_come_in_whole_days(world: World, wren: APIClient) -> None:
    row = RejectedAnswer.objects.get(public_id=world.ids["rejected_id"])
    before = (utc_now() - timedelta(days=30)).isoformat().replace("+00:00", "Z")
    assert wren.get("/api/v1/work/rejections/", {"before": before}).json() == {"results": [], "next_before": None}
    assert wren.get("/api/v1/work/rejections/").json()["results"][0]["id"] == str(row.public_id)
    assert wren.get("/api/v1/work/rejections/", {"before": "yesterday"}).status_code == 400


def test_a_class_is_checked_in_one_call(world: World, rhea: APIClient) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/class-checks/"
    (crop,) = rhea.get(url, {"class": 1}).json()["crops"]
    label = {"task": crop["task"], "label_hash": crop["label_hash"]}
    assert rhea.post(url, {"class": 1, "labels": [label, label]}).status_code == 400
    done = rhea.post(url, {"class": 1, "labels": [label, {**label, "task": world.ids["project_id"]}]}).json()
    assert [each["outcome"] for each in done["labels"]] == ["approved", "stale"]
    assert rhea.get(url).json() == {"crops": [], "next_start": None}
    assert factories.ada()
