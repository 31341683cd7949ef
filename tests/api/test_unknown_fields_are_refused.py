"""What a call does not take is refused by name: query parameters, fields at any depth, invalid filters."""

import time
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.api_fixtures import World, with_rejected_answers
from tests.api.documented import Operation, caller_of, operations
from tests.api.people import member, with_key

CAT = {"image": {"class": 1}, "verdict": "labels"}


@pytest.fixture
def sessions(world: World) -> dict[str, APIClient]:
    """Signed-in people: some calls are not allowed with a key."""
    clients = {role: APIClient() for role in ("owner", "worker")}
    for role, client in clients.items():
        client.force_login(member(role).user)
    return clients


@pytest.fixture
def ada(world: World) -> APIClient:
    return with_key(member("owner"))


def project(world: World) -> str:
    return f"/api/v1/projects/{world.project.public_id}/"


def fields(answer: Any) -> dict[str, str]:
    """What is wrong with each field of a refused call."""
    assert answer.status_code == 400, answer.content
    return {each["field"]: each["detail"] for each in answer.json()["errors"]}


def send(client: APIClient, operation: Operation, url: str, body: dict[str, Any] | None) -> Any:
    multipart = "multipart/form-data" in operation.body.get("requestBody", {}).get("content", {})
    kind = "multipart" if multipart else "json"
    return getattr(client, operation.method)(url, body, format=kind, headers={"Idempotency-Key": "k"})


def test_every_call_refuses_an_unknown_query_parameter(sessions: dict[str, APIClient], world: World) -> None:
    count = 0
    for operation in operations():
        url = operation.url(world.ids) + "?nonsense=1"
        answer = send(sessions[caller_of(operation)], operation, url, None)
        assert set(fields(answer)) == {"nonsense"}, operation.name
        count += 1
    assert count > 60


@pytest.fixture
def world(world: World) -> World:
    return with_rejected_answers(world)


def test_every_call_refuses_an_unknown_field(sessions: dict[str, APIClient], world: World) -> None:
    count = 0
    for operation in operations("post", "put", "patch", "delete"):
        url = operation.url(world.ids)
        answer = send(sessions[caller_of(operation)], operation, url, {"nonsense": "1"})
        assert "no such field" in fields(answer)["nonsense"], operation.name
        count += 1
    assert count >= 35


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("stat=approved", "stat", "Did you mean state?"),
        ("state=done", "state", "Choose one of open, answered, approved, left_out."),
        ("batch=1", "batch", "not a valid id"),
        ("prefix=", "prefix", "1 to 1,024 characters"),
        ("prefix=a%00b", "prefix", "NUL"),
        ("created_after=yesterday", "created_after", "such as 2026-11-27T21:45:56Z"),
        ("created_after=2026-11-27", "created_after", "with its offset"),
        ("created_before=2026-11-27T21:45:56", "created_before", "with its offset"),
        ("created_before=2026-13-27T21:45:56Z", "created_before", "with its offset"),
        ("created_after=2026-11-27T21:45:56+01:00", "created_after", "write + as %2B"),
        ("pagesize=3", "pagesize", "Did you mean page_size?"),
        ("page_size=0", "page_size", "1 to 500"),
        ("page_size=501", "page_size", "1 to 500"),
        ("page_size=many", "page_size", "whole number"),
        ("page_size=-1", "page_size", "whole number"),
        ("page_size=", "page_size", "whole number"),
        ("page_size=5&page_size=6", "page_size", "once"),
        ("cursor=nonsense", "cursor", "Start again"),
        ("format=xml", "format", "no such query parameter"),
    ],
)
def test_lists_refuse_what_they_would_otherwise_ignore(
    ada: APIClient, world: World, query: str, field: str, message: str
) -> None:
    assert message in fields(ada.get(f"{project(world)}tasks/?{query}"))[field]


@pytest.mark.parametrize(
    ("query", "field"), [("state=done", "state"), ("state=", "state"), ("batch=7", "batch"), ("batch=", "batch")]
)
def test_filters_refuse_invalid_values(ada: APIClient, world: World, query: str, field: str) -> None:
    assert set(fields(ada.get(f"{project(world)}labels/?{query}"))) == {field}
    assert ada.get(f"{project(world)}labels/?state=open&batch={world.ids['batch_id']}").status_code == 200


