"""The evidence page of one image: every answer shown or hidden, how much it counted, and the label's history."""

import re
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Membership, Role
from annotary_core.aggregation.consolidated import ImagePosterior
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.evidence import LabelWithEvidence
from tasks.consensus.models import ConsensusLabel
from tasks.flow.rejection import reject_label
from tasks.review.services import fix_label
from tests import factories
from tests.labeled import a_labeled_task
from tests.ui.live import PHONE, People, a_scene_image
from workers_ui.views.manage.task import object_rows

in_a_browser = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def page_of(project: Project, task: Task) -> str:
    return f"/projects/{project.public_id}/tasks/{task.public_id}/"


def read(client: Client, project: Project, task: Task) -> str:
    answer = client.get(page_of(project, task))
    assert answer.status_code == 200
    return re.sub(r"\s+(?=,)", "", re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


@pytest.fixture
def ada(db: None) -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def test_a_batch_links_to_its_images(ada: Client) -> None:
    project = factories.a_project("Strays")
    first, second = (factories.a_task(project, batch=factories.a_batch(project)) for _ in range(2))
    board = ada.get(f"/projects/{project.public_id}/").content.decode()
    assert f"/images/?batch={second.batch.public_id}" in board
    listed = ada.get(f"/projects/{project.public_id}/images/", {"batch": str(second.batch.public_id)}).content.decode()
    assert page_of(project, second) in listed
    assert page_of(project, first) not in listed
    assert ada.get(f"/projects/{project.public_id}/images/", {"batch": "nonsense"}).status_code == 404


def test_classes_with_no_share_to_speak_of_are_not_listed() -> None:
    geom = {"x": 0, "y": 0, "w": 9, "h": 9}
    figures = {"votes": 1, "seen": 1, "agreement": 1, "tied": False, "released": True}
    label: LabelWithEvidence = {
        "id": "",
        "version": 1,
        "content_hash": "",
        "method": "blend",
        "confidence": 0.9,
        "created_at": "",
        "body": {"objects": [{"id": "o1"}]},
        "evidence": {"objects": [{"id": "o1", "class": 1, "geom": geom, "existence": 1, **figures}]},
    }
    posterior: ImagePosterior = {
        "objects": {"o1": {"existence": 1.0, "class": {"1": 0.879, "2": 0.12, "3": 0.0009, "4": 0.0001}}}
    }
    rows = object_rows(label, posterior, [], {1: "cup", 2: "bowl", 3: "boat", 4: "leaf"})
    assert [(row["share"], row["others"]) for row in rows] == [(0.879, "bowl 12%")]


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


def test_a_class_label_shows_its_shares_and_the_effect_of_each_answer(ada: Client) -> None:
    project = factories.a_project("Strays", classes=("cat", "dog"))
    task = a_labeled_task(project, [factories.class_answer(1), factories.class_answer(1), factories.class_answer(2)])
    text = read(ada, project, task)
    assert "Agreed label 3 answers cat" in text
    assert "Confidence by class" in text
    assert text.count("times more likely") == 2
    assert text.count("times less likely") == 1
    assert text.count("differs") == 1
    assert "Based on 3 answers." in text


def test_an_answer_whose_box_is_off_differs_and_says_by_how_much(ada: Client) -> None:
    project = factories.a_project("Strays", tools=("box",), gold_iou=0.8)
    near, off = factories.box_answer((1, 20, 20, 90, 60)), factories.box_answer((1, 40, 20, 90, 60))
    task = a_labeled_task(project, [near, near, near, off])
    text = read(ada, project, task)
    assert len(re.findall(r"differs box 1 is off: overlap [67]\d%, 80% needed", text)) == 1
    assert text.count("differs") == 1


def test_an_image_without_answers_says_so(ada: Client) -> None:
    project = factories.a_project("Strays")
    task = factories.a_task(project)
    text = read(ada, project, task)
    assert "No answers yet" in text
    assert "No label yet. It appears once the answers are in." in text


def test_an_image_with_missing_answers_has_no_label_yet(ada: Client) -> None:
    project = factories.a_project("Strays")
    task = a_labeled_task(project, [factories.class_answer(1)], more=2)
    assert "Not agreed yet: 1 of 3 answers received." in read(ada, project, task)


def test_the_history_lists_versions_verdicts_and_reasons(ada: Client) -> None:
    project = factories.a_project("Strays", classes=("cat", "dog"))
    task = a_labeled_task(project, [factories.class_answer(1)] * 3)
    fix_label(reviewer=factories.ada(), task=task, label_hash=hash_of(task), raw=factories.class_answer(2))
    text = read(ada, project, task)
    assert "Version 2: dog now Cat became dog." in text
    assert "Fixed and approved, version 2" in text
    reject_label(reviewer=factories.ada(), task=task, label_hash=hash_of(task), reason="It is a fox.", again=True)
    assert "It is a fox." in read(ada, project, task)


def test_objects_show_who_drew_them_and_which_were_left_out(ada: Client) -> None:
    project = factories.a_project("Things", classes=("apple", "cup"), tools=("box",), answers_max=9)
    both = factories.box_answer((1, 10, 10, 80, 60), (2, 300, 300, 50, 50))
    one = factories.box_answer((1, 12, 10, 80, 60))
    task = a_labeled_task(project, [both, *[one] * 8])
    text = read(ada, project, task)
    assert "2 found in the answers" in text
    assert "1, 2, 3, 4, 5, 6, 7, 8, 9 9 of 9 workers" in text
    assert "1 of 9 workers" in text
    assert "left out of the label" in text
    assert "drew 1 of its 1 object, and 1 that is not in it" in text


def test_the_page_uses_no_method_name_or_mathematical_term(ada: Client) -> None:
    project = factories.a_project("Strays")
    task = a_labeled_task(project, [factories.class_answer(1), factories.class_answer(1), factories.class_answer(2)])
    text = read(ada, project, task).lower()
    for word in ("posterior", "consensus", "blend", "nats", "log-odds", "gold", "hand "):
        assert word not in text


def member(name: str, role: str) -> Client:
    user = factories.a_user(name)
    Membership.objects.create(organisation=factories.an_organisation(), actor=user.actor, role=role)
    client = Client()
    client.force_login(user)
    return client


def test_a_reviewer_sees_the_page_without_links_to_workers(ada: Client) -> None:
    project = factories.a_project("Strays")
    task = a_labeled_task(project, [factories.class_answer(1)] * 3)
    answer = member("rook", Role.REVIEWER).get(page_of(project, task))
    assert answer.status_code == 200
    assert "/workers/" not in answer.content.decode()


def test_clients_workers_and_outsiders_cannot_see_the_page(ada: Client) -> None:
    project = factories.a_project("Strays")
    task = a_labeled_task(project, [factories.class_answer(1)] * 3)
    bird = Client()
    bird.force_login(factories.a_user("bird1"))
    assert bird.get(page_of(project, task)).status_code == 403
    assert member("robin", Role.CLIENT).get(page_of(project, task)).status_code == 403
    outsider = Client()
    outsider.force_login(factories.a_user("finch"))
    assert outsider.get(page_of(project, task)).status_code == 404
    assert Client().get(page_of(project, task)).status_code == 302


def test_an_image_of_another_project_is_not_reachable_through_ones_own(ada: Client) -> None:
    own, foreign = factories.a_project("Own"), factories.a_project("Foreign")
    task = factories.a_task(foreign)
    assert ada.get(page_of(own, task)).status_code == 404
    assert ada.get(f"/projects/{own.public_id}/review/?task={task.public_id}").status_code == 404
    assert ada.get(f"/projects/{own.public_id}/review/?task=nonsense").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_answers(ada: Client, django_assert_max_num_queries: Any) -> None:
    project = factories.a_project("Strays", answers_max=12)
    few = a_labeled_task(project, [factories.class_answer(1)] * 2)
    many = a_labeled_task(project, [factories.class_answer(1)] * 12)
    ada.get(page_of(project, few))
    with django_assert_max_num_queries(40) as captured:
        ada.get(page_of(project, few))
    before = len(captured)
    with django_assert_max_num_queries(before):
        ada.get(page_of(project, many))


class TestInABrowser:
    pytestmark = in_a_browser

    @pytest.fixture
    def things(self, people: People) -> tuple[Project, Task]:
        project = factories.a_project("Things", classes=("apple", "cup"), tools=("box",), answers_max=9)
        image = a_scene_image(project, 0)
        both = factories.box_answer((1, 10, 10, 80, 60), (2, 300, 300, 50, 50))
        one = factories.box_answer((1, 12, 10, 80, 60))
        return project, a_labeled_task(project, [both, *[one] * 7], image=image)

    def overlays(self, page: Page) -> list[str]:
        labels: list[str] = page.evaluate(
            """async () => {
              const {controllerOf} = await import('/static/workers_ui/lib/controller_loader.js');
              const element = document.querySelector('[data-controller=task-evidence]');
              return controllerOf(element, 'task-evidence').annotator.overlays.map((each) => each.label);
            }"""
        )
        return labels

    def test_each_answer_is_shown_or_hidden_by_keyboard(self, people: People, things: tuple[Project, Task]) -> None:
        page = people.signed_in(factories.ada())
        page.goto(page_of(*things))
        page.wait_for_selector(".annotator canvas")
        assert sorted(self.overlays(page)) == ["1", "1", *"2345678"]
        page.get_by_role("checkbox", name="Answer 1").focus()
        page.keyboard.press("Space")
        assert sorted(self.overlays(page)) == [*"2345678"]
        page.get_by_role("button", name="Agreed only").click()
        assert self.overlays(page) == []
        page.get_by_role("checkbox", name="Left out").check()
        assert self.overlays(page) == ["left out"]

    def test_the_page_is_reachable_from_review_and_leads_back(
        self, people: People, things: tuple[Project, Task]
    ) -> None:
        project, task = things
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/review/")
        page.get_by_role("link", name="All evidence for this label").click()
        page.wait_for_url(f"**{page_of(project, task)}")
        page.get_by_role("button", name="Review").click()
        page.wait_for_selector(".annotator canvas")
        page.get_by_role("button", name="Approve").first.click()
        page.wait_for_url(f"**{page_of(project, task)}")
        expect(page.get_by_text("Approved, version 1")).to_be_visible()
        expect(page.get_by_role("button", name="Review again")).to_be_visible()

    def test_a_persons_decision_can_be_overridden_on_purpose(
        self, people: People, things: tuple[Project, Task]
    ) -> None:
        project, task = things
        rook = factories.a_user("rook").actor
        fix_label(reviewer=rook, task=task, label_hash=hash_of(task), raw=factories.box_answer((2, 10, 10, 80, 60)))
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/review/?task={task.public_id}")
        page.wait_for_selector(".annotator canvas")
        page.get_by_role("button", name="Approve").first.click()
        page.wait_for_url(f"**{page_of(project, task)}")
        expect(page.locator(".history li[data-state=ok]")).to_have_count(1)

    def test_the_page_is_reachable_from_the_images_of_a_batch(
        self, people: People, things: tuple[Project, Task]
    ) -> None:
        project, task = things
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/images/?batch={task.batch.public_id}")
        expect(page.get_by_role("link", name="Show all batches")).to_be_visible()
        page.get_by_role("link", name="Answers for").click()
        page.wait_for_url(f"**{page_of(project, task)}")

    def test_it_fits_a_phone(self, people: People, things: tuple[Project, Task]) -> None:
        page = people.signed_in(factories.ada(), **PHONE)
        page.goto(page_of(*things))
        page.wait_for_selector(".annotator canvas")
        page.get_by_text("Agreed only").tap()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0
