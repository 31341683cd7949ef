"""Deadlines of batches on the overview: set in the manager's local time, and whether the batch makes it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import expect

from kernel.clock import database_now
from kernel.events import number_events
from kernel.models import Event
from projects.models import Project
from tasks.batching.models import Batch
from tasks.batching.services import change_batch
from tasks.flow.policy_change import change_project_policy
from tests import factories
from tests.ui.live import DESK, People
from tests.worker_actions import answer_all, take

HOUR = timedelta(hours=1)


@pytest.fixture
def project() -> Project:
    project = factories.a_project(
        "Strays", workers=[factories.wren()], answers_min=1, gold_rate=0, hand_size=6, batch_size=10
    )
    factories.some_tasks(project, 12, batches=1)
    return project


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_deadline_is_chosen_in_local_time_changed_and_removed(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada(), **DESK, timezone_id="America/New_York")
    snapshot = '{"type": "snapshot", "number": 0, "data": {"totals": {}}}'
    page.route_web_socket("**/ws/**", lambda socket: socket.send(snapshot))
    page.goto(f"/projects/{project.public_id}/")
    page.get_by_role("button", name="Set a deadline for batch 1").click()
    dialog = page.get_by_role("dialog", name="When is batch 1 due?")
    expect(dialog).to_contain_text("Your local time (America/New_York)")
    dialog.get_by_label("Date and time").fill("2035-01-05T18:00")
    dialog.get_by_role("button", name="Save deadline").click()
    expect(page.get_by_text("The deadline of batch 1 is saved.")).to_be_visible()
    expect(page.get_by_text("Due Jan 5, 2035, 6:00 PM")).to_be_visible()
    assert Batch.objects.get().deadline_at == datetime(2035, 1, 5, 23, tzinfo=UTC)

    page.get_by_role("button", name="change the deadline of batch 1").click()
    expect(page.get_by_label("Date and time")).to_have_value("2035-01-05T18:00")
    page.get_by_label("Date and time").fill("2035-07-05T18:00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Due Jul 5, 2035, 6:00 PM")).to_be_visible()
    assert Batch.objects.get().deadline_at == datetime(2035, 7, 5, 22, tzinfo=UTC), "in summer time"

    page.get_by_role("button", name="change the deadline of batch 1").click()
    page.get_by_role("button", name="Remove deadline").click()
    expect(page.get_by_text("Batch 1 has no deadline.")).to_be_visible()
    assert Batch.objects.get().deadline_at is None


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(factories.ada().user)
    return client


def board(ada: Client, project: Project) -> str:
    """The page as it reads without scripts, which show the times."""
    html = ada.get(f"/projects/{project.public_id}/").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.django_db
@pytest.mark.parametrize(("hours", "words"), [(48.0, "On time"), (0.01, "Probably late"), (-2.0, "Overdue")])
def test_the_batch_says_in_words_whether_it_makes_it(ada: Client, project: Project, hours: float, words: str) -> None:
    answer_all(take(factories.wren(), project))
    Batch.objects.update(deadline_at=database_now() + hours * HOUR)
    page = board(ada, project)
    assert words in page
    assert "at this pace done about" in page


@pytest.mark.django_db
def test_without_answers_in_the_last_hour_there_is_no_forecast(ada: Client, project: Project) -> None:
    Batch.objects.update(deadline_at=database_now() + HOUR)
    assert "no answers in the last hour, so no forecast" in board(ada, project)
    Batch.objects.update(state="paused")
    assert "no answers come in until it is open" in board(ada, project)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("2035-01-05T18:00:00.000Z", "is saved."),
        ("2035-01-05T18:00", "must say its time zone"),
        ("2020-01-05T18:00:00Z", "must be a time in the future"),
        ("2035-99-05T18:00:00Z", "Choose both in the calendar."),
        ("", "Choose both in the calendar."),
    ],
)
def test_a_deadline_that_is_refused_says_why(ada: Client, project: Project, sent: str, words: str) -> None:
    batch = Batch.objects.get()
    address = f"/projects/{project.public_id}/batches/{batch.public_id}/"
    answer = ada.post(address, {"step": "deadline", "deadline": sent}, follow=True)
    assert words in answer.content.decode()
    batch.refresh_from_db()
    assert (batch.deadline_at is not None) == (words == "is saved.")


@pytest.mark.django_db
def test_a_closed_project_shows_deadlines_without_the_form(ada: Client, project: Project) -> None:
    Batch.objects.update(deadline_at=database_now() + HOUR)
    Project.objects.update(state="closed")
    page = board(ada, project)
    assert "When is batch 1 due?" not in page
    assert "Not open" in page


@pytest.mark.django_db
def test_an_approved_batch_shows_its_deadline_without_the_form(ada: Client, project: Project) -> None:
    Batch.objects.update(state="approved")
    assert "a deadline for batch 1" not in board(ada, project)
    Batch.objects.update(deadline_at=database_now() + HOUR)
    page = board(ada, project)
    assert "When is batch 1 due?" not in page
    assert "change the deadline of batch 1" not in page


@pytest.mark.django_db
def test_the_activity_says_what_was_scheduled(ada: Client, project: Project) -> None:
    """Once for each change, of the batch and of the project."""
    batch, due = Batch.objects.get(), datetime(2099, 3, 31, 18, tzinfo=UTC)
    near = database_now().replace(microsecond=0) + HOUR
    for _ in range(2):
        change_batch(batch=batch, changes={"priority": 3, "deadline_at": near})
        change_project_policy(project=project, changes={"priority": 5, "deadline_at": due})
        project.refresh_from_db()
    kinds = ["batch.scheduled", "project.scheduled"]
    events = Event.objects.filter(kind__in=kinds).order_by("pk")
    assert [(each.kind, each.data["priority"]) for each in events] == list(zip(kinds, [3, 5], strict=True))
    number_events(project_id=project.pk)
    page = board(ada, project)
    assert "The project: priority 5, due 2099-03-31 18:00 UTC" in page
    assert f"Batch 1: priority 3, due {near:%Y-%m-%d %H:%M} UTC" in page
