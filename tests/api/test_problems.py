"""Every error is returned as problem details (RFC 9457), with a message that says how to fix it."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.errors import Unavailable
from tasks.api import accounts
from tests.api.api_fixtures import World
from tests.api.people import member, signed_in, with_key


def problem(answer: Any, status: int, code: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    if code:
        assert body["type"] == f"/problems/{code}/"
    return body


@pytest.fixture
def manager(db: None) -> APIClient:
    return with_key(member("owner"))


NEW = {"name": "Birds", "classes": [{"name": "tit"}], "tools": ["class"]}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"{", "not valid JSON"),
        (b'{"name": NaN}', "not valid JSON"),
        (b'{"name": "\xff"}', "not valid JSON"),
        (b'{"name": "\\ud800"}', "not valid JSON"),
        (b'["name"]', "single JSON object"),
        (b" ", "not valid JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"policy": {"a\\u0000": [{"deep": 1}]}}', "NUL"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_a_400(manager: APIClient, sent: bytes, message: str) -> None:
    answer = manager.post("/api/v1/projects/", sent, content_type="application/json")
    assert message in problem(answer, 400)["detail"]


def test_a_field_of_the_wrong_type_is_reported(manager: APIClient) -> None:
    body = problem(manager.post("/api/v1/projects/", {**NEW, "classes": [{"name": ["cat"]}]}), 400)
    assert body["errors"][0]["field"] == "classes.0.name"
    assert body["detail"].startswith("classes.0.name: ")


def test_a_violated_domain_rule_is_a_422_with_its_own_message(manager: APIClient) -> None:
    body = problem(manager.post("/api/v1/projects/", {**NEW, "tools": ["lasso"]}), 422)
    assert "class, box" in body["detail"]


@pytest.mark.parametrize("path", ["/api/v1/nowhere/", "/api/v1/", "/api/v1/projects/not-an-id/"])
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_an_unknown_url_is_a_problem_and_not_a_page(db: None, path: str, method: str) -> None:
    assert "docs" in problem(getattr(APIClient(), method)(path), 404, "address_unknown")["detail"]


def test_a_missing_slash_is_reported_and_not_redirected(db: None) -> None:
    assert "/api/v1/projects/" in problem(APIClient().post("/api/v1/projects", {}), 404)["detail"]


def test_an_unsupported_method_is_a_405_that_lists_the_supported_ones(manager: APIClient) -> None:
    answer = manager.delete("/api/v1/projects/")
    problem(answer, 405)
    assert "POST" in answer["Allow"]


def test_an_unsupported_content_type_is_a_415(manager: APIClient) -> None:
    problem(manager.post("/api/v1/projects/", "<a/>", content_type="application/xml"), 415)


def test_a_response_type_other_than_json_is_a_406(manager: APIClient) -> None:
    problem(manager.get("/api/v1/projects/", headers={"Accept": "text/html"}), 406)


def test_a_huge_body_is_a_413_before_it_is_read(manager: APIClient) -> None:
    answer = manager.post("/api/v1/projects/", b"x" * 1_000_001, content_type="application/json")
    assert "Send less" in problem(answer, 413, "body_too_large")["detail"]


def test_too_many_files_at_once_is_a_413(world: World, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    from tests.api.uploads import upload

    answer = upload(with_key(member("owner")), world.project, {"a.jpg": b"a", "b.jpg": b"b"})
    assert "ZIP" in problem(answer, 413)["detail"]


def test_a_damaged_multipart_body_is_a_400(world: World) -> None:
    answer = with_key(member("owner")).post(
        f"/api/v1/projects/{world.project.public_id}/imports/",
        b"--nothing",
        content_type="multipart/form-data",
        headers={"Idempotency-Key": "k"},
    )
    problem(answer, 400)


def test_an_unexpected_error_is_a_500_without_details(
    manager: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**arguments: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(accounts, "role_in", broken)
    answer = manager.get("/api/v1/me/")
    problem(answer, 500, "unexpected")
    assert b"swordfish" not in answer.content
    assert "swordfish" in caplog.text


def test_an_unavailable_service_is_a_503(manager: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**arguments: object) -> None:
        raise Unavailable

    monkeypatch.setattr(accounts, "role_in", away)
    problem(manager.get("/api/v1/me/"), 503, "unavailable")


def test_a_cross_site_request_is_refused(db: None) -> None:
    browser = signed_in(member("owner"))
    assert browser.get("/api/v1/me/").status_code == 200
    assert "CSRF" in problem(browser.post("/api/v1/projects/", NEW), 403)["detail"]


def test_a_session_with_a_csrf_token_may_write(db: None) -> None:
    browser = signed_in(member("owner"))
    browser.cookies["csrftoken"] = token = "a" * 32
    answer = browser.post("/api/v1/projects/", NEW, headers={"X-CSRFToken": token})
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("query", ["cursor=cD1hYmM%3D", "cursor=cD0tMQ%3D%3D", "cursor=" + "9" * 400])
def test_an_invalid_cursor_is_a_400(manager: APIClient, query: str) -> None:
    answer = manager.get(f"/api/v1/projects/?{query}")
    assert "first page" in problem(answer, 400)["detail"]


def test_problems_are_json(manager: APIClient) -> None:
    assert json.loads(manager.get("/api/v1/nowhere/").content)["title"]
