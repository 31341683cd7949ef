"""Pages on which a manager renames, closes, archives, reopens and deletes a project, and changes the team."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Organisation, Role
from accounts.service_accounts import create_service_account
from projects.lifecycle import archive_project, close_project
from projects.models import Project
from tests import factories
from tests.worker_actions import answer, leases_of, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = factories.a_project(workers=[factories.wren()], answers_min=2, gold_rate=0, hand_size=2)
    factories.some_tasks(project, 3)
    return project


@pytest.fixture
def ada(project: Project) -> Client:
    return browser_of("ada")


def browser_of(name: str) -> Client:
    client = Client()
    client.force_login(factories.a_user(name))
    return client


def url(project: Project, page: str = "") -> str:
    return f"/projects/{project.public_id}/{page}"


def text_of(response: Any) -> str:
    """The words of a page, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def post(client: Client, address: str, **data: str) -> str:
    return text_of(client.post(address, data, follow=True))


def test_a_project_gets_another_name(ada: Client, project: Project) -> None:
    assert "The project has a new name." in post(ada, url(project, "rename/"), name="Owls of Ghent")
    assert "Owls of Ghent" in text_of(ada.get(url(project)))
    assert "The project has no name" in post(ada, url(project, "rename/"), name=" ")


def test_a_closed_project_promises_and_offers_nothing_that_it_does_not_do(ada: Client, project: Project) -> None:
    for lease in leases_of(take(factories.wren(), project)):
        answer(lease)
    board = ada.get(url(project)).content.decode()
    assert 'value="pause"' in board
    assert "in total" in board
    close_project(project=project)
    page = ada.get(url(project))
    board = page.content.decode()
    for button in ('value="open"', 'value="pause"', 'class="priority"'):
        assert button not in board
    words = text_of(page)
    assert "4 answers not given; none will be unless you reopen the project" in words
    assert "in about" not in words
    assert "forecast" not in words
    assert "Continue with current workers" not in words
    assert "Invite workers" not in words
    images = ada.get(url(project, "images/"))
    assert "data-upload-url" not in images.content.decode()
    assert "This project is closed, so no images can be added." in text_of(images)
    assert "The project is reopened." in post(ada, url(project, "state/"), step="reopen", back="settings")
    assert "data-upload-url" in ada.get(url(project, "images/")).content.decode()


def test_an_archived_project_leaves_the_list_and_comes_back(ada: Client, project: Project) -> None:
    assert "Archived" not in text_of(ada.get("/projects/"))
    assert "The project is archived." in post(ada, url(project, "state/"), step="archive", back="settings")
    assert "No current projects" in text_of(ada.get("/projects/"))
    assert "Strays" in text_of(ada.get("/projects/?archived"))
    for page in ("", "images/", "checks/", "workers/", "review/", "quality/", "what-if/", "releases/", "settings/"):
        response = ada.get(url(project, page))
        assert "This project is archived." in text_of(response), page
        assert "data-upload-url" not in response.content.decode()
        assert 'data-controller="gold-desk"' not in response.content.decode()
    settings = ada.get(url(project, "settings/")).content.decode()
    assert 'value="reopen"' in settings
    assert 'value="archive"' not in settings
    assert "The project is reopened." in post(ada, url(project, "state/"), step="reopen")
    assert "Strays" in text_of(ada.get("/projects/"))


def test_what_an_old_tab_sends_to_an_archived_project_is_refused(ada: Client, project: Project) -> None:
    archive_project(project=project)
    for page in (
        "rename/",
        "batches/open/",
        "batches/go-on/",
        "workers/invite/",
        "releases/",
        "settings/",
        "what-if/again/",
    ):
        refused = ada.post(url(project, page), {"name": "Owls", "form": "classes"})
        assert refused.status_code == 409, page
        assert "This project is archived, so nothing in it can be changed." in text_of(refused)


def test_workers_of_an_archived_project_read_that_it_has_ended(ada: Client, project: Project) -> None:
    wren = browser_of("wren")
    hand = take(factories.wren(), project)
    archive_project(project=project)
    assert "Strays" not in text_of(wren.get("/work/"))
    for page in ("", "set/", f"handed-in/{hand.public_id}/"):
        response = wren.get(f"/work/{project.public_id}/{page}")
        assert response.status_code == 410
        assert "This project has ended" in text_of(response)


