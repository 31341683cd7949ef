"""“Start working”: a set of whichever project needs it most; and limits as states of the worker's pages."""

import re
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from accounts.models import Actor, Organisation
from projects.models import Project
from tasks.assignment.models import Hand
from tests import factories, worker_actions
from tests.ui.live import PHONE, People, scene_tasks
from tests.ui.sets import SetPage

NAMES = ("Strays", "Signs", "Cups")


def three_projects(wren: Actor) -> dict[str, Project]:
    """Three projects with images; *Signs* comes first by its priority."""
    found = {}
    for name in NAMES:
        found[name] = factories.a_project(
            name, workers=[wren], gold_rate=0, hand_size=2, priority=5 if name == "Signs" else 0
        )
        scene_tasks(found[name], 2)
    return found


@pytest.mark.browser
def test_start_working_on_a_phone_takes_the_set_that_is_needed_most(people: People) -> None:
    wren = factories.wren()
    projects = three_projects(wren)
    page = people.signed_in(wren, **PHONE)
    page.goto("/work/")
    expect(page.get_by_text("We choose the project that needs you most.")).to_be_visible()
    button = page.get_by_role("button", name="Start working")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] < page.get_by_role("heading", name="Cups").bounding_box()["y"]  # type: ignore[index]
    button.tap()
    SetPage(page, projects["Signs"]).ready()
    page.goto("/work/")
    expect(page.get_by_text("You have a set in progress, so we open it first.")).to_be_visible()
    page.get_by_role("button", name="Start working").tap()
    SetPage(page, projects["Signs"]).ready()
    assert Hand.objects.get().project == projects["Signs"]


@pytest.mark.browser
def test_start_working_with_the_keyboard_goes_from_project_to_project(people: People) -> None:
    wren = factories.wren()
    projects = three_projects(wren)
    page = people.signed_in(wren)
    for expected in ({"Signs"}, {"Strays", "Cups"}):
        page.goto("/work/")
        page.keyboard.press("Tab")
        for _ in range(20):
            if page.evaluate("document.activeElement.textContent").strip() == "Start working":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/set/$"))
        hand = Hand.objects.get(state="live")
        assert hand.project.name in expected
        SetPage(page, projects[hand.project.name]).ready()
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)


@pytest.mark.django_db
class TestStates:
    @pytest.fixture
    def wren(self, client: Client) -> Actor:
        client.force_login(factories.a_user("wren"))
        return factories.wren()

    def text(self, response: Any) -> str:
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode().split("<body", 1)[1]))

    def a_project(self, wren: Actor, name: str = "Strays", **policy: Any) -> Project:
        project = factories.a_project(name, workers=[wren], gold_rate=0, hand_size=2, **policy)
        factories.some_tasks(project, 10)
        return project

    def work_a_set(self, wren: Actor, project: Project) -> None:
        hand = worker_actions.take(wren, project)
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)

    def test_without_images_the_page_says_so(self, client: Client, wren: Actor) -> None:
        factories.a_project("Strays", workers=[wren])
        words = self.text(client.post("/work/start/", follow=True))
        assert "No images are waiting for you in any project right now." in words

    def test_signing_in_again_leads_to_the_projects(self, client: Client, wren: Actor) -> None:
        assert client.get("/work/start/")["Location"] == "/work/"

    def test_a_day_that_is_used_up_is_a_state_and_not_an_error(self, client: Client, wren: Actor) -> None:
        project = self.a_project(wren, images_per_day=3)
        assert "3 images left for you today" in self.text(client.get("/work/"))
        self.work_a_set(wren, project)
        words = self.text(client.get(f"/work/{project.public_id}/"))
        assert "1 image left for you today." in words
        assert "Take 1 image" in words
        self.work_a_set(wren, project)
        for response in (client.post(f"/work/{project.public_id}/set/", follow=True), client.get("/work/")):
            assert response.status_code == 200
            words = self.text(response)
            assert "That is all for today" in words
            assert "You have had today's 3 images in this project. More tomorrow at 00:00 UTC." in words.replace(
                "&#x27;", "'"
            )
        assert "None of your projects has work for you right now." in words
        assert "Start working" not in words

    def test_images_that_were_given_back_can_be_taken_at_the_limit(self, client: Client, wren: Actor) -> None:
        project = self.a_project(wren, images_per_day=2)
        worker_actions.settle(worker_actions.take(wren, project))
        assert "Take the images you gave back" in self.text(client.get(f"/work/{project.public_id}/"))
        assert client.post(f"/work/{project.public_id}/set/")["Location"].endswith("/set/")

    def test_the_handed_in_page_says_that_the_share_is_done(self, client: Client, wren: Actor) -> None:
        project = self.a_project(wren, share_per_worker=0.2)
        hand = worker_actions.take(wren, project)
        worker_actions.answer_all(hand)
        response = client.post(f"/work/{project.public_id}/set/hand-in/", {"hand": hand.public_id}, follow=True)
        assert "You have done your share" in self.text(response)

    def test_a_set_in_progress_elsewhere_is_named_as_the_reason(self, client: Client, wren: Actor) -> None:
        Organisation.objects.filter(pk=factories.an_organisation().pk).update(live_sets=1)
        first, second = self.a_project(wren), self.a_project(wren, "Signs")
        worker_actions.take(wren, first)
        words = self.text(client.post(f"/work/{second.public_id}/set/", follow=True))
        assert "Finish a set first" in words
        assert "You have 1 set that is not finished. Finish or give it back first." in words
        assert client.post("/work/start/")["Location"] == f"/work/{first.public_id}/set/"
