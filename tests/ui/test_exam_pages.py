"""Exams in the browser: a manager sets one up; a worker practices by touch and takes it by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tasks.qualification.models import Attempt, AttemptItem, Qualification, QualificationGrant, QualificationImage
from tests import factories
from tests.qualifications import a_qualification, an_exam_image, class_of, required
from tests.ui.live import DESK, PHONE, People, a_scene_image, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser


@pytest.fixture
def project() -> Project:
    project = factories.a_project("Strays", workers=[factories.wren()], gold_rate=0, hand_size=2)
    scene_tasks(project, 2)
    return project


def pools(row: Qualification, *, exam: int = 0, practice: int = 0) -> None:
    assert row.project is not None
    for number in range(exam + practice):
        use = "exam" if number < exam else "practice"
        an_exam_image(
            row,
            number % 2 + 1,
            use=use,
            image=a_scene_image(row.project, 10 + number),
            explanation="Cats have pointed ears." if use == "practice" else "",
        )


def current(page: Page, attempt: Attempt) -> AttemptItem:
    """The image that the page shows."""
    position, _, _ = page.locator(".set-position span").first.inner_text().partition(" ")
    return AttemptItem.objects.select_related("source").get(attempt=attempt, position=int(position))


def ready(page: Page) -> None:
    page.wait_for_selector(".set-work .annotator canvas")
    expect(page.locator(".annotator-message")).to_be_hidden()
    page.wait_for_selector("html:not([data-quiet])")


def test_a_worker_is_led_to_the_exam_passes_it_by_keyboard_and_works(people: People, project: Project) -> None:
    row = a_qualification(project, exam=0)
    pools(row, exam=8)
    required(project, row)
    page = people.signed_in(factories.wren(), **DESK)
    page.goto(f"/work/{project.public_id}/")
    expect(page.get_by_role("button", name="Take")).to_have_count(0)
    page.get_by_role("button", name="Cats and dogs").click()
    page.get_by_role("button", name="Start the exam").click()
    ready(page)
    attempt = Attempt.objects.get()
    for number in range(1, 5):
        expect(page.locator(".set-position span").first).to_have_text(f"{number} of 4")
        ready(page)
        page.keyboard.press(str(class_of(current(page, attempt))))
    page.wait_for_selector("html:not([data-quiet]) .set-overview:not([hidden])")
    expect(page.locator(".set-result")).to_be_hidden()
    assert not AttemptItem.objects.filter(correct__isnull=False).exists()
    page.get_by_role("button", name="Submit the exam").click()
    expect(page.get_by_role("heading", name="Passed: 4 of 4 images right")).to_be_visible()
    assert QualificationGrant.objects.filter(worker=factories.wren()).count() == 1
    SetPage(page, project).take()


def test_practice_by_touch_explains_each_answer(people: People, project: Project) -> None:
    row = a_qualification(project, exam=0, practice_images=2)
    pools(row, exam=8, practice=2)
    page = people.signed_in(factories.wren(), **PHONE)
    page.goto(f"/work/qualifications/{row.public_id}/")
    page.get_by_role("button", name="Practice").tap()
    ready(page)
    attempt = Attempt.objects.get()
    item = current(page, attempt)
    right, wrong = [("cat", "dog"), ("dog", "cat")][class_of(item) - 1]
    page.get_by_role("radio", name=wrong).tap()
    expect(page.locator(".set-result b")).to_have_text("Not quite")
    expect(page.locator(".set-result")).to_contain_text(f"The right answer: {right}.")
    expect(page.locator(".set-result")).to_contain_text("Cats have pointed ears.")
    page.wait_for_selector("html:not([data-quiet])")
    page.get_by_role("button", name="Next").tap()
    expect(page.locator(".set-position span").first).to_have_text("2 of 2")
    ready(page)
    page.get_by_role("radio", name=["cat", "dog"][class_of(current(page, attempt)) - 1]).tap()
    expect(page.locator(".set-result b")).to_have_text("Right")
    page.wait_for_selector("html:not([data-quiet])")
    page.get_by_role("button", name="Finish practice").tap()
    expect(page.get_by_role("heading", name="Your last practice: 1 of 2 right")).to_be_visible()


def test_an_exam_goes_on_where_it_was_left_and_a_second_tab_is_the_same(people: People, project: Project) -> None:
    row = a_qualification(project, exam=0)
    pools(row, exam=8)
    page = people.signed_in(factories.wren(), **DESK)
    page.goto(f"/work/qualifications/{row.public_id}/")
    page.get_by_role("button", name="Start the exam").click()
    ready(page)
    page.keyboard.press("1")
    expect(page.locator(".set-position span").first).to_have_text("2 of 4")
    tab = page.context.new_page()
    tab.goto(f"/work/qualifications/{row.public_id}/")
    tab.get_by_role("button", name="Continue the exam").click()
    ready(tab)
    expect(tab.locator(".set-position span").first).to_have_text("2 of 4")
    tab.keyboard.press("o")
    expect(tab.get_by_text("3 images have no answer yet, which counts as wrong.")).to_be_visible()
    tab.wait_for_selector("html:not([data-quiet])")
    tab.get_by_role("button", name="Submit the exam").click()
    expect(tab.get_by_role("heading", name="Not passed")).to_be_visible()
    page.wait_for_selector("html:not([data-quiet])")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Not passed")).to_be_visible()
    assert Attempt.objects.count() == 1


def test_an_answer_that_is_not_sent_stays_on_the_page(people: People, project: Project) -> None:
    row = a_qualification(project, exam=0)
    pools(row, exam=8)
    page = people.signed_in(factories.wren(), **DESK)
    page.goto(f"/work/qualifications/{row.public_id}/")
    page.get_by_role("button", name="Start the exam").click()
    ready(page)
    page.context.set_offline(True)
    page.keyboard.press("1")
    expect(page.locator(".set-hint")).to_contain_text("The connection was lost")
    expect(page.locator(".set-position span").first).to_have_text("1 of 4")
    page.context.set_offline(False)
    page.keyboard.press("1")
    expect(page.locator(".set-position span").first).to_have_text("2 of 4")


def test_a_manager_sets_up_an_exam_and_requires_it(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada(), **DESK)
    page.goto(f"/projects/{project.public_id}/qualifications/")
    page.get_by_label("Name (workers see it)").fill("Cats and dogs")
    page.get_by_label("Exam images").fill("1")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Add 2 exam images to open it")).to_be_visible()
    for number in (1, 2):
        expect(page.locator(".annotator-message")).to_be_hidden()
        page.wait_for_selector("html:not([data-quiet])")
        page.locator(".studio .annotator").focus()
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        expect(page.locator(".image-grid li")).to_have_count(number)
        if number == 2:
            break
    page.reload()
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Workers can take the exam now.")).to_be_visible()
    page.get_by_role("link", name="All qualifications").click()
    page.get_by_role("button", name="Require Cats and dogs").click()
    expect(page.get_by_text("1 active worker cannot take sets until they pass")).to_be_visible()
    assert QualificationImage.objects.count() == 2
