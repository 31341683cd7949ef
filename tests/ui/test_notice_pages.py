"""The bell, the list of notices and the choice of mails, of workers and managers, by keyboard and on a phone."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tasks.notices.models import Notice
from tasks.notices.services import write_notices
from tests import factories
from tests.ui.live import DESK, PHONE, People, scene_tasks
from tests.ui.test_worker_touch import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Kind = Notice.Kind


@pytest.fixture
def project() -> Project:
    project = factories.a_project("Strays", workers=[factories.wren()])
    scene_tasks(project, 2)
    return project


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page for somebody to look at, if a folder is named."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def tell(project: Project, kind: str, key: str = "k", **data: str) -> None:
    people = [factories.wren().pk, factories.ada().pk]
    write_notices(kind=kind, project=project, recipients=people, key=f"{kind} {key}", data=data)


def test_a_worker_opens_a_notice_by_keyboard(people: People, project: Project) -> None:
    tell(project, Kind.WORK_OPENED)
    tell(project, Kind.MONEY_PAID, amount="12.40", currency="USD")
    page = people.signed_in(factories.wren())
    page.goto("/work/")
    bell = page.get_by_role("link", name="Notices: 2 new")
    bell.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()
    page.get_by_role("link", name="There is new work in Strays.").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Strays")).to_be_visible()
    expect(page.get_by_role("link", name="Notices: 1 new")).to_be_visible()
    page.goto("/notices/")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_role("link", name="Notices", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Mark all as read")).to_be_hidden()
    assert not Notice.objects.filter(recipient=factories.wren(), read_at=None).exists()
    assert Notice.objects.filter(recipient=factories.ada(), read_at=None).count() == 2


def test_mails_are_chosen_by_kind(people: People, project: Project) -> None:
    page = people.signed_in(factories.wren(), **PHONE)
    page.goto("/me/")
    expect(page.get_by_label("A worker asked something")).to_be_hidden()
    expect(page.get_by_label("Money was paid")).to_have_value("daily")
    page.get_by_label("Money was paid").select_option("At once")
    page.get_by_label("New work in a project of mine").select_option("Never")
    shot(page, "mail-phone")
    assert overflow(page) <= 0
    page.locator("#mail").get_by_role("button", name="Save").tap()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Money was paid")).to_have_value("once")
    tell(project, Kind.WORK_OPENED)
    assert Notice.objects.get(recipient=factories.wren()).mail_at is None
    manager = people.signed_in(factories.ada())
    manager.goto("/me/")
    expect(manager.get_by_label("A worker asked something")).to_have_value("daily")
    expect(manager.get_by_label("Money was paid")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_the_list_fits_the_screen(people: People, project: Project, screen: dict[str, object], scheme: str) -> None:
    name = "phone" if screen is PHONE else "desk"
    for actor in (factories.wren(), factories.ada()):
        page = people.signed_in(actor, **screen, color_scheme=scheme)
        page.goto("/notices/")
        expect(page.get_by_text("No notices")).to_be_visible()
    for number in range(120):
        tell(project, Kind.QUESTION_ANSWERED, str(number))
    tell(project, Kind.MONEY_APPROVED, amount="1204.5", currency="USD")
    for actor in (factories.wren(), factories.ada()):
        page = people.signed_in(actor, **screen, color_scheme=scheme)
        page.goto("/notices/")
        expect(page.locator(".notice-list li")).to_have_count(40)
        expect(page.locator(".bell b")).to_have_text("9+")
        assert overflow(page) <= 0
        shot(page, f"notices-{'wren' if actor == factories.wren() else 'ada'}-{name}-{scheme}")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newer")).to_be_visible()
