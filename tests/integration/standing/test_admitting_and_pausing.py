"""Managers decide who works in a project."""

import pytest

from kernel.errors import NotFound, TransitionRefused
from kernel.models import Event
from tasks.standing.models import Standing
from tasks.standing.selectors import get_worker_standing, standings_of, workers_of
from tasks.standing.services import WorkerRemoved, admit, pause, remove, resume
from tasks.workers.evidence import Counts, record_gold, worker_records
from tasks.workers.models import WorkerEvidence
from tests import factories

pytestmark = pytest.mark.django_db


def test_admitting_twice_has_one_effect() -> None:
    project, wren = factories.a_project(), factories.wren()
    assert admit(project=project, worker=wren) == admit(project=project, worker=wren)
    [joined] = Event.objects.filter(kind="worker.joined")
    assert (joined.delta, joined.data) == ({"workers": 1}, {"worker": str(wren.public_id)})
    assert list(workers_of(project=project)) == list(standings_of(worker=wren))


def test_a_pause_has_a_reason_and_is_recorded_once() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren])
    for _ in range(2):
        standing = pause(project=project, worker=wren, reason="Please read the instructions again.")
    assert (standing.state, standing.reason) == ("paused", "Please read the instructions again.")
    assert Event.objects.filter(kind="worker.paused").count() == 1


def test_resuming_starts_to_count_anew_and_keeps_the_history() -> None:
    wren = factories.wren()
    project = factories.a_project()
    factories.admitted(project, wren, state="paused", gold=(0, 8))
    factories.some_evidence(project, wren, correct=2, incorrect=1, source="review")
    assert resume(project=project, worker=wren).state == "active"
    record = worker_records(project_id=project.pk, worker_ids=[wren.pk])[wren.pk]
    assert (record.gold, record.reviews) == (Counts(0, 0), Counts(0, 0))
    assert (record.ever_gold, record.ever_reviews) == (Counts(0, 8), Counts(2, 1))

    assert record_gold(project_id=project.pk, worker_id=wren.pk, correct=1, incorrect=0) == Counts(1, 0)
    assert factories.gold_seen(wren) == (9, 1)
    periods = WorkerEvidence.objects.filter(source="gold").order_by("period")
    assert list(periods.values_list("period", "is_current", "correct", "incorrect")) == [
        (1, False, 0, 8),
        (2, True, 1, 0),
    ]


def test_resuming_an_active_worker_keeps_the_counts() -> None:
    wren = factories.wren()
    project = factories.a_project()
    factories.admitted(project, wren, gold=(3, 1))
    resume(project=project, worker=wren)
    assert worker_records(project_id=project.pk, worker_ids=[wren.pk])[wren.pk].gold == Counts(3, 1)


def test_a_removed_worker_stays_removed() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren])
    assert remove(project=project, worker=wren, reason="Shared the account.").state == Standing.State.REMOVED
    with pytest.raises(WorkerRemoved):
        admit(project=project, worker=wren)
    with pytest.raises(TransitionRefused):
        resume(project=project, worker=wren)
    with pytest.raises(TransitionRefused):
        pause(project=project, worker=wren, reason="")
    assert not standings_of(worker=wren).exists()


def test_a_non_member_cannot_be_found_or_paused() -> None:
    project, finch = factories.a_project(), factories.finch()
    with pytest.raises(NotFound):
        get_worker_standing(project=project, public_id=finch.public_id)
    with pytest.raises(NotFound):
        pause(project=project, worker=finch, reason="?")
