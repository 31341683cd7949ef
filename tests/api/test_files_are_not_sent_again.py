"""Ranges, ETags and 304: a download goes on where it broke off, and nothing is sent that the caller already has."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from storage.services import open_blob
from tasks.assignment.models import Assignment
from tasks.exports.models import Export
from tasks.ingest.models import Image
from tests.api.api_fixtures import World
from tests.api.documented import caller_of, operations
from tests.api.people import member, with_key

FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def ada(world: World) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"))


def get(client: APIClient, url: str, **headers: str) -> tuple[Any, bytes]:
    answer = client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer, answer.getvalue() if answer.streaming else answer.content


def files(world: World) -> dict[str, tuple[str, bytes]]:
    """The role that may load each kind of file, and its content, by URL."""
    image = Image.objects.get(public_id=world.ids["image_id"])
    export = Export.objects.get(public_id=world.ids["export_id"])
    shown = Assignment.objects.get(public_id=world.ids["assignment_id"]).rendition
    rows = {
        f"/api/v1/exports/{export.public_id}/download": ("owner", export.blob),
        f"/api/v1/images/{image.public_id}/file/": ("owner", image.rendition),
        f"/api/v1/images/{image.public_id}/file/?kind=release": ("owner", image.release),
        f"/api/v1/assignments/{world.ids['assignment_id']}/image": ("worker", shown),
    }
    contents = {}
    for url, (role, blob) in rows.items():
        assert blob is not None
        with open_blob(blob) as file:
            contents[url] = (role, file.read())
    return contents


@pytest.mark.parametrize(
    ("requested", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-4", -4, None), ("bytes=3-999999", 3, None)],
)
def test_every_file_can_be_loaded_in_parts(world: World, requested: str, start: int, stop: int | None) -> None:
    for url, (role, content) in files(world).items():
        answer, part = get(with_key(member(role)), url, Range=requested)
        assert (answer.status_code, part) == (206, content[start:stop]), url
        first = start % len(content)
        assert answer["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        assert int(answer["Content-Length"]) == len(part)


def test_a_download_that_was_cut_goes_on(ada: APIClient, world: World) -> None:
    url = f"/api/v1/exports/{world.ids['export_id']}/download"
    whole, content = get(ada, url)
    assert whole["Accept-Ranges"] == "bytes"
    rest, part = get(ada, url, Range="bytes=8-", If_Range=whole["ETag"])
    assert (rest.status_code, content[:8] + part) == (206, content)
    other, again = get(ada, url, Range="bytes=8-", If_Range='"another version"')
    assert (other.status_code, again) == (200, content)


@pytest.mark.parametrize(
    "requested", ["bytes=9-2", "bytes=a-b", "bytes=-", "bytes=0-1,4-5", "lines=1-2", "bytes=" + "9" * 30]
)
def test_a_range_that_is_malformed_or_not_single_gets_the_whole_file(
    ada: APIClient, world: World, requested: str
) -> None:
    answer, content = get(ada, f"/api/v1/exports/{world.ids['export_id']}/download", Range=requested)
    assert (answer.status_code, content[:2]) == (200, b"PK")


@pytest.mark.parametrize("requested", ["bytes=22-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_is_a_416_that_says_how_long_the_file_is(
    ada: APIClient, world: World, requested: str
) -> None:
    answer, _ = get(ada, f"/api/v1/exports/{world.ids['export_id']}/download", Range=requested)
    assert answer.status_code == 416
    assert answer["Content-Range"] == "bytes */22"
    assert answer["Content-Type"] == "application/problem+json"


def test_a_file_that_the_caller_has_is_not_sent(world: World) -> None:
    for url, (role, content) in files(world).items():
        client = with_key(member(role))
        first, body = get(client, url)
        assert body == content
        assert first["ETag"].startswith('"'), "strong: ranges need it"
        for known in (first["ETag"], f'"other", W/{first["ETag"]}', "*"):
            answer, body = get(client, url, If_None_Match=known)
            assert (answer.status_code, body, answer["ETag"]) == (304, b"", first["ETag"]), url
            assert answer["Cache-Control"] == first["Cache-Control"]
        assert get(client, url, If_None_Match='"other"')[0].status_code == 200
        assert "immutable" in first["Cache-Control"]
        assert first["Cache-Control"].startswith("private")
        if role == "owner":
            assert first["Cache-Control"] == FOREVER


def test_the_etag_of_an_image_to_label_tells_nothing_that_its_url_does_not(wren: APIClient, world: World) -> None:
    kinds = set()
    for lease in Assignment.objects.filter(hand=world.hand):
        answer, _ = get(wren, f"/api/v1/assignments/{lease.public_id}/image")
        assert answer["ETag"] == f'"{lease.public_id}"'
        assert "Last-Modified" not in answer
        kinds.add((lease.gold_id is None, answer["Cache-Control"], tuple(sorted(answer.headers))))
    assert {kind[0] for kind in kinds} == {True, False}
    assert len({kind[1:] for kind in kinds}) == 1


def test_whoever_may_not_load_a_file_does_not_learn_whether_it_changed(world: World) -> None:
    for url, (role, _) in files(world).items():
        etag = get(with_key(member(role)), url)[0]["ETag"]
        stranger = with_key(member("worker" if role == "owner" else "owner"))
        assert get(stranger, url, If_None_Match=etag)[0].status_code in {403, 404}
        assert get(stranger, url, Range="bytes=0-1")[0].status_code in {403, 404}


def test_every_json_response_has_an_etag_and_is_not_sent_twice(world: World) -> None:
    count = 0
    for operation in operations("get"):
        if list(operation.body["responses"]["200"]["content"]) != ["application/json"]:
            continue
        client, url = with_key(member(caller_of(operation))), operation.url(world.ids)
        first, body = get(client, url)
        answer, nothing = get(client, url, If_None_Match=first["ETag"])
        assert body, operation.name
        # A key's own list shows when it was last used.
        if operation.path != "/api/v1/tokens/":
            assert (answer.status_code, nothing, answer["ETag"]) == (304, b"", first["ETag"]), operation.name
        assert first["Cache-Control"] == "private, no-cache"
        count += 1
    assert count > 20


def test_a_changed_list_is_sent_again(ada: APIClient, world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/batches/"
    etag = get(ada, url)[0]["ETag"]
    ada.patch(f"/api/v1/batches/{world.ids['batch_id']}/", {"priority": 7})
    answer, _ = get(ada, url, If_None_Match=etag)
    assert answer.status_code == 200
    assert answer["ETag"] != etag


def test_errors_and_writes_have_no_etag(ada: APIClient, world: World) -> None:
    assert "ETag" not in get(ada, "/api/v1/batches/00000000-0000-4000-8000-000000000000/")[0]
    assert "ETag" not in ada.patch(f"/api/v1/batches/{world.ids['batch_id']}/", {"priority": 7})
