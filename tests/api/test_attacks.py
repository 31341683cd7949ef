"""Attacks with a worker's account or without one; all are refused."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Invitation, Membership, Role, User
from accounts.services import invite
from projects.models import Project
from tests import factories
from tests.api.api_fixtures import World, some_pixels
from tests.api.people import MEMBERS, member, outsider, with_key
from tests.api.uploads import upload


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"))


def test_a_policy_update_changes_only_policies(world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/"
    owner = with_key(member("owner"))
    for body in ({"organisation_id": 1}, {"state": "closed"}, {"created_by": 1}, {"id": "x"}, {"dataset": 1}):
        answer = owner.patch(url, body)
        assert answer.status_code == 400, body
        assert "no such field" in answer.json()["detail"]
    assert Project.objects.get().state == Project.State.OPEN


@pytest.mark.parametrize("price", [0.1, "NaN", "-1", "1e400", "0.0000001", [], True, "1001"])
def test_an_invalid_price_is_refused(world: World, price: Any) -> None:
    answer = with_key(member("owner")).patch(f"/api/v1/projects/{world.project.public_id}/", {"price": price})
    assert answer.status_code in {400, 422}, answer.content


@pytest.mark.parametrize("rate", ["NaN", "nan", "inf", -0.1, 0.6, None, {}, "x" * 5000])
def test_an_invalid_share_is_refused(world: World, rate: Any) -> None:
    answer = with_key(member("owner")).patch(f"/api/v1/projects/{world.project.public_id}/", {"gold_rate": rate})
    assert answer.status_code in {400, 422}, answer.content


def test_a_manager_cannot_grant_roles_above_their_own(world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/invitations/"
    manager, owner = with_key(member("manager")), with_key(member("owner"))
    for role in ("owner", "manager"):
        assert manager.post(url, {"role": role}).status_code == 403
        assert owner.post(url, {"role": role}).status_code == 201
    assert manager.post(url, {"role": "reviewer"}).status_code == 201
    assert manager.post(url, {"role": "emperor"}).status_code == 400


def test_an_invitation_token_is_shown_once_and_its_counters_cannot_be_set(world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/invitations/"
    owner = with_key(member("owner"))
    for field in ("uses", "token_sha256", "organisation"):
        assert owner.post(url, {field: 7, "max_uses": 3}).json()["errors"][0]["field"] == field
    made = owner.post(url, {"max_uses": 3}).json()
    row = Invitation.objects.get(public_id=made["id"])
    assert (row.uses, row.max_uses, row.organisation_id) == (0, 3, world.project.organisation_id)
    assert made["token"] not in owner.get(url).content.decode()
    for body in ({"max_uses": 0}, {"max_uses": -1}, {"expires_at": "2001-01-01T00:00:00Z"}, {"max_uses": 10**12}):
        assert owner.post(url, body).status_code in {400, 422}, body


def test_a_key_cannot_join_another_organization(world: World) -> None:
    elsewhere = factories.an_organisation("Owen's own")
    _, token = invite(organisation=elsewhere, by=outsider(), role=Role.MANAGER)
    answer = with_key(member("worker")).post("/api/v1/invitations/accept/", {"token": token})
    assert answer.status_code == 404
    assert not Membership.objects.filter(organisation=elsewhere, actor=member("worker")).exists()


@pytest.mark.parametrize("token", ["", "a\0b", "x" * 300, "../..", None, ["a"]])
def test_a_made_up_invitation_is_a_4xx(wren: APIClient, token: Any) -> None:
    assert wren.post("/api/v1/invitations/accept/", {"token": token}).status_code in {400, 404}


def test_sign_in_and_reset_do_not_reveal_who_has_an_account(db: None) -> None:
    factories.a_user("wren")
    responses = []
    for email in ("wren@example.org", "nobody@example.org"):
        answer = Client().post("/account/login/", {"login": email, "password": "wrong"})
        responses.append((answer.status_code, answer.content.decode().replace(email, "")))
    lines = [[line for line in page.splitlines() if "csrf" not in line.lower()] for _, page in responses]
    assert responses[0][0] == responses[1][0] == 200
    assert lines[0] == lines[1]
    for email in ("wren@example.org", "nobody@example.org"):
        answer = Client().post("/account/password/reset/", {"email": email})
        assert (answer.status_code, answer["Location"]) == (302, "/account/password/reset/done/")


def test_password_guessing_is_throttled(db: None) -> None:
    factories.a_user("wren")
    for _ in range(12):
        Client().post("/account/login/", {"login": "wren@example.org", "password": "wrong"})
    browser = Client()
    browser.post("/account/login/", {"login": "wren@example.org", "password": "wren"})
    assert "_auth_user_id" not in browser.session


def test_signing_in_creates_a_new_session(db: None) -> None:
    factories.a_user("wren")
    browser = Client()
    session = browser.session
    session["planted"] = True
    session.save()
    planted = str(session.session_key)
    browser.cookies["sessionid"] = planted
    browser.post("/account/login/", {"login": "wren@example.org", "password": "wren"})
    assert browser.session["_auth_user_id"] == str(User.objects.get().pk)
    assert browser.cookies["sessionid"].value != planted


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "https:evil.example"],
)
def test_signing_in_does_not_redirect_to_other_sites(db: None, target: str) -> None:
    factories.a_user("wren")
    answer = Client().post(
        f"/account/login/?next={target}", {"login": "wren@example.org", "password": "wren", "next": target}
    )
    assert answer.status_code == 302
    assert answer["Location"] == "/"


def test_signing_up_without_an_invitation_is_closed(db: None) -> None:
    body = {"email": "eve@example.org", "password1": "long enough words"}
    Client().post("/account/signup/", body)
    assert not User.objects.filter(email="eve@example.org").exists()


def test_download_names_allow_no_header_injection_or_path(world: World) -> None:
    Project.objects.filter(pk=world.project.pk).update(name='../"; filename=evil.html\r\nX-Evil: 1')
    answer = with_key(member("client")).get(f"/api/v1/exports/{world.ids['export_id']}/download")
    answer.getvalue()
    assert answer["Content-Disposition"] == 'attachment; filename="filenameevilhtml-x-evil-1-1-coco.zip"'
    assert answer["Content-Type"] == "application/zip"
    assert "X-Evil" not in answer
    assert answer["Repr-Digest"].startswith("sha-256=:")


def test_an_html_file_uploaded_as_an_image_is_never_served_as_html(world: World) -> None:
    upload(with_key(member("owner")), world.project, {"x.html": b"<script>alert(1)</script>", "y.svg": b"<svg/>"})
    for kind in ("rendition", "thumb", "release"):
        answer = with_key(member("owner")).get(f"/api/v1/images/{world.ids['image_id']}/file/?kind={kind}")
        answer.getvalue()
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (
        with_key(member("owner")).get(f"/api/v1/images/{world.ids['image_id']}/file/?kind=original").status_code == 400
    )


def test_a_worker_cannot_read_or_change_another_workers_data(world: World) -> None:
    finch = with_key(factories.finch())
    hand, image = world.hand.public_id, world.ids["assignment_id"]
    assert finch.get(f"/api/v1/hands/{hand}/").status_code == 404
    assert finch.post(f"/api/v1/hands/{hand}/settle/").status_code == 404
    assert finch.post(f"/api/v1/hands/{hand}/release/").status_code == 404
    assert finch.get(f"/api/v1/assignments/{image}/image").status_code == 404
    assert finch.post(f"/api/v1/assignments/{image}/skip/").status_code == 404


def test_a_garbage_session_cookie_is_a_401(db: None) -> None:
    browser = Client()
    for garbage in ("x", "a" * 500, "'; DROP TABLE", '"abcdefgh\\000"', '"\\377\\377\\377\\377\\377\\377\\377\\377"'):
        assert browser.get("/api/v1/me/", headers={"Cookie": f"sessionid={garbage}"}).status_code == 401, garbage


def test_text_that_the_database_cannot_store_is_a_4xx_everywhere(world: World) -> None:
    owner = with_key(member("owner"))
    project = f"/api/v1/projects/{world.project.public_id}/"
    calls: list[tuple[str, str, Any]] = [
        ("post", "/api/v1/projects/", {"name": "a\0", "classes": [{"name": "b"}], "tools": ["class"]}),
        ("post", "/api/v1/projects/", {"name": "a", "classes": [{"name": "b\0"}], "tools": ["class"]}),
        ("put", f"{project}classes/", {"classes": [{"name": "b", "color": "#00000\0"}]}),
        ("put", f"{project}instructions/", {"body": "\0"}),
        ("post", "/api/v1/tokens/", {"name": "\0", "scopes": ["read"]}),
        ("post", f"{project}workers/{world.ids['worker_id']}/pause/", {"reason": "\0"}),
        ("post", f"/api/v1/tasks/{world.ids['task_id']}/review/", {"label_hash": "\0", "verdict": "approve"}),
        ("post", f"/api/v1/releases/{world.ids['release_id']}/retract/", {"reason": "a\0"}),
        ("post", f"/api/v1/releases/{world.ids['release_id']}/exports/", {"format": "coco\0"}),
    ]
    for method, url, body in calls:
        answer = getattr(owner, method)(url, body)
        assert 400 <= answer.status_code < 500, (url, answer.content)
    assert owner.get(f"/api/v1/images/{world.ids['image_id']}/file/?kind=%00").status_code == 400


def test_everyone_sees_only_their_own_keys(world: World) -> None:
    for role in MEMBERS:
        rows = with_key(member(role)).get("/api/v1/tokens/").json()["results"]
        assert ("ada's" in [row["name"] for row in rows]) == (role == "owner")


def test_an_upload_reveals_nothing_about_content_in_another_organization(world: World) -> None:
    owner = factories.an_organisation("Owen's own")
    elsewhere = with_key(outsider(), organisation=owner)
    made = elsewhere.post("/api/v1/projects/", {"name": "B", "classes": [{"name": "b"}], "tools": ["class"]}).json()
    project = Project.objects.get(public_id=made["id"])
    known = upload(elsewhere, project, {"known.jpg": some_pixels("teal")}).json()
    fresh = upload(elsewhere, project, {"fresh.jpg": some_pixels("red")}).json()
    for volatile in ("id", "created_at"):
        known.pop(volatile), fresh.pop(volatile)
    assert known == fresh
