"""Every response of the API names its request and the limit that it counts against, and spells times in one way."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.api_fixtures import World
from tests.api.documented import caller_of, operations
from tests.api.people import member, with_key

POLICY = re.compile(r'"(person|anonymous|failed)";q=\d+;w=60')
LEFT = re.compile(r'"(person|anonymous|failed)";r=\d+;t=\d{1,2}')
LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def get(client: APIClient, url: str, **headers: str) -> Any:
    answer = client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    if answer.streaming:
        answer.getvalue()
    return answer


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def test_every_response_has_a_request_id_and_a_limit(world: World) -> None:
    clients = {role: with_key(member(role)) for role in ("owner", "worker")}
    for operation in operations("get"):
        answer = get(clients[caller_of(operation)], operation.url(world.ids))
        assert answer.status_code == 200, operation.name
        assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"]), operation.name
        assert POLICY.fullmatch(answer["RateLimit-Policy"]), operation.name
        assert LEFT.fullmatch(answer["RateLimit"]), operation.name


def test_so_have_refused_and_unchanged_ones(world: World) -> None:
    client, url = with_key(member("owner")), f"/api/v1/projects/{world.project.public_id}/"
    etag = get(client, url)["ETag"]
    answers = {
        304: get(client, url, If_None_Match=etag),
        204: client.delete(f"/api/v1/golds/{world.ids['gold_id']}/"),
        400: get(client, url + "?nonsense=1"),
        401: get(APIClient(), url, Authorization="Bearer ann_wrong"),
        403: with_key(member("worker")).get(url),
        404: get(APIClient(), "/api/v1/nowhere/"),
        405: client.delete(url),
        406: get(client, url, Accept="text/html"),
        413: client.patch(url, b"x" * 1_000_001, content_type="application/json"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.content
        assert answer["X-Request-ID"], status
        assert POLICY.fullmatch(answer["RateLimit-Policy"]), status
    assert answers[401]["RateLimit-Policy"].startswith('"failed"')
    assert answers[404]["RateLimit"].startswith('"anonymous"')


def test_the_limit_counts_down_to_a_429(world: World, settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 3, "anonymous": 120, "failed": 60}
    client = with_key(member("owner"))
    answers = [client.get("/api/v1/me/") for _ in range(4)]
    assert [int(answer["RateLimit"].split(";")[1][2:]) for answer in answers] == [2, 1, 0, 0]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"person";q=3;w=60'}
    assert abs(int(answers[3]["Retry-After"]) - int(answers[3]["RateLimit"].rpartition("=")[2])) <= 1


def test_without_a_limit_there_is_none_to_tell(world: World, settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 0, "anonymous": 0, "failed": 0}
    answer = with_key(member("owner")).get("/api/v1/me/")
    assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers)


def test_who_has_no_limit_is_told_of_no_other(world: World, settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 0, "anonymous": 120, "failed": 60}
    told = [with_key(member("owner")).get("/api/v1/me/"), APIClient().get("/api/v1/nowhere/")]
    assert ["RateLimit-Policy" in answer for answer in told] == [False, True]


def test_times_are_utc_with_z_and_microseconds_everywhere(world: World) -> None:
    found = 0
    for operation in operations("get"):
        if list(operation.body["responses"]["200"]["content"]) == ["application/json"]:
            body = get(with_key(member(caller_of(operation))), operation.url(world.ids)).json()
            times = [text for text in texts(body) if LIKE_A_TIME.fullmatch(text)]
            assert all(TIME.fullmatch(text) for text in times), (operation.name, times)
            found += len(times)
    assert found > 20


@pytest.mark.parametrize("moment", ["2030-01-01T00:00:00Z", "2030-01-01T02:00:00+02:00", "2030-01-01T00:00:00.000000Z"])
def test_a_time_is_read_in_every_zone_and_written_in_one(world: World, moment: str) -> None:
    client = with_key(member("owner"))
    url = f"/api/v1/projects/{world.project.public_id}/invitations/"
    body = {"expires_at": moment}
    answer = client.post(url, body)
    if answer.status_code == 201:
        assert answer.json()["expires_at"] == "2030-01-01T00:00:00.000000Z"
    else:  # further away than an invitation may last
        assert answer.status_code == 422
