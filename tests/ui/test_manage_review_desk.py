"""Review by keyboard: step through, approve, fix, reject, and what happens when someone else decides first."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.review.models import Review
from tasks.review.services import approve_label, fix_label
from tests import factories
from tests.ui.live import PHONE, People, a_scene_image

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def answered(project: Project, index: int, body: dict[str, Any], confidence: float) -> Task:
    """A task with an agreed label to review."""
    task = factories.a_task(project, image=a_scene_image(project, index))
    ConsensusLabel.objects.create(
        project=project,
        task=task,
        version=1,
        body=body,
        content_hash=content_hash(Answer.from_json(body)),
        method="majority",
        confidence=confidence,
        evidence={"n": 3, "answers": [], "round": 1, "method": "majority"},
    )
    Task.objects.filter(pk=task.pk).update(state=Task.State.ANSWERED)
    return Task.objects.get(pk=task.pk)


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


def open_review(people: People, project: Project, **screen: Any) -> Page:
    page = people.signed_in(factories.ada(), **screen)
    page.goto(f"/projects/{project.public_id}/review/")
    page.wait_for_selector(".annotator canvas")
    expect(page.locator(".evidence li").first).to_be_visible()
    return page


@pytest.fixture
def cats(people: People) -> tuple[Project, list[Task]]:
    """Three labels, each with one class, lowest confidence first."""
    project = factories.a_project("Strays", classes=("cat", "dog", "fox"))
    return project, [answered(project, n, factories.class_answer(1 + n % 2), 0.6 + n / 10) for n in range(3)]


def test_labels_are_reviewed_lowest_confidence_first_and_approved_by_key(
    people: People, cats: tuple[Project, list[Task]]
) -> None:
    project, tasks = cats
    page = open_review(people, project)
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("cat")
    expect(page.get_by_text("3 answers, 60% sure, below the project's target of 90%.")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("dog")
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="Approved.")).to_be_visible()
    expect(page.locator("[data-review-count=to_review]")).to_have_text("2")
    verdict = Review.objects.get()
    assert (verdict.task, verdict.verdict, verdict.by_policy) == (tasks[1], "approve", False)


def test_a_class_is_fixed_by_number_key(people: People, cats: tuple[Project, list[Task]]) -> None:
    project, tasks = cats
    page = open_review(people, project)
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Save and approve")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Fixed and approved.")).to_be_visible()
    label = ConsensusLabel.objects.get(task=tasks[0], is_current=True)
    assert (label.body["image"]["class"], label.method) == (3, "review")


def test_a_canceled_fix_changes_nothing(people: People, cats: tuple[Project, list[Task]]) -> None:
    page = open_review(people, cats[0])
    page.keyboard.press("f")
    page.keyboard.press("3")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("cat")
    assert not Review.objects.exists()


def test_a_rejection_needs_a_reason(people: People, cats: tuple[Project, list[Task]]) -> None:
    project, tasks = cats
    page = open_review(people, project)
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not Review.objects.exists()
    page.get_by_label("Reason").fill("This is a fox.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Rejected")).to_be_visible()
    verdict = Review.objects.get()
    assert (verdict.task, verdict.verdict, verdict.reason) == (tasks[0], "reject", "This is a fox.")


def test_the_second_reviewer_is_notified_and_continues(people: People, cats: tuple[Project, list[Task]]) -> None:
    project, tasks = cats
    page = open_review(people, project)
    rook = factories.a_user("rook").actor
    approve_label(reviewer=rook, task=tasks[0], label_hash=hash_of(tasks[0]))
    page.keyboard.press("r")
    page.get_by_label("Reason").fill("This is a fox.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Someone else decided first.")).to_be_visible()
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("dog")
    assert Review.objects.get().reviewer == rook


def test_a_changed_label_is_shown_again_before_it_is_decided(people: People, cats: tuple[Project, list[Task]]) -> None:
    project, tasks = cats
    page = open_review(people, project)
    rook = factories.a_user("rook").actor
    fix_label(reviewer=rook, task=tasks[0], label_hash=hash_of(tasks[0]), raw=factories.class_answer(3))
    page.keyboard.press("a")
    expect(page.get_by_text("This label has changed since the list was loaded")).to_be_visible()
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("fox")
    assert Review.objects.get(is_current=True).reviewer == rook


def test_boxes_are_fixed_by_keyboard(people: People) -> None:
    project = factories.a_project("Things", classes=("apple", "cup"), tools=("box",))
    task = answered(project, 0, factories.box_answer((1, 10, 10, 80, 60)), 0.7)
    page = open_review(people, project)
    expect(page.locator("[data-review-desk-target=label]")).to_have_text("1 box: apple")
    page.keyboard.press("f")
    page.keyboard.press("n")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    assert [item["class"] for item in label.body["objects"]] == [1, 2]


def test_a_reviewer_can_work_on_a_phone(people: People, cats: tuple[Project, list[Task]]) -> None:
    project, _ = cats
    rook = factories.a_user("rook").actor
    project.organisation.memberships.create(actor=rook, role=Role.REVIEWER)
    page = people.signed_in(rook, **PHONE)
    page.goto(f"/projects/{project.public_id}/review/")
    page.wait_for_selector(".annotator canvas")
    page.get_by_role("button", name="Approve").tap()
    expect(page.get_by_role("status").filter(has_text="Approved.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0


def test_the_rest_of_a_batch_is_approved_by_policy(people: People, cats: tuple[Project, list[Task]]) -> None:
    project, tasks = cats
    batch = tasks[0].batch
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/review/")
    page.get_by_label("Batch").fill("1")
    page.get_by_label("Batch").press("Enter")
    page.get_by_role("button", name="Approve the rest of batch 1").click()
    expect(page.get_by_role("heading", name="Approve 3 labels without review?")).to_be_visible()
    page.get_by_role("button", name="Approve without review").click()
    expect(page.get_by_text("Batch 1 is approved")).to_be_visible()
    batch.refresh_from_db()
    assert batch.state == "approved"
    assert list(Review.objects.values_list("by_policy", flat=True)) == [True, True, True]
