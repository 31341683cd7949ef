"""What if: settings are validated, answers are replayed outside the request, and viewing changes nothing."""

import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.test import Client
from playwright.sync_api import expect

from projects.models import Project
from tasks.analytics.reports import REPLAY, get_report
from tasks.consensus.models import ConsensusLabel
from tasks.review.services import approve_label
from tests import factories
from tests.labeled import a_labeled_task, run_report_jobs
from tests.ui.live import PHONE, People
from workers_ui.views.manage.what_if import ShownRow, _chart, _share_axis, read


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada(db: None) -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def strays() -> Project:
    """Twelve images with four answers each; on every third image one answer differs."""
    project = factories.a_project("Strays", answers_min=4, answers_max=4, classes=("cat", "dog"))
    for number in range(12):
        right = 1 + number % 2
        bodies = [factories.class_answer(right)] * 3 + [factories.class_answer(3 - right if number % 3 == 0 else right)]
        a_labeled_task(project, bodies)
    return project


def text_of(client: Client, project: Project, query: str = "") -> str:
    answer = client.get(f"/projects/{project.public_id}/what-if/{query}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.parametrize(
    ("query", "requested"),
    [
        ("", (3, 5, 0.9, "blend")),
        ("answers_min=2&answers_max=4&confidence=95&method=majority", (2, 4, 0.95, "majority")),
        ("answers_min=5&answers_max=2", (2, 5, 0.9, "blend")),
        ("answers_min=0&answers_max=900", (1, 20, 0.9, "blend")),
        ("answers_min=x&answers_max=-1&confidence=12.5&method=guess", (3, 5, 0.9, "blend")),
        ("confidence=10", (3, 5, 0.5, "blend")),
        ("confidence=999", (3, 5, 1.0, "blend")),
    ],
)
def test_invalid_settings_fall_back_to_the_projects_own(query: str, requested: tuple[int, int, float, str]) -> None:
    settings = read(QueryDict(query), Project(answers_min=3, answers_max=5, confidence_target=0.9))
    assert (settings.answers_min, settings.answers_max, settings.confidence, settings.method) == requested


def test_the_answers_are_replayed_outside_the_request(ada: Client) -> None:
    project = strays()
    assert "Replaying the answers." in text_of(ada, project, "?answers_min=2&answers_max=4")
    assert [job.state for job in run_report_jobs()] == ["done"]
    text = text_of(ada, project, "?answers_min=2&answers_max=4")
    assert "48 answers to 12 images, 4.0 per image" in text
    assert "Today 4 answers 4.00" in text
    assert "2 to 4 answers, until 90% sure" in text
    assert "no check images or reviewed labels to measure against yet" in text
    assert "1 answer 1.00" in text


def test_settings_are_judged_by_reviewed_labels(ada: Client) -> None:
    project = strays()
    for label in ConsensusLabel.objects.filter(project=project, is_current=True)[:5]:
        approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
    text_of(ada, project)
    run_report_jobs()
    assert "measured on 5 images with a known label" in text_of(ada, project)


def test_settings_fill_the_form_but_are_not_saved(ada: Client) -> None:
    project = strays()
    text_of(ada, project, "?answers_min=2&answers_max=4&confidence=95")
    run_report_jobs()
    page = ada.get(f"/projects/{project.public_id}/what-if/?answers_min=2&answers_max=4&confidence=95")
    link = re.search(r'href="([^"]+)"[^>]*aria-label="Use these settings: 2 to 4 answers', page.content.decode())
    assert link is not None
    form = ada.get(link[1].replace("&amp;", "&")).content.decode()
    assert "Filled in from What if. Nothing changes until you save." in form
    assert re.search(r'name="answers_min" value="2"', form)
    assert re.search(r'name="confidence_target" value="95(\.0)?"', form)
    assert re.search(r'name="answers_mode" value="dynamic"[^>]*\schecked', form)
    project.refresh_from_db()
    assert (project.answers_min, project.answers_max, project.confidence_target) == (4, 4, 0.9)


def test_the_settings_without_a_proposal_are_the_projects_own(ada: Client) -> None:
    page = ada.get(f"/projects/{strays().public_id}/settings/").content.decode()
    assert "Filled in from What if" not in page
    assert re.search(r'name="answers_min" value="4"', page)


def test_without_answers_it_says_what_it_will_show(ada: Client) -> None:
    project = factories.a_project("Strays")
    text_of(ada, project)
    run_report_jobs()
    assert "No answers to replay yet" in text_of(ada, project)


def test_replaying_again_keeps_the_requested_settings(ada: Client) -> None:
    project = strays()
    answer = ada.post(f"/projects/{project.public_id}/what-if/again/?answers_min=2&answers_max=3&confidence=80")
    assert answer.status_code == 302
    assert answer["Location"].endswith("?answers_min=2&answers_max=3&confidence=80&method=blend")


def test_the_axis_of_shares_ends_at_all_of_them() -> None:
    assert _share_axis([1.0]) == {"from": 0.95, "to": 1}
    assert _share_axis([0.87, 0.93]) == {"from": 0.85, "to": 1}
    assert _share_axis([0.85]) == {"from": 0.8, "to": 1}
    assert _share_axis([0.0]) == {"from": 0.0, "to": 1}
    row: ShownRow = {
        "kind": "fixed",
        "answers_min": 3,
        "answers_max": 3,
        "confidence": None,
        "answers_per_image": 3.0,
        "cost": "0.06",
        "accuracy": 1.0,
        "low": None,
        "high": None,
        "agreement": 1.0,
        "words": "3 answers",
        "share": 1.0,
        "use": "",
    }
    rows = [row]
    chart = _chart({"fixed": rows, "dynamic": [], "today": rows, "asked": []}, "Correct labels")
    assert chart["y"] == {"label": "Correct labels", "unit": "share", "from": 0.95, "to": 1}


class TestInABrowser:
    pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

    def test_the_slider_moves_by_keys_and_results_appear_without_a_reload(self, people: People) -> None:
        project = strays()
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/what-if/")
        slider = page.get_by_role("slider", name="Confidence")
        expect(slider).to_have_attribute("aria-valuetext", "90%")
        slider.focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("output")).to_have_text("91%")
        page.get_by_label("Answers per image", exact=True).fill("1")
        page.get_by_role("button", name="Replay").click()
        page.wait_for_url("**confidence=91**")
        expect(page.get_by_text("Replaying the answers.")).to_be_visible()
        run_report_jobs()
        expect(page.get_by_role("cell", name="Use these settings").first).to_be_visible()
        expect(page.locator("[data-plot-target=plot] canvas")).to_be_visible()

    def test_it_fits_a_phone(self, people: People) -> None:
        project = strays()
        get_report(REPLAY, project=project, **read(QueryDict(), project).to_json())
        run_report_jobs()
        page = people.signed_in(factories.ada(), **PHONE)
        page.goto(f"/projects/{project.public_id}/what-if/")
        expect(page.locator("[data-plot-target=plot] canvas")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0
