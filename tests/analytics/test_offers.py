"""What workers read of a project's work before they take a set."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Actor
from kernel.clock import ClockTimestamp, utc_now
from projects.models import Project
from tasks.analytics import offer_figures
from tasks.analytics.offer_figures import coarse, hourly_range
from tasks.analytics.project_cards import OfferDetails, offer_details_of
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment
from tasks.pay.payouts import run_payouts
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.api.people import with_key
from tests.labeled import run_report_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def two_answers_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer_figures, "LEAST_ANSWERS", 2)


def a_project(name: str = "Strays", *, tasks: int = 4, **policy: Any) -> Project:
    values = {"gold_rate": 0, "hand_size": 2, "price": Decimal("0.05"), **policy}
    project = factories.a_project(name, workers=[factories.wren()], **values)
    factories.some_tasks(project, tasks, wanted=60)
    return project


def work(project: Project, worker: Actor, *, seconds: float = 20) -> None:
    hand = worker_actions.take(worker, project)
    Assignment.objects.filter(hand=hand).update(leased_at=ClockTimestamp() - timedelta(minutes=10))
    for lease in worker_actions.leases_of(hand):
        raw = factories.class_answer(1)
        submit_answer(worker=worker, assignment_id=lease.public_id, raw=raw, raw_sha256="0" * 64, seconds=seconds)
    worker_actions.settle(hand)


def a_crowd_works(project: Project, count: int, *, first: int = 0) -> None:
    """Each is a second slower than the one before."""
    for number in range(first, first + count):
        worker = factories.a_worker(f"bird{number}")
        factories.admitted(project, worker)
        work(project, worker, seconds=10 + number)


def details(project: Project, worker: Actor | None = None) -> OfferDetails:
    """What is shown once the jobs that the first look queued have run."""
    cache.clear()
    offer_details_of(projects=[project], worker=worker)
    run_report_jobs()
    return offer_details_of(projects=[project], worker=worker)[project.pk]


def test_the_first_look_knows_nothing_and_asks_a_job_once() -> None:
    project = a_project()
    for _ in range(3):
        found = offer_details_of(projects=[project], worker=None)[project.pk]
        assert (found.image_bytes, found.hourly, found.images_left) == (None, None, None)
    assert len(run_report_jobs()) == 1


def test_the_size_of_a_set_is_that_of_the_images_that_are_sent() -> None:
    project = a_project()
    sizes = [image.rendition.size for image in project.dataset.images.select_related("rendition")]
    found = details(project)
    assert found.image_bytes == round(sum(sizes) / len(sizes)) > 0
    assert found.set_bytes(10) == 10 * found.image_bytes
    assert details(factories.a_project("Without images")).set_bytes(10) is None


def test_nothing_is_said_about_earnings_before_twenty_people_worked() -> None:
    project = a_project()
    a_crowd_works(project, 19)
    assert details(project).hourly is None
    a_crowd_works(project, 1, first=19)
    hourly = details(project).hourly
    assert hourly is not None
    assert not hourly.is_own
    # 180 / (10 + number) dollars an hour: the means of both halves, without the two fastest and the two slowest.
    rates = sorted(Decimal(180) / (10 + number) for number in range(2, 18))
    assert hourly.low == Decimal(f"{sum(rates[:8]) / 8:.2g}")
    assert hourly.high == Decimal(f"{sum(rates[8:]) / 8:.2g}")
    assert hourly.low < hourly.high


def test_who_was_paused_or_removed_does_not_count() -> None:
    project = a_project()
    a_crowd_works(project, 20)
    Standing.objects.filter(worker=factories.a_worker("bird3")).update(state="paused")
    assert details(project).hourly is None


def test_other_terms_of_pay_have_figures_of_their_own() -> None:
    project = a_project()
    a_crowd_works(project, 20)
    assert details(project).hourly is not None
    Project.objects.filter(pk=project.pk).update(price=Decimal("0.01"))
    project.refresh_from_db()
    assert details(project).hourly is None


def test_pay_by_time_is_compared_with_the_time_that_was_measured() -> None:
    project = a_project(pay_by="hour", price=Decimal(18), paid_seconds=60)
    a_crowd_works(project, 20)
    hourly = details(project).hourly
    assert hourly is not None
    assert (hourly.low, hourly.high) == (Decimal(18), Decimal(18))


def test_top_ups_count_as_earnings() -> None:
    project = a_project(hourly_floor=Decimal(36), paid_seconds=60)
    a_crowd_works(project, 20)
    hourly = details(project).hourly
    assert hourly is not None
    assert (hourly.low, hourly.high) == (Decimal(36), Decimal(36))


def test_a_worker_with_enough_answers_reads_their_own_earnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.pay.hourly.LEAST_ANSWERS", 2)
    project, wren = a_project(), factories.wren()
    assert details(project, wren).hourly is None
    work(project, wren, seconds=20)
    hourly = details(project, wren).hourly
    assert hourly is not None
    assert (hourly.low, hourly.high, hourly.is_own) == (Decimal("9.00"), Decimal("9.00"), True)
    assert details(project, factories.finch()).hourly is None


def test_the_range_hides_single_people() -> None:
    rates = [Decimal(10)] * 20
    assert hourly_range(rates[:19]) is None
    assert hourly_range(rates) == ("10", "10")
    # One who earns far more, or far less, changes nothing.
    assert hourly_range([*rates[:19], Decimal(10_000)]) == hourly_range([*rates[:19], Decimal(0)]) == ("10", "10")
    assert hourly_range([Decimal("0.123")] * 20) == ("0.12", "0.12")
    assert hourly_range([Decimal(123)] * 20) == ("120", "120")


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, 0), (99, 0), (100, 100), (199, 100), (200, 200), (999, 500), (1000, 1000), (4999, 2000), (10**7, 10**7)],
)
def test_what_is_left_is_said_coarsely(count: int, shown: int) -> None:
    assert coarse(count) == shown


def test_the_work_left_is_what_is_wanted_and_what_the_worker_has_not_had() -> None:
    project, wren = a_project(tasks=4), factories.wren()
    Project.objects.filter(pk=project.pk).update(images_count=700)
    project.refresh_from_db()
    # 240 answers are wanted.
    assert details(project, wren).images_left == 200
    Standing.objects.filter(worker=wren).update(images=550)
    assert details(project, wren).images_left == 100
    Standing.objects.filter(worker=wren).update(images=None)
    assert details(project, wren).images_left == 200


def test_taking_and_answering_sets_with_and_without_check_images_changes_the_offer_alike() -> None:
    """The same calls, in a project in which every second image is a check image and in one without any."""
    shown = []
    for rate in (0.0, 0.5):
        worker = factories.a_worker(f"worker {rate}")
        project = factories.a_project(
            f"Rate {rate}", workers=[worker], hand_size=6, price=Decimal("0.05"), gold_rate=rate
        )
        factories.some_tasks(project, 12 if rate else 24, wanted=60 if rate else 30)
        for _ in range(12 if rate else 0):
            factories.a_gold(project)
        Project.objects.filter(pk=project.pk).update(images_count=512)
        client, seen = with_key(worker), []
        client.get("/api/v1/work/")
        run_report_jobs()
        for _ in range(2):
            hand = worker_actions.take(worker, project)
            seen.append(offer_of(client))
            worker_actions.answer_all(hand)
            worker_actions.settle(hand)
            seen.append(offer_of(client))
        shown.append(seen)
    assert shown[0] == shown[1]
    assert {each["images_left_at_least"] for each in shown[0]} == {500}


def offer_of(client: APIClient) -> dict[str, Any]:
    (offer,) = client.get("/api/v1/work/").json()["projects"]
    return {name: value for name, value in offer.items() if name not in ("id", "name", "set_bytes", "set_seconds")}


def test_the_dates_are_those_of_pay(client: Any) -> None:
    project, wren = a_project(approval_days=7), factories.wren()
    found = details(project, wren)
    assert found.approved_at is not None
    assert abs(found.approved_at - utc_now() - timedelta(days=7)) < timedelta(minutes=1)
    assert found.last_payout_at is None
    at_once = a_project("Streets")
    assert details(at_once).approved_at is None
    work(at_once, wren)
    run = run_payouts(organisation=project.organisation, by=factories.ada())
    assert details(project).last_payout_at == run.created_at


def test_many_projects_take_the_statements_of_one() -> None:
    projects = [a_project(f"Project {number}", tasks=1) for number in range(8)]
    offer_details_of(projects=projects, worker=factories.wren())
    run_report_jobs()

    def statements(chosen: list[Project]) -> int:
        with CaptureQueriesContext(connection) as captured:
            offer_details_of(projects=chosen, worker=factories.wren())
        return len(captured)

    assert statements(projects) == statements(projects[:1]) <= 4


def test_the_api_tells_what_the_pages_tell() -> None:
    project, wren = a_project(approval_days=3), factories.wren()
    client = with_key(wren)
    client.get("/api/v1/work/")
    run_report_jobs()
    (offer,) = client.get("/api/v1/work/").json()["projects"]
    project.refresh_from_db()
    found = offer_details_of(projects=[project], worker=wren)[project.pk]
    assert offer["set_bytes"] == found.set_bytes(offer["set_size"])
    assert offer["images_left_at_least"] == 0
    assert offer["hourly"] is None
    assert offer["approved_at"] is not None
    assert offer["last_payout_at"] is None
