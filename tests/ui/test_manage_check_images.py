"""The page of check images: suspended ones and their answers, how many are needed, promotion of labels."""

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tasks.analytics.project_progress import Need, project_progress
from tasks.assignment.models import Assignment
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow.gold_judgement import suspend_contested_gold
from tasks.gold.models import Gold
from tasks.review.services import approve_label
from tests import factories, worker_actions
from tests.ui.live import PHONE, People, a_scene_image, scene_tasks

pytestmark = pytest.mark.browser

NAMES = ("Wren", "Finch", "Robin")


@pytest.fixture
def project(people: People) -> Project:
    """Three good workers; all of them answered the check image with another class."""
    project = factories.a_project("Strays", gold_rate=0.2, hand_size=4, answers_min=3, answers_max=5)
    scene_tasks(project, 8)
    gold = factories.a_gold(project, image=a_scene_image(project, 9))
    for number in range(2):
        factories.a_gold(project, image=a_scene_image(project, 10 + number), views_wanted=5)
    for name in NAMES:
        worker = factories.a_worker(name.lower())
        factories.admitted(project, worker, gold=(20, 1), images=10)
        hand = worker_actions.take(worker, project)
        free = Assignment.objects.filter(hand=hand, gold__isnull=True)[:1]
        if not Assignment.objects.filter(gold=gold, worker=worker).exists():
            Assignment.objects.filter(pk__in=[row.pk for row in free]).update(task=None, gold=gold, counts=False)
        for lease in worker_actions.leases_of(hand):
            worker_actions.answer(lease, 2 if lease.gold_id == gold.pk else 1)
        worker_actions.settle(hand)
    assert suspend_contested_gold() == 1
    return project


def open_page(people: People, project: Project, **options: object) -> Page:
    page = people.signed_in(factories.ada(), **options)
    page.goto(f"/projects/{project.public_id}/checks/")
    return page


def test_suspended_ones_come_first_with_what_was_answered(people: People, project: Project) -> None:
    progress = project_progress(project=project)
    assert (progress.need, progress.count) == (Need.LOOK_AT_GOLD, 1)
    page = open_page(people, project)
    row = page.locator(".aside-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("3 of 3 wrong")
    expect(row).to_contain_text("accepted: cat")
    for name in NAMES:
        expect(row.get_by_role("link", name=name)).to_be_visible()
    row.get_by_role("button", name="Accept this too, and use again").click()
    expect(page.get_by_text("is in use again")).to_be_visible()
    expect(page.locator(".aside-row")).to_have_count(0)
    gold = Gold.objects.order_by("pk").first()
    assert gold is not None
    assert (gold.state, len(gold.accepted)) == ("active", 2)
    assert factories.gold_seen(factories.a_worker("wren"), project)[1] >= 21


def test_the_page_says_how_many_are_needed_and_what_happens_without(people: People, project: Project) -> None:
    page = open_page(people, project)
    supply = page.locator("section.card", has_text="answers to check images left")
    expect(supply).to_contain_text("3 workers ×")
    expect(supply).to_contain_text("answers per image")
    expect(supply).to_contain_text("No approved label can become a check image. No label has been approved by a person")
    supply.get_by_label("When none is left").select_option("stop")
    supply.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    project.refresh_from_db()
    assert project.gold_when_out == "stop"


def test_labels_are_promoted(people: People, project: Project) -> None:
    image = a_scene_image(project, 20)
    task = factories.a_task(project, image=image, wanted=3)
    for name in NAMES:
        factories.an_answer(task, factories.a_worker(name.lower()), factories.class_answer(1))
    update_labels(task_ids=[task.pk])
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    page = open_page(people, project)
    expect(page.get_by_text("1 approved label can become")).to_be_visible()
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("1 label is a check image now.")).to_be_visible()
    gold = Gold.objects.get(image=image)
    assert (gold.source, gold.views_before) == ("consensus", 3)
    assert gold.views_wanted in (4, 5)


def test_a_tolerance_is_changed_and_answers_are_judged_by_it(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Boxes", workers=[wren], hand_size=2, gold_rate=0.5, tools=["box"])
    scene_tasks(project, 2)
    two = factories.box_answer((1, 10, 10, 100, 100), (1, 300, 10, 50, 50))
    gold = factories.a_gold(project, image=a_scene_image(project, 9), accepted=[two])
    while not Assignment.objects.filter(gold=gold).exists():
        hand = worker_actions.take(wren, project)
        for lease in worker_actions.leases_of(hand):
            worker_actions.answer(lease, body=factories.box_answer((1, 10, 10, 100, 100)))
        worker_actions.settle(hand)
    assert factories.gold_seen(wren) == (1, 0)
    page = open_page(people, project)
    page.get_by_text("Tolerance").click()
    page.get_by_label("Least overlap").fill("0")
    page.get_by_label("Objects that may be missing").fill("1")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Enter a percentage from 1 to 100")).to_be_visible()
    page.get_by_text("Tolerance").click()
    page.get_by_label("Objects that may be missing").fill("1")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("are judged by it")).to_be_visible()
    expect(page.get_by_text("1 of 1 correct")).to_be_visible()
    assert factories.gold_seen(wren) == (1, 1)


def test_it_works_on_a_phone(people: People, project: Project) -> None:
    page = open_page(people, project, **PHONE)
    expect(page.locator(".aside-row")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
