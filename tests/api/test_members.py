"""Members get another role or are removed; keys and sessions end with the access that they had."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Actor, Membership, Role, User
from accounts.service_accounts import create_service_account
from accounts.services import create_token
from projects.models import Project
from tests import factories
from tests.api.people import member, signed_in, with_key
from tests.worker_actions import leases_of, take

pytestmark = pytest.mark.django_db


def url(actor: Actor) -> str:
    return f"/api/v1/organisations/{factories.an_organisation().public_id}/members/{actor.public_id}/"


def a_running_set() -> tuple[Project, str, str]:
    """Return wren's project with the addresses of the set and of one of its images."""
    project = factories.a_project(answers_min=1, gold_rate=0)
    factories.admitted(project, member("worker"))
    factories.some_tasks(project, 2)
    hand = take(factories.wren(), project)
    return project, f"/api/v1/hands/{hand.public_id}/", f"/api/v1/assignments/{leases_of(hand)[0].public_id}/"


@pytest.mark.parametrize(
    ("by", "other", "role", "status"),
    [
        ("manager", "worker", "reviewer", 200),
        ("manager", "reviewer", "client", 200),
        ("manager", "reviewer", "manager", 403),
        ("manager", "owner", "client", 403),
        ("owner", "manager", "reviewer", 200),
        ("owner", "reviewer", "owner", 200),
        ("owner", "reviewer", "worker", 422),
        ("reviewer", "client", "reviewer", 403),
    ],
)
def test_only_owners_touch_owners_and_managers(by: str, other: str, role: str, status: int) -> None:
    target = member(other)
    response = with_key(member(by)).patch(url(target), {"role": role})
    assert response.status_code == status
    assert Membership.objects.get(actor=target).role == (role if status == 200 else other)


def test_the_only_owner_cannot_be_removed() -> None:
    response = with_key(member("owner")).delete(url(member("owner")))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/last_owner/")


def test_a_removed_member_has_neither_the_set_nor_a_key() -> None:
    _, hand, _ = a_running_set()
    key, browser = with_key(factories.wren()), signed_in(factories.wren())
    assert with_key(member("manager")).delete(url(factories.wren())).status_code == 204
    assert key.get("/api/v1/me/").status_code == 401
    refused = browser.get(hand)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/worker_removed/")


def test_a_key_ends_with_the_membership_whatever_ended_it() -> None:
    key = with_key(member("reviewer"))
    assert key.get("/api/v1/me/").status_code == 200
    Membership.objects.filter(actor=member("reviewer")).delete()
    assert key.get("/api/v1/me/").status_code == 401


def test_a_removed_worker_is_refused_in_the_same_words_by_every_call() -> None:
    project, hand, assignment = a_running_set()
    manager, wren = with_key(member("manager")), with_key(factories.wren())
    worker = f"/api/v1/projects/{project.public_id}/workers/{factories.wren().public_id}/"
    assert manager.post(worker + "remove/", {"reason": "Shared the account."}).status_code == 204
    body = {"answer": factories.class_answer(1)}
    responses = [
        wren.put(assignment + "answer/", body),
        wren.get(assignment + "image"),
        wren.post(assignment + "skip/"),
        wren.get(hand),
        wren.post(hand + "settle/"),
        wren.post(hand + "release/"),
        wren.post(f"/api/v1/projects/{project.public_id}/hands/"),
    ]
    assert {response.status_code for response in responses} == {403}
    assert {response.json()["type"] for response in responses} == {"/problems/worker_removed/"}
    assert {response.json()["detail"] for response in responses} == {
        "You can no longer work in this project. Your answers are kept and paid. Is this a mistake? Ask your manager."
    }


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CLIENT, Role.MANAGER, Role.OWNER])
def test_a_key_for_work_of_someone_who_sees_check_images_takes_no_set(role: str) -> None:
    project, _, assignment = a_running_set()
    Membership.objects.filter(actor=factories.wren()).update(role=role)  # as in an installation from before the rule
    wren = with_key(factories.wren(), scopes=["work"])
    for response in (
        wren.post(f"/api/v1/projects/{project.public_id}/hands/"),
        wren.put(assignment + "answer/", {"answer": factories.class_answer(1)}),
        wren.get(assignment + "image"),
    ):
        assert (response.status_code, response.json()["type"]) == (403, "/problems/staff_cannot_work/")


def test_signing_out_everywhere_ends_sessions_and_keys() -> None:
    browser, other, key = APIClient(), signed_in(member("manager")), with_key(member("manager"))
    browser.force_login(member("manager").user)
    assert browser.post("/api/v1/me/sign-out-everywhere/", {"revoke_keys": False}).status_code == 204
    assert browser.get("/api/v1/me/").status_code == other.get("/api/v1/me/").status_code == 401
    assert key.post("/api/v1/me/sign-out-everywhere/", {}).status_code == 204
    assert key.get("/api/v1/me/").status_code == 401


def test_a_changed_password_ends_the_other_sessions() -> None:
    here, other = APIClient(), signed_in(member("manager"))
    here.force_login(member("manager").user)
    data = {"oldpassword": "mara", "password1": "a good new one", "password2": "a good new one"}
    assert here.post("/account/password/change/", data, format="multipart").status_code == 302
    assert here.get("/api/v1/me/").status_code == 200
    assert other.get("/api/v1/me/").status_code == 401


def test_a_closed_account_has_neither_sessions_nor_keys() -> None:
    browser, key = signed_in(member("manager")), with_key(member("manager"))
    User.objects.filter(pk=member("manager").user.pk).update(is_active=False)
    assert browser.get("/api/v1/me/").status_code == key.get("/api/v1/me/").status_code == 401


def test_sessions_from_before_the_upgrade_stay_valid() -> None:
    user = member("manager").user
    create_token(actor=user.actor, organisation=factories.an_organisation(), name="key", scopes=["read"])
    assert user.session_epoch == 0
    assert user.get_session_auth_hash() == super(User, user)._get_session_auth_hash()  # type: ignore[misc]  # the stubs lack it


def test_managers_list_the_members_and_workers_keep_their_addresses() -> None:
    for role in ("owner", "reviewer", "worker"):
        member(role)
    address = f"/api/v1/organisations/{factories.an_organisation().public_id}/members/"
    rows = {row["name"]: (row["kind"], row["role"], row["email"]) for row in manager_list(address)}
    assert rows == {
        "Ada": ("person", "owner", "ada@example.org"),
        "Rhea": ("person", "reviewer", "rhea@example.org"),
        "Wren": ("person", "worker", None),
        "Mara": ("person", "manager", "mara@example.org"),
    }


def manager_list(address: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = with_key(member("manager")).get(address).json()["results"]
    return rows


def test_members_are_filtered_by_role_kind_name_and_time() -> None:
    organisation = factories.an_organisation()
    for role in ("owner", "client", "worker"):
        member(role)
    create_service_account(organisation=organisation, name="pipeline", role=Role.CLIENT, days=1)
    ada = with_key(member("owner"))

    def ids(**query: str) -> set[str]:
        answer = ada.get(f"/api/v1/organisations/{organisation.public_id}/members/", query)
        assert answer.status_code == 200, answer.content
        return {row["id"] for row in answer.json()["results"]}

    client = str(member("client").public_id)
    (program,) = ids(kind="service")
    assert ids(role="client") == {client, program}
    assert ids(role="client", kind="person") == {client}
    assert ids(prefix="pipe") == {program}
    assert ids(since_before="2020-01-01T00:00:00Z") == set()
