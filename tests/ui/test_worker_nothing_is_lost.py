"""Going back, going offline, reloading, two tabs: no answer is lost and none counts twice."""

import re

import pytest
from playwright.sync_api import Page, expect

from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tests import factories
from tests.ui.live import People, current_bodies, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser


def a_set(people: People, *, tool: str = "class", size: int = 3) -> SetPage:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, tools=(tool,), hand_size=size)
    scene_tasks(project, size)
    return SetPage(people.signed_in(wren), project).take()


def all_sent(page: Page) -> None:
    expect(page.locator(".sync-line")).to_have_text("All sent")


def test_an_answer_is_corrected_by_going_back(people: People) -> None:
    page = a_set(people)
    page.press("1")
    page.at_image(2, 3)
    page.press("b")
    page.at_image(1, 3)
    expect(page.page.get_by_text("Your answer: cat")).to_be_visible()
    page.press("2")
    page.at_image(2, 3)
    page.press("1")
    page.at_image(3, 3)
    page.press("1")
    assert page.overview() == ["1 dog", "2 cat", "3 cat"]
    all_sent(page.page)
    assert [body["image"]["class"] for body in current_bodies(page.project)] == [2, 1, 1]
    assert Annotation.objects.filter(project=page.project).count() == 4


def test_an_answer_is_corrected_from_the_overview_and_returns_to_it(people: People) -> None:
    page = a_set(people, size=2)
    page.press("1")
    page.at_image(2, 2)
    page.press("1")
    page.overview()
    page.page.locator(".thumb").first.click()
    page.at_image(1, 2)
    page.press("2")
    assert page.overview() == ["1 dog", "2 cat"]


def test_answers_given_offline_are_sent_when_the_connection_is_back(people: People) -> None:
    page = a_set(people)
    page.page.wait_for_load_state("networkidle")
    page.page.context.set_offline(True)
    for number in (1, 2, 3):
        page.at_image(number, 3)
        page.press("1")
    page.overview()
    line = page.page.locator(".sync-line")
    expect(line).to_have_text("Saved on this device, sends when you are online (3)")
    page.page.get_by_role("button", name="Submit 3 answers").click()
    expect(page.page.get_by_text("You are offline. 3 answers are saved on this device")).to_be_visible()
    assert current_bodies(page.project) == []
    page.page.context.set_offline(False)
    page.earned()
    assert len(current_bodies(page.project)) == 3
    assert Annotation.objects.filter(project=page.project).count() == 3


def test_ten_answers_that_waited_are_sent_in_one_request(people: People) -> None:
    page = a_set(people, size=10)
    received: list[str] = []
    page.page.on("response", lambda response: received.append(response.url) if "/answer" in response.url else None)
    # Images still load: only the next few are there when a device is offline.
    page.page.route(re.compile(r"/answers?/$"), lambda route: route.abort())
    for number in range(1, 11):
        page.at_image(number, 10)
        page.press("1")
    page.overview()
    expect(page.page.locator(".sync-line")).to_have_text("Saved on this device, sends when you are online (10)")
    assert current_bodies(page.project) == []
    page.page.unroute(re.compile(r"/answers?/$"))
    page.page.evaluate("window.dispatchEvent(new Event('online'))")
    all_sent(page.page)
    assert [url.partition("/api/v1/")[2].partition("/")[0] for url in received] == ["hands"]
    assert len(current_bodies(page.project)) == 10
    assert Annotation.objects.filter(project=page.project).count() == 10


def test_a_reload_in_the_middle_keeps_answers_and_drawings(people: People) -> None:
    page = a_set(people, tool="box")
    page.draw()
    page.press("Enter")
    page.at_image(2, 3)
    page.draw()
    drawn = page.boxes()
    all_sent(page.page)
    page.page.reload()
    page.at_image(2, 3)
    assert page.boxes() == drawn
    page.press("b")
    page.at_image(1, 3)
    assert len(page.boxes()) == 1
    assert len(current_bodies(page.project)) == 1


def test_a_reload_while_offline_keeps_unsent_answers(people: People) -> None:
    page = a_set(people)
    page.page.route("**/answer/", lambda route: route.abort())
    page.press("2")
    page.at_image(2, 3)
    page.page.reload()
    page.at_image(2, 3)
    assert current_bodies(page.project) == []
    page.page.unroute("**/answer/")
    page.page.evaluate("dispatchEvent(new Event('online'))")
    all_sent(page.page)
    assert [body["image"]["class"] for body in current_bodies(page.project)] == [2]


def test_two_tabs_work_on_one_set_without_loss(people: People) -> None:
    page = a_set(people)
    other = SetPage(people.page_of(page.page.context), page.project).open()
    page.press("1")
    page.at_image(2, 3)
    all_sent(page.page)
    other.at_image(1, 3)
    other.page.get_by_role("button", name=re.compile("^I cannot tell")).click()
    other.at_image(2, 3)
    all_sent(other.page)
    page.press("1")
    page.at_image(3, 3)
    page.press("1")
    all_sent(page.page)
    other.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(other.page.locator("progress")).to_have_attribute("value", "3")
    other.press("o")
    assert other.overview() == ["1 You could not tell", "2 cat", "3 cat"]
    other.hand_in(3)
    page.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.page.get_by_text("This set is submitted, and its answers are final.")).to_be_visible()
    states = Assignment.objects.filter(project=page.project).values_list("state", flat=True)
    assert set(states) == {"submitted"}
    assert len(current_bodies(page.project)) == 3


def test_an_answer_that_is_refused_says_so_and_can_be_given_again(people: People) -> None:
    page = a_set(people, size=2)
    problem = '{"title": "Refused", "detail": "This answer does not fit what the project asks for."}'
    page.page.route("**/answer/", lambda route: route.fulfill(status=422, body=problem))
    page.press("1")
    expect(page.page.get_by_text("Image 1: This answer does not fit what the project asks for.")).to_be_visible()
    page.page.unroute("**/answer/")
    page.ready()
    page.press("b")
    page.at_image(1, 2)
    expect(page.page.get_by_text("Your last answer was not accepted. Answer again.")).to_be_visible()
    page.press("1")
    page.at_image(2, 2)
    all_sent(page.page)
    expect(page.page.get_by_text("Image 1:")).to_be_hidden()
    assert len(current_bodies(page.project)) == 1
