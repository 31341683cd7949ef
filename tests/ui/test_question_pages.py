"""Questions about images in the browser: asked in the set, answered by the team, read by the worker."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Actor
from projects.models import Instructions, Project
from tasks.assignment.models import Assignment
from tasks.questions.models import ImageThread, ThreadMessage
from tasks.questions.services import answer_question, ask
from tests import factories
from tests.rejected import a_reviewer
from tests.ui.live import DESK, PHONE, People, a_scene_image, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.test_worker_touch import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ASKED = "Does a cat behind glass count?"
ANSWER = "Yes. Label what you can see of it, also through glass."


@pytest.fixture
def project() -> Project:
    return factories.a_project(
        "Strays", workers=[factories.wren(), factories.finch()], gold_rate=0, classes=("cat", "dog"), hand_size=3
    )


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page for somebody to look at, if a folder is named."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def a_set(people: People, project: Project, worker: Actor, **screen: object) -> SetPage:
    return SetPage(people.signed_in(worker, **screen), project).take()


def questions_page(people: People, actor: Actor, project: Project, **screen: object) -> Page:
    page = people.signed_in(actor, **screen)
    page.goto(f"/projects/{project.public_id}/questions/")
    return page


def test_a_question_is_asked_and_answered_by_keyboard_without_leaving_the_image(
    people: People, project: Project
) -> None:
    scene_tasks(project, 3)
    work = a_set(people, project, factories.wren())
    page, sheet = work.page, work.page.locator(".ask-sheet")
    work.press("q")
    expect(sheet).to_be_visible()
    work.press("Control+Enter")
    expect(sheet.get_by_role("alert")).to_have_text("Write your question first.")
    page.keyboard.type(ASKED)
    shot(page, "ask-desk")
    work.press("Control+Enter")
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("button", name="Asked")).to_be_visible()
    work.at_image(1, 3)

    team = questions_page(people, a_reviewer(), project)
    expect(team.get_by_text(ASKED)).to_be_visible()
    expect(team.get_by_text("Make a rule of it")).to_be_hidden()
    team.get_by_label("Your answer").focus()
    team.keyboard.type(ANSWER)
    shot(team, "questions-desk")
    team.keyboard.press("Tab")
    team.keyboard.press("Enter")
    expect(team.get_by_text("No questions to answer")).to_be_visible()

    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.get_by_role("button", name="Answered")).to_be_visible()
    work.press("q")
    expect(sheet.get_by_text(ANSWER)).to_be_visible()
    work.press("Escape", "1")
    work.at_image(2, 3)
    expect(page.get_by_role("button", name="Ask", exact=False).filter(has_text="Ask")).to_be_visible()
    page.goto("/work/questions/")
    expect(page.get_by_text(ANSWER)).to_be_visible()
    expect(page.get_by_text("Project team", exact=True)).to_be_visible()
    shot(page, "my-questions-desk")


def test_what_cannot_be_sent_is_kept_and_sent_later(people: People, project: Project) -> None:
    scene_tasks(project, 3)
    work = a_set(people, project, factories.wren(), **PHONE)
    page, sheet = work.page, work.page.locator(".ask-sheet")
    page.get_by_role("button", name="Ask").tap()
    sheet.get_by_label("Your question").fill(ASKED)
    page.context.set_offline(True)
    sheet.get_by_role("button", name="Send").tap()
    expect(sheet.get_by_role("alert")).to_contain_text("This was not sent")
    shot(page, "ask-offline-phone")
    assert not ImageThread.objects.exists()
    page.context.set_offline(False)
    page.reload()
    work.ready()
    page.get_by_role("button", name="Ask").tap()
    expect(sheet.get_by_label("Your question")).to_have_value(ASKED)
    expect(sheet.get_by_role("alert")).to_contain_text("Not sent yet")
    assert overflow(page) == 0
    sheet.get_by_role("button", name="Send").tap()
    expect(sheet).to_be_hidden()
    assert ThreadMessage.objects.get().body == ASKED
    page.get_by_role("button", name="Asked").tap()
    expect(sheet.get_by_label("Your question")).to_have_value("")
    expect(sheet.locator(".thread")).to_contain_text(ASKED)
    shot(page, "asked-phone")


def test_a_refusal_says_why_and_keeps_the_text(people: People, project: Project) -> None:
    scene_tasks(project, 3)
    work = a_set(people, project, factories.wren())
    lease = Assignment.objects.filter(worker=factories.wren()).first()
    assert lease is not None
    for number in range(20):
        ask(worker=factories.wren(), assignment_id=lease.public_id, text=f"Question {number}?")
    work.press("q")
    work.page.keyboard.type("One more?")
    work.press("Control+Enter")
    alert = work.page.locator(".ask-sheet").get_by_role("alert")
    expect(alert).to_contain_text("as many questions in this project as one day allows")
    expect(work.page.get_by_label("Your question")).to_have_value("One more?")


def asked_about(project: Project, *, is_gold: bool, text: str = ASKED, worker: Actor | None = None) -> ImageThread:
    """A question about an image with pixels, work or gold."""
    worker = worker or factories.wren()
    number = ImageThread.objects.count()
    task = factories.a_task(project, image=a_scene_image(project, number), wanted=1)
    answer = factories.an_answer(task, worker, factories.class_answer(1), counts=not is_gold)
    assert answer.assignment is not None
    if is_gold:
        gold = factories.a_gold(project, image=task.image, accepted=[factories.class_answer(1)])
        Assignment.objects.filter(pk=answer.assignment.pk).update(task=None, gold=gold)
    return ask(worker=worker, assignment_id=answer.assignment.public_id, text=text)


def test_a_manager_makes_a_rule_and_marks_a_question(people: People, project: Project) -> None:
    asked_about(project, is_gold=True)
    asked_about(project, is_gold=False, text="<b>Which</b>\nside?", worker=factories.finch())
    page = questions_page(people, factories.ada(), project)
    expect(page.get_by_text("Check image", exact=True)).to_have_count(1)
    expect(page.get_by_text("<b>Which</b>")).to_be_visible()
    first = page.locator(".question-list > li").first
    first.get_by_label("Your answer").fill("It is a check image.")
    first.get_by_role("button", name="Answer", exact=True).click()
    expect(first.get_by_role("alert")).to_contain_text("must not learn which images are check images")
    expect(first.get_by_label("Your answer")).to_have_value("It is a check image.")
    first.get_by_label("Your answer").fill(ANSWER)
    first.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text("Answered.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Mark as answered").click()
    expect(page.get_by_text("No questions to answer")).to_be_visible()
    page.get_by_role("link", name="Answered").click()
    rule = page.locator(".question-list > li").filter(has_text=ANSWER)
    rule.get_by_text("Make a rule of it").click()
    expect(rule.get_by_label("Rule")).to_have_value(ANSWER)
    shot(page, "rule-desk")
    rule.get_by_label("Rule").fill("Animals behind glass count.")
    rule.get_by_role("button", name="Add to the instructions").click()
    expect(page.get_by_text("Made a rule")).to_be_visible()
    assert Instructions.objects.latest("version").body == "Look closely.\n\nAnimals behind glass count."

    worker = people.signed_in(factories.wren())
    worker.goto("/work/questions/")
    worker.get_by_role("link", name="read the new instructions").click()
    expect(worker.get_by_text("Animals behind glass count.")).to_be_visible()
    worker.goto("/work/questions/")
    expect(worker.get_by_text("check image", exact=False)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_the_lists_fit_the_screen(people: People, project: Project, screen: dict[str, object], scheme: str) -> None:
    for number in range(3):
        text = (
            "A very long word " + "x" * 300 if number == 1 else f"{ASKED} It is the {number + 1}. time that I see one."
        )
        thread = asked_about(project, is_gold=number == 0, text=text)
        if number == 2:
            answer_question(by=factories.ada(), project=project, public_id=thread.public_id, text=ANSWER, messages=1)
    name = "phone" if screen is PHONE else "desk"
    for actor, path in (
        (factories.ada(), f"/projects/{project.public_id}/questions/"),
        (factories.wren(), "/work/questions/"),
    ):
        page = people.signed_in(actor, **screen, color_scheme=scheme)
        page.goto(path)
        expect(page.locator(".question-list > li")).to_have_count(2 if actor == factories.ada() else 3)
        assert overflow(page) <= 0
        page.wait_for_load_state("networkidle")
        shot(page, f"{'team' if actor == factories.ada() else 'mine'}-{name}-{scheme}")
