"""API keys: stored as a hash, limited to scopes, one organization and a lifetime; none can create a stronger one."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken, Role
from accounts.services import create_token
from kernel.clock import utc_now
from tests import factories
from tests.api.people import member, outsider, signed_in, with_key

NEW = {"name": "Nightly", "scopes": ["read"]}


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    member("owner")


def bearer(key: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    ada = with_key(member("owner"))
    made = ada.post("/api/v1/tokens/", NEW)
    assert made.status_code == 201
    key = made.json()["key"]
    row = ApiToken.objects.get(public_id=made.json()["id"])
    assert key not in str(row.__dict__)
    assert key not in ada.get("/api/v1/tokens/").content.decode()
    assert bearer(key).get("/api/v1/me/").status_code == 200


def test_a_revoked_key_stops_working_immediately() -> None:
    ada = with_key(member("owner"))
    made = ada.post("/api/v1/tokens/", NEW).json()
    assert ada.delete(f"/api/v1/tokens/{made['id']}/").status_code == 204
    answer = bearer(made["key"]).get("/api/v1/me/")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_key_expires() -> None:
    token, key = create_token(
        actor=member("owner"), organisation=factories.an_organisation(), name="old", scopes=["read"]
    )
    ApiToken.objects.filter(pk=token.pk).update(expires_at=utc_now() - timedelta(seconds=1))
    assert bearer(key).get("/api/v1/me/").status_code == 401


def test_keys_of_a_deactivated_person_stop_working() -> None:
    _, key = create_token(actor=member("owner"), organisation=factories.an_organisation(), name="old", scopes=["read"])
    user = factories.a_user("ada")
    user.is_active = False
    user.save()
    assert bearer(key).get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("sent", ["nonsense", "ann_", "ann_é", "Ã©", "a b"])
def test_an_invalid_key_is_a_401(sent: str) -> None:
    assert bearer(sent).get("/api/v1/me/").status_code == 401


def test_a_key_in_the_url_gives_no_access() -> None:
    _, key = create_token(actor=member("owner"), organisation=factories.an_organisation(), name="url", scopes=["read"])
    for name in ("token", "key", "access_token", "api_key"):
        assert APIClient().get(f"/api/v1/me/?{name}={key}").status_code == 401


def test_a_key_needs_the_scope_of_the_call() -> None:
    reader = with_key(member("owner"), scopes=["read"])
    assert reader.get("/api/v1/projects/").status_code == 200
    answer = reader.post("/api/v1/projects/", {"name": "x", "classes": [{"name": "a"}], "tools": ["class"]})
    assert answer.status_code == 403
    assert "“manage”" in answer.json()["detail"]


def test_a_scope_does_not_replace_a_role() -> None:
    answer = with_key(member("worker")).post(
        "/api/v1/projects/", {"name": "x", "classes": [{"name": "a"}], "tools": ["class"]}
    )
    assert answer.status_code == 403


def test_a_key_cannot_create_a_key_with_more_scopes() -> None:
    manager = with_key(member("owner"), scopes=["read", "manage"])
    answer = manager.post("/api/v1/tokens/", {"name": "more", "scopes": ["read", "review"]})
    assert answer.status_code == 422
    assert "“review”" in answer.json()["detail"]
    assert manager.post("/api/v1/tokens/", {"name": "same", "scopes": ["read", "manage"]}).status_code == 201


def test_a_key_cannot_create_a_key_that_outlives_it() -> None:
    parent, key = create_token(
        actor=member("owner"),
        organisation=factories.an_organisation(),
        name="short",
        scopes=["manage"],
        expires_at=utc_now() + timedelta(days=2),
    )
    later = (utc_now() + timedelta(days=30)).isoformat()
    refused = bearer(key).post("/api/v1/tokens/", {"name": "long", "scopes": ["manage"], "expires_at": later})
    assert refused.status_code == 422
    made = bearer(key).post("/api/v1/tokens/", {"name": "default", "scopes": ["manage"]})
    assert ApiToken.objects.get(public_id=made.json()["id"]).expires_at == parent.expires_at


def test_a_key_cannot_create_a_key_of_another_organization() -> None:
    elsewhere = factories.an_organisation("Owen's own")
    elsewhere.memberships.create(actor=member("owner"), role=Role.OWNER)
    answer = with_key(member("owner")).post("/api/v1/tokens/", {**NEW, "organisation": str(elsewhere.public_id)})
    assert answer.status_code == 404


def test_a_key_lists_and_revokes_only_keys_of_its_own_organization() -> None:
    elsewhere = factories.an_organisation("Owen's own")
    elsewhere.memberships.create(actor=member("owner"), role=Role.OWNER)
    other, _ = create_token(actor=member("owner"), organisation=elsewhere, name="elsewhere", scopes=["read"])
    ada = with_key(member("owner"))
    assert "elsewhere" not in ada.get("/api/v1/tokens/").content.decode()
    assert ada.delete(f"/api/v1/tokens/{other.public_id}/").status_code == 404


def test_nobody_can_revoke_another_persons_key() -> None:
    token, key = create_token(
        actor=member("owner"), organisation=factories.an_organisation(), name="x", scopes=["read"]
    )
    assert with_key(member("manager")).delete(f"/api/v1/tokens/{token.public_id}/").status_code == 404
    assert bearer(key).get("/api/v1/me/").status_code == 200


def test_ids_prefixes_and_owners_cannot_be_chosen() -> None:
    sent = {**NEW, "id": "00000000-0000-4000-8000-000000000000", "prefix": "x", "actor": 1, "revoked_at": None}
    refused = with_key(member("owner")).post("/api/v1/tokens/", sent).json()["errors"]
    assert {each["field"] for each in refused} == {"id", "prefix", "actor", "revoked_at"}
    assert with_key(member("owner")).post("/api/v1/tokens/", NEW).json()["prefix"].startswith("ann_")


def test_a_member_of_two_organizations_must_specify_one() -> None:
    factories.an_organisation("Owen's own").memberships.create(actor=member("owner"), role=Role.OWNER)
    browser = signed_in(member("owner"))
    browser.cookies["csrftoken"] = token = "b" * 32
    answer = browser.post("/api/v1/tokens/", NEW, headers={"X-CSRFToken": token})
    assert answer.status_code == 400
    assert "Specify one" in answer.json()["detail"]


def test_me_lists_only_the_keys_own_organization() -> None:
    owen = outsider()
    factories.an_organisation().memberships.create(actor=owen, role=Role.WORKER)
    body = with_key(owen).get("/api/v1/me/").json()
    assert [row["role"] for row in body["organisations"]] == ["worker"]
