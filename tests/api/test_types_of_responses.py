"""The media types in the OpenAPI document are those that an Accept header may name, and errors are always readable."""

from fnmatch import fnmatch

import pytest
from rest_framework.test import APIClient

from tests.api.api_fixtures import World
from tests.api.documented import NOWHERE, Operation, caller_of, operations
from tests.api.people import member, with_key

PROBLEM = "application/problem+json"
FILES = ("/image", "/file", "/file/", "/download", ".jsonl", ".csv")


@pytest.fixture
def clients(world: World) -> dict[str, APIClient]:
    return {role: with_key(member(role)) for role in ("owner", "worker")}


def get(clients: dict[str, APIClient], operation: Operation, world: World, accept: str) -> tuple[int, str]:
    answer = clients[caller_of(operation)].get(operation.url(world.ids), headers={"Accept": accept})
    if answer.streaming:
        answer.getvalue()
    return answer.status_code, answer["Content-Type"]


def test_every_documented_type_can_be_asked_for(clients: dict[str, APIClient], world: World) -> None:
    files = set()
    for operation in operations("get"):
        types = list(operation.body["responses"]["200"]["content"])
        for accept in (*types, ", ".join([*types, PROBLEM])):
            status, sent = get(clients, operation, world, accept)
            assert status == 200, (operation.name, accept)
            assert any(fnmatch(sent, each) for each in types), (operation.name, accept, sent)
            if len(types) > 1 and "*" not in accept and "," not in accept:
                assert sent == accept, (operation.name, accept)
        assert get(clients, operation, world, PROBLEM)[0] == 200, operation.name
        if types != ["application/json"]:
            files.add(operation.path)
    assert len(files) == 11
    assert all(path.endswith(FILES) for path in files)


@pytest.mark.parametrize(
    "accept", ["image/png", "image/*", "image/avif,image/webp,image/apng,*/*;q=0.8", "image/jpeg;q=1"]
)
def test_images_can_be_asked_for_by_any_image_type(clients: dict[str, APIClient], world: World, accept: str) -> None:
    for operation in operations("get"):
        if operation.path.endswith(("/image", "/file/")):
            assert get(clients, operation, world, accept) == (200, "image/jpeg"), operation.name


@pytest.mark.parametrize("accept", ["image/*", "application/zip", "application/octet-stream", PROBLEM])
def test_errors_are_problem_details_whatever_was_asked_for(world: World, accept: str) -> None:
    client = with_key(member("owner"))
    headers = {"Accept": accept}
    for operation in operations("get"):
        if operation.path.endswith(FILES) and "{" in operation.path:
            answer = client.get(operation.url(dict.fromkeys(world.ids, NOWHERE)), headers=headers)
            if accept in operation.body["responses"]["200"]["content"]:
                assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM), operation.name
            assert answer["Content-Type"] == PROBLEM, operation.name
    answer = APIClient().get("/api/v1/nowhere/", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)
    answer = APIClient().get("/api/v1/me/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)


def test_a_type_that_a_url_does_not_have_is_refused_with_the_ones_it_has(
    clients: dict[str, APIClient], world: World
) -> None:
    headers = {"Accept": "text/html"}
    answer = clients["owner"].get(f"/api/v1/exports/{world.ids['export_id']}/download", headers=headers)
    assert answer.status_code == 406
    assert "application/zip" in answer.json()["detail"]
    assert clients["owner"].get("/api/v1/projects/", headers={"Accept": "image/png"}).status_code == 406


def test_the_description_has_its_own_type(db: None) -> None:
    kind = "application/vnd.oai.openapi+json"
    for accept in (kind, "application/json", "*/*"):
        answer = APIClient().get("/api/v1/schema/", headers={"Accept": accept})
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
