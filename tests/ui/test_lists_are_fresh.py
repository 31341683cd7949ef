"""No list is older than what was saved: after a save on its page, by "back", and from the back-forward cache."""

import re

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from projects.models import Project
from tests import factories
from tests.ui.live import People, a_scene_image, scene_tasks
from tests.ui.test_manage_review_desk import answered, open_review

in_a_browser = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = ("", "images/", "checks/", "workers/", "review/", "review/changes/", "quality/", "what-if/", "releases/")


def open_checks(people: People, project: Project) -> Page:
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/checks/")
    page.wait_for_selector(".annotator canvas")
    expect(page.locator(".annotator-message")).to_be_hidden()
    page.wait_for_selector("html:not([data-quiet])")
    return page


class TestInABrowser:
    pytestmark = in_a_browser

    def test_a_check_image_is_listed_as_soon_as_it_is_saved(self, people: People) -> None:
        project = factories.a_project("Strays", tools=("box",), state="draft")
        scene_tasks(project, 3)
        page = open_checks(people, project)
        expect(page.get_by_text("None yet.")).to_be_visible()
        page.locator(".annotator").focus()
        page.keyboard.press("e")
        expect(page.locator(".image-grid li")).to_have_count(1)
        expect(page.get_by_text("1 in use")).to_be_visible()

    def test_the_lists_of_a_review_count_what_was_decided(self, people: People) -> None:
        project = factories.a_project("Strays", classes=("cat", "dog"))
        for number in range(3):
            answered(project, number, factories.class_answer(1), 0.6 + number / 10)
        page = open_review(people, project)
        lists = page.get_by_role("group", name="Filter labels")
        page.keyboard.press("a")
        expect(lists).to_have_text(re.compile(r"To review\s*2\s*Not selected\s*0\s*Approved\s*1\s*Rejected\s*0"))
        page.wait_for_selector("html:not([data-quiet])")
        page.keyboard.press("r")
        page.get_by_label("Reason").fill("Too wide.")
        page.keyboard.press("Enter")
        expect(lists).to_have_text(re.compile(r"To review\s*1\s*Not selected\s*0\s*Approved\s*1\s*Rejected\s*1"))

    def test_back_shows_what_was_saved_in_between(self, people: People) -> None:
        project = factories.a_project("Strays")
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/checks/")
        expect(page.get_by_text("None yet.")).to_be_visible()
        page.get_by_role("link", name="Workers").click()
        factories.a_gold(project, image=a_scene_image(project, 1))
        page.go_back()
        expect(page.locator(".image-grid li")).to_have_count(1)

    def test_a_page_from_the_back_forward_cache_is_loaded_again(self, people: People) -> None:
        project = factories.a_project("Strays")
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/checks/")
        factories.a_gold(project, image=a_scene_image(project, 1))
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        expect(page.locator(".image-grid li")).to_have_count(1)

    def test_what_was_typed_is_kept(self, people: People) -> None:
        page = people.signed_in(factories.ada())
        page.goto("/projects/new/")
        page.get_by_label("Name", exact=True).fill("Birds")
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        page.wait_for_timeout(500)
        expect(page.get_by_label("Name", exact=True)).to_have_value("Birds")


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_browsers_do_not_store_a_projects_pages(page: str) -> None:
    client = Client()
    client.force_login(factories.ada().user)
    address = f"/projects/{factories.a_project('Strays').public_id}/{page}"
    assert "no-store" in client.get(address)["Cache-Control"]
    assert "no-store" in client.get("/projects/")["Cache-Control"]
