"""Priority, deadline and limits on the settings page, and the deadline's outlook on the overview."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation
from kernel.clock import utc_now
from projects.models import Project
from tests import factories, worker_actions
from tests.ui.test_manage_forms import GOOD

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def save(ada: Client, project: Project, **changes: Any) -> Any:
    url = f"/projects/{project.public_id}/settings/"
    values = {**GOOD, "currency": "USD", "answers_min": "3", "answers_max": "5", "form": "policy", **changes}
    return ada.post(url, values)


def test_priority_deadline_and_limits_are_saved_and_shown_again(ada: Client) -> None:
    project = factories.a_project()
    answer = save(
        ada, project, priority="7", deadline_at="2027-03-31T18:00", images_per_day="200", share_per_worker="12.5"
    )
    assert answer.status_code == 302
    project.refresh_from_db()
    assert (project.priority, project.images_per_day, project.share_per_worker) == (7, 200, 0.125)
    assert project.deadline_at == datetime(2027, 3, 31, 18, 0, tzinfo=UTC)
    page = ada.get(f"/projects/{project.public_id}/settings/").content.decode()
    for kept in ('value="7"', 'value="2027-03-31T18:00"', 'value="200"', 'value="12.5"'):
        assert kept in page
    assert save(ada, project, deadline_at="").status_code == 302
    project.refresh_from_db()
    assert project.deadline_at is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"priority": "1001"}, "Enter a number from -1000 to 1000."),
        ({"deadline_at": "tomorrow"}, "This is not a date and time. Enter it like 2027-03-31 18:00."),
        ({"images_per_day": "-1"}, "Enter a number from 0 to 1000000."),
        ({"share_per_worker": "0"}, "Enter a number from 0.1 to 100."),
    ],
)
def test_errors_are_shown_at_their_fields(ada: Client, changes: dict[str, str], sentence: str) -> None:
    project = factories.a_project()
    answer = save(ada, project, **changes)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def overview(ada: Client, project: Project) -> str:
    return " ".join(ada.get(f"/projects/{project.public_id}/").content.decode().split())


def test_the_overview_says_whether_the_deadline_will_be_met(ada: Client) -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0, hand_size=10, answers_min=1, answers_max=1)
    factories.some_tasks(project, 40)
    assert "Deadline <time" not in overview(ada, project)
    soon = utc_now() + timedelta(minutes=2)
    Project.objects.filter(pk=project.pk).update(deadline_at=soon)
    assert "Deadline <time" in overview(ada, project)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    # Ten answers in the last hour, and thirty to go.
    type(hand).objects.filter(pk=hand.pk).update(created_at=utc_now() - timedelta(hours=1))
    hand.assignments.update(leased_at=utc_now() - timedelta(hours=1))
    assert "late for the deadline" in overview(ada, project)
    Project.objects.filter(pk=project.pk).update(deadline_at=utc_now() + timedelta(days=20))
    assert "On time for the deadline, <time" in overview(ada, project)
    Project.objects.filter(pk=project.pk).update(deadline_at=utc_now() - timedelta(hours=3))
    assert "The deadline passed 3 hours ago" in overview(ada, project)


def test_owners_limit_the_sets_in_progress(ada: Client) -> None:
    factories.ada()
    team = factories.an_organisation()
    url = f"/settings/team/{team.public_id}/"
    page = ada.get("/settings/").content.decode()
    assert "Sets in progress per worker" in page
    assert url in page
    ada.post(url, {"name": "Aviary", "live_sets": "3"})
    assert Organisation.objects.get(pk=team.pk).live_sets == 3
    answer = ada.post(url, {"name": "Aviary", "live_sets": "many"}, follow=True)
    assert "must be a whole number from 0 to 1,000" in answer.content.decode()
    assert Organisation.objects.get(pk=team.pk).live_sets == 3
