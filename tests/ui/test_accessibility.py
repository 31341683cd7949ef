"""Every page passes the rules of axe-core: empty, full and with errors, on a phone and a desktop, light and dark."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from projects.models import Project
from tasks.questions.services import answer_question, ask
from tests import factories
from tests.ui.live import People, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.sheet_site import Site
from tests.ui.test_manage_review_desk import answered

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
CLASSES = tuple("abcdefghijklmn")
#: What axe-core reports of a page: the rule, and the first element that breaks it.
RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map(({id, nodes}) => [id, nodes.length, nodes[0].html.slice(0, 200)]);
}"""


@cache
def rules() -> str:
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, name: str, scheme: Literal["light", "dark"] = "light") -> list[str]:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_timeout(100)
    page.evaluate(rules())
    return [f"{name}, {scheme}: {json.dumps(each)}" for each in page.evaluate(RUN)]


def both(page: Page, url: str) -> list[str]:
    """Return the violations on a phone in light and on a desktop in dark, which have everything between them."""
    page.set_viewport_size(PHONE["viewport"])
    page.emulate_media(color_scheme="light")
    page.goto(url)
    page.wait_for_load_state("networkidle")
    found = violations(page, f"{url}, phone")
    page.set_viewport_size(DESK["viewport"])
    return found + violations(page, f"{url}, desktop", "dark")


@pytest.mark.parametrize("path", ["/sheet", "/studio", "/404"])
def test_components(desk: Page, site: Site, path: str) -> None:
    assert both(desk, site.url + path) == []


def test_pages_without_a_session(people: People) -> None:
    page = people.visitor(**DESK)
    paths = ("/account/login/", "/account/password/reset/", "/account/signup/", "/join/nothing/", "/api/v1/docs/")
    assert [each for path in paths for each in both(page, path)] == []


def test_pages_of_a_worker(people: People) -> None:
    wren = factories.wren()
    page = people.signed_in(wren, **DESK)
    found = both(page, "/work/")
    project = factories.a_project("Zoo", workers=[wren], gold_rate=0, tools=("class", "box"), classes=CLASSES)
    scene_tasks(project, 3)
    answer = factories.an_answer(factories.a_task(project), wren, factories.class_answer(1))
    assert answer.assignment is not None
    thread = ask(worker=wren, assignment_id=answer.assignment.public_id, text="Is it?")
    answer_question(by=factories.ada(), project=project, public_id=thread.public_id, text="Yes.", messages=1)
    paths = ("/work/", f"/work/{project.public_id}/", "/work/earnings/", "/work/questions/", "/notices/", "/me/")
    assert found + [each for path in paths for each in both(page, path)] == []


@pytest.mark.parametrize("tools", [("class",), ("box",), ("class", "box")], ids="+".join)
def test_a_set(people: People, tools: tuple[str, ...]) -> None:
    wren = factories.wren()
    project = factories.a_project("Zoo", workers=[wren], gold_rate=0, tools=tools, classes=CLASSES)
    scene_tasks(project, 3)
    page = SetPage(people.signed_in(wren, **PHONE), project).take()
    if "box" in tools:
        page.draw()
    found = violations(page.page, "set")
    page.page.set_viewport_size(DESK["viewport"])
    found += violations(page.page, "set, desktop")
    page.press("o")
    page.overview()
    found += violations(page.page, "overview of the set")
    page.press("o")
    page.press("q")
    found += violations(page.page, "question")
    page.press("Escape")
    page.page.get_by_role("button", name="Instructions and shortcuts").click()
    found += violations(page.page, "instructions")
    assert found == []


def a_full_project() -> Project:
    project = factories.a_project(
        "Strays", classes=("cat", "dog"), workers=[factories.wren(), factories.finch()], tools=("class", "box")
    )
    box = {"id": "a", "class": 1, "tool": "box", "geom": {"x": 20, "y": 20, "w": 90, "h": 60}, "attrs": {}}
    body = {"image": {"class": 1, "tags": [], "attrs": {}}, "objects": [box], "verdict": "labels"}
    for index in range(3):
        answered(project, index, body, 0.6 + index / 10)
    first, _ = scene_tasks(project, 2)
    asked = factories.an_answer(first, factories.wren(), body).assignment
    assert asked is not None
    ask(worker=factories.wren(), assignment_id=asked.public_id, text="Is it?")
    return project


@pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
def test_pages_of_a_manager(people: People, full: bool) -> None:
    ada = factories.ada()
    project = a_full_project() if full else factories.a_project("Empty", state="draft")
    page = people.signed_in(ada, **DESK)
    # The tests' server has no websockets.
    page.route_web_socket("**/ws/**", lambda socket: None)
    parts = (
        *("", "images/", "review/", "review/changes/", "checks/", "quality/", "what-if/", "releases/"),
        *("workers/", "settings/", "questions/"),
    )
    paths = [f"/projects/{project.public_id}/{part}" for part in parts]
    paths += [f"/projects/{project.public_id}/tasks/{task.public_id}/" for task in project.tasks.order_by("pk")[:1]]
    assert [each for path in [*paths, "/projects/", "/settings/"] for each in both(page, path)] == []


def test_a_form_with_errors(people: People) -> None:
    page = people.signed_in(factories.ada(), **DESK)
    page.goto("/projects/new/")
    found = violations(page, "new project")
    page.locator("form").last.evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
    page.wait_for_selector(".errorlist")
    assert found + violations(page, "new project with errors") == []
