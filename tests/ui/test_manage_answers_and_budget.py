"""The settings of answers per image and budget, the preview with its price, and what workers read without money."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from kernel.models import Job
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.review.services import approve_label
from tests import factories, worker_actions
from tests.labeled import a_crowd, a_paid_task
from tests.ui.live import DESK, PHONE, People

pytestmark = pytest.mark.django_db


def a_project(**policy: Any) -> Project:
    """One image each that is not open yet, open, answered and approved."""
    values = {"answers_min": 2, "answers_max": 2, "gold_rate": 0.2, "price": Decimal("0.04"), **policy}
    project = factories.a_project(**values)
    a_crowd(project, 4)
    answer = factories.class_answer(1)
    approved, _ = (a_paid_task(project, [answer, answer]) for _ in range(2))
    label = ConsensusLabel.objects.get(task=approved, is_current=True)
    approve_label(reviewer=factories.ada(), task=approved, label_hash=label.content_hash)
    factories.a_task(project, wanted=2)
    factories.a_task(project, batch=factories.a_batch(project, state="draft"), wanted=2)
    Job.objects.all().delete()
    return project


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def settings_of(project: Project) -> str:
    return f"/projects/{project.public_id}/settings/"


def fields_of(ada: Client, project: Project) -> dict[str, Any]:
    form = ada.get(settings_of(project)).context["form"]
    return {name: form.initial[name] for name in form.fields} | {"form": "policy"}


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_saving_shows_the_price_of_each_choice_first_and_then_does_what_was_chosen(ada: Client) -> None:
    project = a_project()
    fields = fields_of(ada, project) | {"answers_min": "3"}
    asked = ada.post(settings_of(project), fields)
    assert asked.status_code == 409
    text = text_of(asked)
    assert "New images only: 1 more answer, about $0.05" in text
    assert "Open images too: 2 more answers, about $0.10" in text
    assert "Finished images too: 4 more answers, about $0.20" in text
    assert "Approved labels stay approved and in releases" in text
    assert Project.objects.get().answers_min == 2
    saved = ada.post(settings_of(project), fields | {"apply_to": "finished"}, follow=True)
    assert "Finished images are being opened for more answers now." in text_of(saved)
    assert Job.objects.filter(kind="flow.ask_finished").count() == 1
    assert sorted(Task.objects.values_list("wanted", flat=True)) == [2, 2, 3, 3]


def test_nothing_is_asked_if_only_other_settings_change(ada: Client) -> None:
    project = a_project()
    answer = ada.post(settings_of(project), fields_of(ada, project) | {"batch_size": "70"})
    assert answer.status_code == 302
    assert Project.objects.get().batch_size == 70


@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({"answers_mode": "fixed", "answers_min": "4"}, (4, 4)),
        ({"answers_mode": "fixed", "answers_min": "2", "answers_max": "9"}, (2, 2)),
        ({"answers_mode": "dynamic", "answers_min": "1", "answers_max": "4"}, (1, 4)),
    ],
)
def test_the_mode_decides_about_the_maximum(ada: Client, changes: dict[str, str], limits: tuple[int, int]) -> None:
    project = factories.a_project(answers_min=2, answers_max=3)
    assert ada.post(settings_of(project), fields_of(ada, project) | changes).status_code == 302
    assert Project.objects.values_list("answers_min", "answers_max").get() == limits


def test_dynamic_without_room_is_refused_at_its_field(ada: Client) -> None:
    project = factories.a_project(answers_min=2, answers_max=3)
    refused = ada.post(settings_of(project), fields_of(ada, project) | {"answers_min": "3"})
    assert refused.status_code == 422
    assert "This must be above the answers per image. Raise it, or choose Fixed." in text_of(refused)


def test_the_budget_is_shown_with_what_is_promised_and_missing(ada: Client) -> None:
    project = a_project(budget=Decimal("0.40"))
    text = text_of(ada.get(settings_of(project)))
    assert "$0.16 paid or promised so far, $0.24 left. About $0.36 once all requested answers are in." in text
    overview = text_of(ada.get(f"/projects/{project.public_id}/"))
    assert "Budget $0.40: $0.16 paid or promised, $0.24 left" in overview
    asked = text_of(ada.post(settings_of(project), fields_of(ada, project) | {"answers_min": "3", "budget": "0.45"}))
    assert "The project will then cost about $0.41 of $0.45." in asked
    assert "The project will then cost about $0.56, $0.11 more than the budget. Work stops at the budget." in asked


def test_a_budget_that_is_too_small_is_refused_and_the_input_is_kept(ada: Client) -> None:
    project = a_project()
    refused = ada.post(settings_of(project), fields_of(ada, project) | {"budget": "0.10"})
    assert refused.status_code == 422
    assert "0.16 USD are already paid or promised to workers." in text_of(refused)
    assert 'value="0.10"' in refused.content.decode()


def test_the_overview_asks_for_more_money_when_none_is_left(ada: Client) -> None:
    project = a_project(budget=Decimal("0.18"))
    Batch.objects.filter(state="draft").update(state="open")
    text = text_of(ada.get(f"/projects/{project.public_id}/"))
    assert "The budget is used up, and images are waiting for answers." in text


def test_a_worker_reads_that_no_money_is_left() -> None:
    project = a_project(budget=Decimal("0.18"))
    robin = factories.a_worker("robin")
    factories.admitted(project, robin)
    client = Client()
    client.force_login(robin.user)
    page = client.post(f"/work/{project.public_id}/set/", follow=True)
    assert "This project has no money left for more images right now." in text_of(page)


class TestInABrowser:
    pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

    @pytest.mark.parametrize("screen", ["desk", "phone"])
    def test_a_manager_chooses_dynamic_sees_the_price_and_applies_it_to_finished_images(
        self, people: People, screen: str
    ) -> None:
        project = a_project(budget=Decimal("5"))
        phone = {**PHONE, "viewport": {"width": 390, "height": 844}}
        page = people.signed_in(factories.ada(), **(DESK if screen == "desk" else phone))
        page.goto(settings_of(project))
        most = page.get_by_label("Maximum answers per image")
        expect(most).to_be_hidden()
        page.get_by_text("More answers where workers disagree").click()
        most.fill("5")
        page.get_by_label("Answers per image", exact=True).fill("3")
        page.get_by_role("button", name="Save settings").click()
        choice = page.locator("#apply-to")
        expect(choice).to_contain_text("Finished images too: 4 more answers, about $0.20")
        expect(choice.get_by_role("row")).to_have_count(5)
        assert fits(page)
        choice.get_by_text("Finished images too").click()
        page.get_by_role("button", name="Save settings").click()
        expect(page.get_by_text("Finished images are being opened for more answers now.")).to_be_visible()
        assert Project.objects.values_list("answers_min", "answers_max").get() == (3, 5)
        worker_actions.assert_invariants(project)

    def test_one_answer_per_image_chooses_fixed_until_the_manager_has_chosen(self, people: People) -> None:
        page = people.signed_in(factories.ada(), **DESK)
        page.goto("/projects/new/")
        dynamic, fixed = page.get_by_label("Dynamic"), page.get_by_label("Fixed")
        expect(dynamic).to_be_checked()
        page.get_by_label("Answers per image", exact=True).fill("1")
        expect(fixed).to_be_checked()
        expect(page.get_by_label("Maximum answers per image")).to_be_hidden()
        dynamic.check()
        page.get_by_label("Answers per image", exact=True).fill("1")
        expect(dynamic).to_be_checked()


def fits(page: Page) -> bool:
    width: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return width