def test_an_unknown_kind_of_file_is_refused(ada: APIClient, world: World) -> None:
    url = f"/api/v1/images/{world.ids['image_id']}/file/"
    assert "rendition" in fields(ada.get(f"{url}?kind=original"))["kind"]
    assert ada.get(f"{url}?kind=thumb").getvalue()[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("path", "method", "body", "field", "meant"),
    [
        (
            "classes/",
            "put",
            {"classes": [{"name": "cat"}, {"name": "dog", "colour": "#fff"}]},
            "classes.1.colour",
            "color",
        ),
        ("", "patch", {"answer_max": 3}, "answer_max", "answers_max"),
        ("invitations/", "post", {"maxuses": 3}, "maxuses", "max_uses"),
        ("instructions/", "put", {"bdy": "Look."}, "bdy", "body"),
        ("predictions/", "post", {"model": "m", "predictions": [{"imge": "x"}]}, "predictions.0.imge", "image"),
    ],
)
def test_a_misspelled_field_is_named_with_the_one_that_was_meant(
    ada: APIClient, world: World, path: str, method: str, body: Any, field: str, meant: str
) -> None:
    answer = getattr(ada, method)(f"{project(world)}{path}", body)
    assert f"Did you mean {meant}?" in fields(answer)[field]


def test_unknown_fields_of_a_new_project_are_refused_at_every_depth_and_nothing_is_created(
    ada: APIClient, world: World
) -> None:
    before = len(ada.get("/api/v1/projects/").json()["results"])
    body = {"name": "Birds", "classes": [{"name": "tit", "nr": 1}], "tools": ["class"], "policy": {"answer_min": 1}}
    assert set(fields(ada.post("/api/v1/projects/", body))) == {"classes.0.nr", "policy.answer_min"}
    missing = fields(ada.post("/api/v1/projects/", {"nme": "Birds", "classes": [{"name": "tit"}], "tools": ["class"]}))
    assert set(missing) == {"nme", "name"}
    assert len(ada.get("/api/v1/projects/").json()["results"]) == before


def test_a_field_that_only_responses_have_is_refused_as_such(ada: APIClient, world: World) -> None:
    answer = ada.put(f"{project(world)}instructions/", {"version": 7, "body": "Look."})
    assert fields(answer) == {"version": "This field cannot be set. Leave it out."}


def test_an_answer_with_an_unknown_field_is_refused_alone_and_among_others(world: World) -> None:
    wren = with_key(member("worker"))
    url = f"/api/v1/assignments/{world.ids['assignment_id']}/answer/"
    body = {"answer": CAT, "secs": 3}
    assert set(fields(wren.put(url, body, headers={"Idempotency-Key": "k"}))) == {"secs"}
    nested = wren.put(url, {"answer": {**CAT, "verdct": "labels"}}, headers={"Idempotency-Key": "k"})
    assert nested.status_code == 422
    assert "verdct" in nested.json()["detail"]
    together = f"/api/v1/hands/{world.ids['hand_id']}/answers/"
    item = {"assignment": str(world.ids["assignment_id"]), "key": "k", "answer": CAT}
    (result,) = wren.post(together, {"answers": [{**item, "secs": 3}]}).json()["answers"]
    assert (result["status"], result["problem"]["errors"][0]["field"]) == (400, "secs")
    assert set(fields(wren.post(together, {"answers": [item], "all": True}))) == {"all"}
    assert wren.post(together, {"answers": [item]}).json()["answers"][0]["status"] == 200


def test_a_review_refuses_a_label_that_it_would_ignore(ada: APIClient, world: World) -> None:
    url = f"/api/v1/tasks/{world.ids['task_id']}/review/"
    assert set(fields(ada.post(url, {"label_hash": "x", "verdict": "approve", "answer": CAT}))) == {"answer"}


@pytest.mark.parametrize("path", ["projects/", "me/sign-out-everywhere/", "projects/{id}/releases/"])
def test_of_many_unknown_fields_twenty_are_named_and_the_rest_counted_at_once(
    ada: APIClient, world: World, path: str
) -> None:
    body = {f"n{number}": 0 for number in range(60_000)}
    began = time.process_time()
    answer = ada.post(f"/api/v1/{path.format(id=world.project.public_id)}", body)
    assert time.process_time() - began < 1.5
    named = fields(answer)
    assert [name for name in named if name.startswith("n") and name[1:].isdigit()] == [f"n{n}" for n in range(20)]
    assert named[""] == "59,980 more fields cannot be sent. Leave them out."


def test_of_many_unknown_parameters_twenty_are_named(ada: APIClient, world: World) -> None:
    query = "&".join(f"n{number}=1" for number in range(21))
    named = fields(ada.get(f"{project(world)}labels/?{query}&batch=7"))
    assert set(named) == {*(f"n{n}" for n in range(20)), "batch", ""}
    assert named[""] == "1 more query parameter cannot be sent. Leave it out."


def test_errors_about_no_single_field_stay_beside_the_count(ada: APIClient, world: World) -> None:
    body = {"label_hash": "x", "verdict": "fix"} | {f"n{number}": 0 for number in range(22)}
    answer = ada.post(f"/api/v1/tasks/{world.ids['task_id']}/review/", body)
    general = [each["detail"] for each in answer.json()["errors"] if not each["field"]]
    assert any("2 more fields" in each for each in general), general
