"""The quality page: its report is computed outside the request, and each of its states is described in words."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import expect

from kernel.errors import Refused
from kernel.events import number_events, record_event
from kernel.models import Job
from projects.models import Project
from tasks.analytics import reports
from tasks.analytics.calibration import CalibrationBin
from tasks.analytics.inter_annotator_agreement import Confusion
from tasks.consensus.models import ConsensusLabel
from tasks.review.services import approve_label
from tests import factories
from tests.labeled import a_labeled_task, run_report_jobs
from tests.ui.live import PHONE, People, a_scene_image
from workers_ui.views.manage import quality
from workers_ui.views.manage.quality import describe_alpha, describe_calibration, describe_confusion


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


def read(client: Client, project: Project, part: str = "") -> str:
    answer = client.get(f"/projects/{project.public_id}/quality/{part}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def mixed_up(project: Project) -> Project:
    """Six workers who agree on cats and mix up horses and ponies."""
    for number in range(12):
        image = factories.an_image(project, name=f"farm/{number}.jpg")
        if number < 6:
            a_labeled_task(project, [factories.class_answer(1)] * 6, image=image)
        else:
            a_labeled_task(project, [factories.class_answer(2 + (n + number) % 2) for n in range(6)], image=image)
    return project


def farm(**policy: Any) -> Project:
    return factories.a_project("Farm", classes=("cat", "horse", "pony"), answers_max=6, **policy)


def test_the_first_visit_starts_the_report_and_says_so(ada: Client) -> None:
    project = mixed_up(farm())
    page = ada.get(f"/projects/{project.public_id}/quality/").content.decode()
    assert "Computing the figures." in page
    assert "data-refresh-busy" in page
    ada.get(f"/projects/{project.public_id}/quality/")
    assert Job.objects.filter(kind="analytics.report").count() == 1


def test_the_report_explains_its_figures(ada: Client) -> None:
    project = mixed_up(farm())
    ada.get(f"/projects/{project.public_id}/quality/")
    assert [job.state for job in run_report_jobs()] == ["done"]
    text = read(ada, project)
    assert "72 answers to 12 images" in text
    assert "Workers often disagree" in text
    assert "6 of 6 workers mix up “horse” and “pony”." in text
    assert "Review these 6 labels" in text
    assert "Nothing to compare yet." in text
    assert "data-refresh-busy" not in ada.get(f"/projects/{project.public_id}/quality/?part=figures").content.decode()


def test_a_label_approved_by_a_reviewer_is_judged_and_no_longer_doubtful(ada: Client) -> None:
    project = mixed_up(farm())
    label = ConsensusLabel.objects.filter(project=project, is_current=True).order_by("confidence").first()
    assert label is not None
    approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
    ada.get(f"/projects/{project.public_id}/quality/")
    run_report_jobs()
    text = read(ada, project)
    assert "Of 1 label with" in text
    assert "a first impression" in text
    page = ada.get(f"/projects/{project.public_id}/quality/").content.decode()
    assert f"/review/?task={label.task.public_id}" not in page


def test_doubtful_labels_are_listed_in_review_until_decided(ada: Client) -> None:
    project = mixed_up(farm())
    ada.get(f"/projects/{project.public_id}/quality/")
    run_report_jobs()
    address = f"/projects/{project.public_id}/review/?list=doubtful"
    before = read_count(ada, address)
    assert before > 0
    label = ConsensusLabel.objects.filter(project=project, is_current=True).order_by("confidence").first()
    assert label is not None
    approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
    assert read_count(ada, address) == before - 1


def read_count(client: Client, address: str) -> int:
    match = re.search(r"Most likely wrong\s<b[^>]*>(\d+)</b>", client.get(address).content.decode())
    assert match is not None
    return int(match[1])


def test_without_answers_it_says_what_it_will_show(ada: Client) -> None:
    project = farm()
    ada.get(f"/projects/{project.public_id}/quality/")
    run_report_jobs()
    assert "No answers yet" in read(ada, project)


def test_a_failure_is_shown_and_can_be_retried(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    project = farm()

    def fails(**kwargs: Any) -> Any:
        raise Refused("It cannot be done.")

    monkeypatch.setitem(reports.REPORTS, "quality", reports.ReportKind("quality", fails))
    ada.get(f"/projects/{project.public_id}/quality/")
    assert [job.state for job in run_report_jobs()] == ["failed"]
    text = read(ada, project)
    assert "We could not compute the figures." in text
    assert "Try again" in text
    assert not Job.objects.filter(kind="analytics.report", state="queued").exists()
    monkeypatch.undo()
    ada.post(f"/projects/{project.public_id}/quality/again/")
    run_report_jobs()
    assert "No answers yet" in read(ada, project)


def test_old_figures_stay_while_new_ones_are_computed(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    project = mixed_up(farm())
    ada.get(f"/projects/{project.public_id}/quality/")
    run_report_jobs()
    monkeypatch.setattr(reports, "FRESH", timedelta(0))
    number_events(project_id=project.pk)
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
    number_events(project_id=project.pk)
    text = read(ada, project)
    assert "Updating. These figures are from" in text
    assert "72 answers to 12 images" in text


def test_the_report_is_not_recomputed_without_new_events(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    project = mixed_up(farm())
    ada.get(f"/projects/{project.public_id}/quality/")
    run_report_jobs()
    monkeypatch.setattr(reports, "FRESH", timedelta(0))
    read(ada, project)
    assert not Job.objects.filter(kind="analytics.report", state="queued").exists()


def test_boxes_have_a_report_too(ada: Client) -> None:
    project = factories.a_project("Things", classes=("apple", "cup"), tools=("box",), answers_max=4)
    for number in range(12):
        boxes = [factories.box_answer((1 + number % 2, 10 + n, 10, 80, 60)) for n in range(3)]
        a_labeled_task(project, boxes)
    ada.get(f"/projects/{project.public_id}/quality/")
    assert [job.state for job in run_report_jobs()] == ["done"]
    text = read(ada, project)
    assert "of where boxes are and what they contain" in text
    assert "How sure are the labels?" in text
    assert "How many labels are wrong?" not in text


def test_the_page_uses_no_mathematical_term_except_alpha(ada: Client) -> None:
    project = mixed_up(farm())
    ada.get(f"/projects/{project.public_id}/quality/")
    run_report_jobs()
    text = read(ada, project).lower()
    for word in ("posterior", "consensus", "blend", "entropy", "calibration", "gold", "existence"):
        assert word not in text


@pytest.mark.parametrize(
    ("alpha", "state", "words"),
    [
        (None, "", "at least two people"),
        (0.9, "ok", "labels are reliable"),
        (0.7, "", "mostly agree"),
        (0.4, "warn", "often disagree"),
        (-0.1, "bad", "no more than by chance"),
    ],
)
def test_agreement_is_described_in_a_sentence(alpha: float | None, state: str, words: str) -> None:
    verdict = describe_alpha("classes", alpha=alpha, same=0.5)
    assert verdict[0] == state
    assert words in verdict[1]


def test_agreement_on_boxes_is_described_without_a_verdict() -> None:
    state, sentence = describe_alpha("boxes", alpha=0.5, same=0.614)
    assert state == ""
    assert "61% match in place and class" in sentence


@pytest.mark.parametrize(
    ("workers", "unclear", "words"),
    [(14, True, "instructions say about both"), (1, False, "only one person"), (4, False, "few so far")],
)
def test_a_confusion_says_how_many_workers_it_affects(workers: int, unclear: bool, words: str) -> None:
    row: Confusion = {
        "a": 1,
        "b": 2,
        "answers": 40.0,
        "share": 0.2,
        "workers": workers,
        "of_workers": 20,
        "unclear": unclear,
        "tasks": [],
    }
    sentence = describe_confusion(row, {1: "horse", 2: "pony"})
    verb = "mixes" if workers == 1 else "mix"
    assert sentence.startswith(f"{workers} of 20 workers {verb} up “horse” and “pony”. ")
    assert words in sentence


def test_calibration_is_described_by_the_bin_with_the_most_labels() -> None:
    bins: list[CalibrationBin] = [
        {"low": 0.6, "high": 0.7, "said": 0.66, "right": 0.5, "n": 4},
        {"low": 0.9, "high": 1.0, "said": 0.97, "right": 0.984, "n": 62},
    ]
    assert describe_calibration(bins) == "Of 62 labels with 90 to 100% confidence, 98% were correct."
    assert describe_calibration([]) == ""


class TestInABrowser:
    pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

    @pytest.fixture
    def project(self, people: People) -> Project:
        project = farm()
        for number in range(24):
            bodies = [factories.class_answer(1 + (number + (n if number % 3 else 0)) % 2) for n in range(4)]
            a_labeled_task(project, bodies, image=a_scene_image(project, number % 3) if number < 3 else None)
        return project

    def test_the_figures_and_charts_appear_without_a_reload(
        self, people: People, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quality, "MIN_TREND_SPAN", 0)
        page = people.signed_in(factories.ada())
        page.goto(f"/projects/{project.public_id}/quality/")
        expect(page.get_by_text("Computing the figures.")).to_be_visible()
        run_report_jobs()
        expect(page.get_by_role("heading", name="Agreement beyond chance", exact=True)).to_be_visible()
        expect(page.locator("[data-chart-target=plot] canvas")).to_be_visible()
        page.get_by_text("As a table").click()
        expect(page.get_by_role("columnheader", name="Until")).to_be_visible()

    def test_it_fits_a_phone(self, people: People, project: Project) -> None:
        label = ConsensusLabel.objects.filter(project=project, is_current=True).first()
        assert label is not None
        approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
        reports.get_report(reports.QUALITY, project=project)
        run_report_jobs()
        page = people.signed_in(factories.ada(), **PHONE)
        page.goto(f"/projects/{project.public_id}/quality/")
        expect(page.locator("[data-plot-target=plot] canvas")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0
