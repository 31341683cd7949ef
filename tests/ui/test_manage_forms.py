"""Forms on the managers' pages: errors appear at their fields, secrets are shown once, actions report what they did."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from accounts.models import ApiToken, Invitation, Membership, Role
from accounts.services import find_invitation
from kernel.models import Job
from projects.lifecycle import open_project
from projects.models import Project
from tasks.batching.models import Batch
from tasks.ingest.models import Import
from tasks.ingest.services import start_import
from tasks.standing.models import Standing
from tests import factories
from tests.ui.live import People

pytestmark = pytest.mark.django_db

GOOD: dict[str, Any] = {
    "name": "Street signs",
    "tools": ["class", "box"],
    "class_name": ["stop", "yield", ""],
    "class_color": ["#112233", "#445566", "#000000"],
    "class_number": ["", "", ""],
    "price": "0.05",
    "currency": "EUR",
    "instructions": "Only signs that face you.",
    "answers_min": "2",
    "answers_max": "4",
    "gold_rate": "20",
    "confidence_target": "95",
    "gold_iou": "50",
    "share_reviewed": "25",
    "hand_size": "10",
    "set_minutes": "0",
    "returns_per_day": "50",
    "priority": "0",
    "images_per_day": "0",
    "share_per_worker": "100",
    "skips_to_manager": "3",
    "lease_seconds": "30",
    "seconds_per_answer": "8",
    "batch_size": "50",
    "split_train": "70",
    "split_val": "15",
    "pay_by": "answer",
    "hourly_floor": "",
    "paid_seconds": "300",
    "paid_objects": "20",
    "approval_days": "0",
    "appeal_days": "0",
    "send_back_days": "0",
}


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def text_of(answer: Any) -> str:
    page: str = answer.content.decode()
    return page


def create(ada: Client, changes: Mapping[str, Any]) -> Any:
    return ada.post("/projects/new/", {**GOOD, **changes})


def test_the_form_creates_the_project_with_its_values(ada: Client) -> None:
    answer = create(ada, {})
    project = Project.objects.get()
    assert answer["Location"] == f"/projects/{project.public_id}/"
    assert project.schema is not None
    assert [(row["name"], row["color"]) for row in project.schema.body["classes"]] == [
        ("stop", "#112233"),
        ("yield", "#445566"),
    ]
    assert project.schema.body["tools"] == ["class", "box"]
    assert (str(project.price), project.currency) == ("0.050000", "EUR")
    assert (project.gold_rate, project.confidence_target, project.lease_seconds) == (0.2, 0.95, 1800)
    assert (project.answers_min, project.answers_max, project.share_reviewed) == (2, 4, 0.25)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "Give the project a name."),
        ({"tools": []}, "Choose at least one way to label."),
        ({"class_name": ["", "", ""]}, "Add at least one class."),
        ({"class_name": ["stop", "Stop", ""]}, "have the same name"),
        ({"price": "-1"}, "A price cannot be negative"),
        ({"price": "much"}, "This is not an amount"),
        ({"answers_min": "0"}, "Enter a number from 1 to 50."),
        ({"answers_min": "two"}, "This is not a number"),
        ({"gold_rate": "80"}, "Enter a number from 0 to 50."),
        ({"lease_seconds": "0"}, "Enter a number from 0.5 to 10080."),
        ({"answers_max": "1"}, "This cannot be below the answers per image"),
        ({"split_val": "50"}, "add up to more than 100%"),
    ],
)
def test_errors_are_shown_at_their_fields(ada: Client, changes: dict[str, Any], sentence: str) -> None:
    answer = create(ada, changes)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert not Project.objects.exists()


def test_input_is_kept_after_an_error(ada: Client) -> None:
    page = text_of(create(ada, {"price": "-1", "name": "Street signs, spring"}))
    for kept in ("Street signs, spring", "stop", "#112233", "Only signs that face you."):
        assert kept in page


def test_more_answers_raise_an_unchanged_maximum(ada: Client) -> None:
    create(ada, {"answers_min": "7", "answers_max": "5"})
    project = Project.objects.get()
    assert (project.answers_min, project.answers_max) == (7, 7)


def test_settings_change_policies_classes_and_instructions(ada: Client) -> None:
    create(ada, {})
    project = Project.objects.get()
    address = f"/projects/{project.public_id}/settings/"
    assert ada.post(address, {**GOOD, "form": "policy", "price": "0.07"}).status_code == 302
    classes = {"class_name": ["halt", "new"], "class_color": ["#112233", "#aabbcc"], "class_number": ["1", ""]}
    assert ada.post(address, {**classes, "form": "classes"}).status_code == 302
    assert ada.post(address, {"form": "instructions", "instructions": "Look twice."}).status_code == 302
    project = Project.objects.get()
    assert project.schema is not None
    assert project.instructions is not None
    assert str(project.price) == "0.070000"
    assert [(row["number"], row["name"]) for row in project.schema.body["classes"]] == [(1, "halt"), (3, "new")]
    assert project.instructions.body == "Look twice."
    assert "Removed: yield" in text_of(ada.get(address))
    refused = ada.post(address, {"form": "instructions", "instructions": " "})
    assert refused.status_code == 422
    assert "The instructions are empty" in text_of(refused)


def test_opening_without_images_is_refused_with_a_reason(ada: Client) -> None:
    project = factories.a_project(state="draft")
    answer = ada.post(f"/projects/{project.public_id}/state/", {"step": "open"}, follow=True)
    assert "There is nothing to label yet. Import images first." in text_of(answer)
    assert Project.objects.get().state == Project.State.DRAFT


def test_opening_a_draft_opens_its_batches(ada: Client) -> None:
    project = factories.a_project(state="draft")
    factories.a_task(project, batch=factories.a_batch(project, state="draft"))
    ada.post(f"/projects/{project.public_id}/state/", {"step": "open"})
    assert Project.objects.get().state == Project.State.OPEN
    assert Batch.objects.get().state == Batch.State.OPEN


@pytest.mark.parametrize(("priority", "kept"), [("7", 7), ("-3", -3), ("first", 0), ("5000", 0)])
def test_a_batch_gets_a_numeric_priority(ada: Client, priority: str, kept: int) -> None:
    project = factories.a_project()
    batch = factories.a_batch(project)
    address = f"/projects/{project.public_id}/batches/{batch.public_id}/"
    answer = ada.post(address, {"step": "priority", "priority": priority}, follow=True)
    batch.refresh_from_db()
    assert batch.priority == kept
    assert ("The priority must be a whole number" in text_of(answer)) == (kept == 0)


def test_a_worker_is_paused_with_a_reason_and_resumed(ada: Client) -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren])
    address = f"/projects/{project.public_id}/workers/{wren.public_id}/"
    assert "Enter a reason" in text_of(ada.post(address, {"step": "pause", "reason": " "}, follow=True))
    assert Standing.objects.get().state == Standing.State.ACTIVE
    page = text_of(ada.post(address, {"step": "pause", "reason": "The boxes are too large."}, follow=True))
    assert "Wren is paused." in page
    assert "The boxes are too large." in page
    ada.post(address, {"step": "resume"})
    assert Standing.objects.get().state == Standing.State.ACTIVE


def test_an_invitation_is_shown_once_with_its_code_and_can_be_revoked(ada: Client) -> None:
    project = factories.a_project()
    address = f"/projects/{project.public_id}/workers/"
    page = text_of(ada.post(f"{address}invite/", {"days": 3, "max_uses": 5}, follow=True))
    assert "data:image/svg+xml" in page
    token = page.split("/join/")[1].split("/")[0]
    invitation = find_invitation(token=token)
    assert (invitation.max_uses, invitation.role, invitation.project) == (5, Role.WORKER, project)
    assert token not in text_of(ada.get(address))
    ada.post(f"/invitations/{invitation.public_id}/revoke/")
    assert Invitation.objects.get().revoked_at is not None


def test_an_invitation_of_another_organization_cannot_be_revoked(ada: Client) -> None:
    other = factories.an_organisation("Other")
    stranger = factories.a_worker("owl")
    invitation = Invitation.objects.create(
        organisation=other, token_sha256="0" * 64, expires_at="2100-01-01T00:00Z", created_by=stranger
    )
    assert ada.post(f"/invitations/{invitation.public_id}/revoke/").status_code == 404
    invitation.refresh_from_db()
    assert invitation.revoked_at is None


def test_a_key_is_shown_once_and_its_scopes_are_kept(ada: Client) -> None:
    made = ada.post("/settings/keys/", {"name": "Nightly", "scopes": ["read", "manage"], "days": "30"}, follow=True)
    assert "ann_" in text_of(made)
    key = ApiToken.objects.get()
    assert (key.name, key.scopes) == ("Nightly", ["manage", "read"])
    secret = text_of(made).split('value="ann_')[1].split('"')[0]
    later = text_of(ada.get("/settings/"))
    assert secret not in later
    assert "Nightly" in later
    assert f"/settings/keys/{key.public_id}/revoke/" in later
    ada.post(f"/settings/keys/{key.public_id}/revoke/")
    assert ApiToken.objects.get().revoked_at is not None
    revoked = text_of(ada.get("/settings/"))
    assert "Revoked" in revoked
    assert f"/settings/keys/{key.public_id}/revoke/" not in revoked


def test_a_key_without_scopes_is_refused_with_a_message(ada: Client) -> None:
    answer = ada.post("/settings/keys/", {"name": "Nothing", "days": "30"}, follow=True)
    assert "Choose one or more of the scopes" in text_of(answer)
    assert not ApiToken.objects.exists()


def test_only_an_owner_invites_managers(ada: Client) -> None:
    ada.post("/settings/team/", {"role": "manager"})
    assert Invitation.objects.get().role == Role.MANAGER
    crow = factories.a_user("crow")
    Membership.objects.create(organisation=factories.an_organisation(), actor=crow.actor, role=Role.MANAGER)
    client = Client()
    client.force_login(crow)
    assert client.post("/settings/team/", {"role": "manager"}).status_code == 403
    assert client.post("/settings/team/", {"role": "owner"}).status_code == 403
    assert client.post("/settings/team/", {"role": "reviewer"}).status_code == 302
    assert sorted(Invitation.objects.values_list("role", flat=True)) == [Role.MANAGER, Role.REVIEWER]


def test_one_answer_per_image_sets_the_maximum_to_one(ada: Client) -> None:
    create(ada, {"answers_min": "1", "answers_max": "5"})
    project = Project.objects.get()
    assert (project.answers_min, project.answers_max) == (1, 1)


def test_a_project_may_be_opened_with_fewer_check_images(ada: Client) -> None:
    project = factories.a_project(state="draft")
    factories.a_task(project, batch=factories.a_batch(project, state="draft"))
    page = text_of(ada.get(f"/projects/{project.public_id}/"))
    assert "Open without check images" in page
    Project.objects.update(state=Project.State.OPEN)
    assert "Open without" not in text_of(ada.get(f"/projects/{project.public_id}/"))


def test_the_board_includes_the_state_for_the_page_header(ada: Client) -> None:
    project = factories.a_project()
    part = text_of(ada.get(f"/projects/{project.public_id}/", {"part": "board"}))
    assert 'data-console-state="open"' in part
    assert 'value="pause"' in part


def test_an_import_whose_job_gave_up_can_be_resumed(ada: Client) -> None:
    project = factories.a_project()
    stopped = start_import(project=project, by=factories.ada(), source=Import.Source.FOLDER)
    Import.objects.update(state=Import.State.WORKING)
    images = f"/projects/{project.public_id}/images/"
    address = f"/projects/{project.public_id}/imports/{stopped.public_id}/resume/"
    assert address in text_of(ada.get(images))
    assert "The import continues where it stopped." in text_of(ada.post(address, follow=True))
    assert Job.objects.filter(dedupe_key=f"import.{stopped.pk}", state=Job.State.QUEUED).exists()
    assert address not in text_of(ada.get(images))
    elsewhere = factories.a_project("Elsewhere")
    assert ada.post(address.replace(str(project.public_id), str(elsewhere.public_id))).status_code == 404


def test_the_only_owner_must_invite_another_before_leaving(ada: Client) -> None:
    Membership.objects.create(organisation=factories.an_organisation(), actor=factories.wren(), role=Role.MANAGER)
    answer = ada.post("/me/delete/", {"password": "ada"})
    assert answer.status_code == 422
    assert "You are the only owner of Aviary" in text_of(answer)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_state_in_the_header_follows_changes_from_another_tab(people: People) -> None:
    project = factories.a_project(state="draft")
    factories.a_task(project, batch=factories.a_batch(project, state="draft"))
    desk = people.signed_in(factories.ada())
    desk.route_web_socket("**/ws/**", lambda socket: None)
    desk.goto(f"/projects/{project.public_id}/")
    head = desk.locator(".project-title")
    expect(head).to_contain_text("Draft")
    open_project(project=project)
    # Send events repeatedly, as on a live project: the first can arrive before the page's controllers have loaded.
    desk.evaluate("setInterval(() => document.dispatchEvent(new CustomEvent('live:event', {detail: {}})), 250)")
    expect(head).not_to_contain_text("Draft")
    expect(head.get_by_role("button", name="Pause")).to_be_visible()


def test_an_open_project_without_workers_asks_to_invite_them(ada: Client) -> None:
    project = factories.a_project(answers_min=1, answers_max=1)
    factories.a_task(project, wanted=1)
    console = f"/projects/{project.public_id}/"
    assert "People only need a link" in text_of(ada.get(console))
    factories.admitted(project, factories.wren())
    assert "People only need a link" not in text_of(ada.get(console))
