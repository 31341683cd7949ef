"""Questions over the API: what a worker reads is the same of gold and work, and reviewers read no names."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tasks.questions.models import ImageThread
from tests.api.api_fixtures import World
from tests.api.people import member, with_key
from tests.api.test_appealing import shape
from tests.api.test_workers_cannot_tell_gold import headers_of, pair

pytestmark = pytest.mark.django_db
ASKED = "Does a cat behind glass count?"


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"), scopes=["work"])


@pytest.fixture
def rhea(world: World) -> APIClient:
    return with_key(member("reviewer"), scopes=["read", "review"])


def asked(client: APIClient, assignment: Any, text: str = ASKED) -> Any:
    return client.post(f"/api/v1/assignments/{assignment}/questions/", {"text": text})


def test_gold_and_work_have_the_same_fields_headers_and_sizes(world: World, wren: APIClient, rhea: APIClient) -> None:
    sent = [asked(wren, assignment) for assignment in pair(world)]
    assert [each.status_code for each in sent] == [201, 201]
    gold, work = (headers_of(each) for each in sent)
    assert gold.keys() == work.keys()
    assert {**gold, "ETag": ""} == {**work, "ETag": ""}
    for thread in ImageThread.objects.filter(worker=member("worker")):
        url = f"/api/v1/questions/{thread.public_id}/answers/"
        assert rhea.post(url, {"text": "Yes, it does.", "messages": 1}).status_code == 200
    for path in ("/api/v1/work/questions/", f"/api/v1/hands/{world.hand.public_id}/questions/"):
        first, second = wren.get(path).json()["results"]
        assert shape(first) == shape(second)
        assert {each["assignment"] for each in (first, second)} == set(pair(world))
        assert set(first) == {
            *("id", "project", "assignment", "state", "image", "width", "height", "messages", "rule_version")
        }
        assert "rhea" not in str(first).lower()


def test_the_team_sees_what_a_worker_does_not(world: World, wren: APIClient, rhea: APIClient) -> None:
    for assignment in pair(world):
        asked(wren, assignment)
    url = f"/api/v1/projects/{world.project.public_id}/questions/?state=open&worker={member('worker').public_id}"
    for reader, name in ((rhea, "Worker "), (with_key(member("manager")), "Wren")):
        gold, work = reader.get(url).json()["results"]
        assert (gold["check_image"], gold["task"], work["check_image"]) == (True, None, False)
        assert work["task"] == str(world.task.public_id)
        assert all(each["messages"][0]["name"].startswith(name) for each in (gold, work))


def test_an_answer_is_given_once_and_a_rule_is_for_managers(world: World, wren: APIClient, rhea: APIClient) -> None:
    question = asked(wren, pair(world)[1]).json()["id"]
    url = f"/api/v1/questions/{question}"
    assert rhea.post(f"{url}/answers/", {"text": "Yes."}).status_code == 400
    done = rhea.post(f"{url}/answers/", {"text": "Yes.", "messages": 1}).json()
    assert (done["state"], [each["text"] for each in done["messages"]]) == ("answered", [ASKED, "Yes."])
    late = with_key(member("manager")).post(f"{url}/answers/", {"text": "No.", "messages": 1})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/question_moved/")
    assert rhea.post(f"{url}/rule/", {"text": "Glass counts."}).status_code == 403
    ruled = with_key(member("manager")).post(f"{url}/rule/", {"text": "Glass counts."}).json()
    assert ruled["rule_version"] == 2
    assert wren.get("/api/v1/work/questions/?state=answered").json()["results"][0]["rule_version"] == 2


def test_what_is_wrong_is_said(world: World, wren: APIClient) -> None:
    answer = asked(wren, pair(world)[0], "\u200b")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/question_text_refused/")
    assert asked(wren, pair(world)[0], "x" * 1001).status_code == 400
    assert asked(wren, "00000000-0000-4000-8000-000000000000").status_code == 404