def test_a_project_is_deleted_once_its_name_was_typed(ada: Client, project: Project) -> None:
    leases = leases_of(take(factories.wren(), project))
    answer(leases[0])
    page = text_of(ada.get(url(project, "delete/")))
    for part in (
        "3 images",
        "1 answer of workers",
        "0 approved labels",
        "0 releases",
        "$0.02 that is not paid out yet",
    ):
        assert part in page, part
    wrong = ada.post(url(project, "delete/"), {"confirm": "strays"})
    assert wrong.status_code == 422
    assert "The name does not match the project&#x27;s." in wrong.content.decode()
    assert "Strays is deleted." in post(ada, url(project, "delete/"), confirm="Strays")
    for page in ("", "images/", "settings/", "delete/"):
        assert ada.get(url(project, page)).status_code == 404
    assert ada.post(url(project, "delete/"), {"confirm": "Strays"}).status_code == 404
    ended = browser_of("wren").get(f"/work/{project.public_id}/set/")
    assert (ended.status_code, "Find your pay under Earnings" in text_of(ended)) == (410, True)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CLIENT])
def test_only_managers_change_the_life_of_a_project(role: Role, project: Project) -> None:
    Membership.objects.create(organisation=project.organisation, actor=factories.a_user("rhea").actor, role=role)
    rhea = browser_of("rhea")
    for page in ("rename/", "state/", "delete/"):
        assert rhea.post(url(project, page), {"confirm": "Strays", "step": "archive"}).status_code == 403
    assert not Project.objects.exclude(archived_at=None, deleted_at=None).exists()


def test_owners_rename_the_organization(ada: Client, project: Project) -> None:
    address = f"/settings/team/{project.organisation.public_id}/"
    assert "Aviary of Ghent team" in post(ada, address, name=" Aviary  of Ghent ")
    assert "An organization needs a name" in post(ada, address, name="")
    mara = factories.a_user("mara").actor
    Membership.objects.create(organisation=project.organisation, actor=mara, role=Role.MANAGER)
    assert browser_of("mara").post(address, {"name": "Mine"}).status_code == 404
    assert Organisation.objects.get().name == "Aviary of Ghent"


def test_service_accounts_are_shown_as_such_and_removed(ada: Client, project: Project) -> None:
    token, _ = create_service_account(organisation=project.organisation, name="nightly", role=Role.MANAGER, days=30)
    page = ada.get("/settings/")
    assert "nightly" in text_of(page)
    assert "Service account" in text_of(page)
    assert "service.invalid" not in page.content.decode()
    member = f"/settings/team/{project.organisation.public_id}/{token.actor.public_id}/"
    assert "cannot own an organization" in post(ada, member, step="role", role="owner")
    assert "nightly is removed." in post(ada, member, step="remove")
    token.refresh_from_db()
    assert token.revoked_at is not None


@pytest.mark.parametrize("page", ["/me/", "/me/delete/", "/projects/", "/settings/", "/account/email/", "/nowhere/"])
def test_the_navigation_is_the_same_everywhere(page: str, ada: Client) -> None:
    assert navigation(ada.get(page)) == ["Projects", "Payouts", "Settings"]
    assert navigation(browser_of("wren").get(page)) == ["Work", "Questions", "Standing", "Earnings"]


def test_who_works_and_manages_gets_all_of_it(ada: Client, project: Project) -> None:
    factories.admitted(factories.a_project("Owls"), factories.ada())
    expected = ["Projects", "Payouts", "Work", "Questions", "Standing", "Earnings", "Settings"]
    for page in ("/me/", "/projects/", url(project), "/work/", "/work/earnings/"):
        assert navigation(ada.get(page)) == expected, page


def navigation(response: Any) -> list[str]:
    found = re.search(r'<nav class="topnav".*?</nav>', response.content.decode(), re.DOTALL)
    return re.findall(r"<a [^>]*>([^<]+)</a>", found.group()) if found else []


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_a_link_that_only_this_computer_can_open_says_so(
    address: str, ada: Client, project: Project, settings: Any
) -> None:
    settings.ANNOTARY_BASE_URL = address
    page = ada.post(url(project, "workers/invite/"), {"days": "7", "max_uses": "5"}, follow=True)
    assert "Only this computer can open the link" in text_of(page)
    assert "python3 manage.py up --host 0.0.0.0" in text_of(page)
    assert 'class="qr"' not in page.content.decode()


def test_a_link_of_a_public_address_has_a_code(ada: Client, project: Project, settings: Any) -> None:
    settings.ANNOTARY_BASE_URL = "https://label.example.org"
    page = ada.post(url(project, "workers/invite/"), {"days": "7", "max_uses": "5"}, follow=True)
    assert 'class="qr"' in page.content.decode()
    assert "Only this computer" not in text_of(page)


def test_where_mail_goes_to_files_the_reset_of_a_password_says_so(settings: Any, tmp_path: Any) -> None:
    assert "manage.py" not in text_of(Client().get("/account/password/reset/"))
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    for page in ("/account/password/reset/", "/account/password/reset/done/"):
        words = text_of(Client().get(page))
        assert "This installation sends no mail" in words
        assert "python3 manage.py set_password EMAIL" in words
    assert "in a few minutes" not in words
