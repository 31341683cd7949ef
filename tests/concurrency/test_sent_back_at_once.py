"""What is sent back, with real connections: claims against the sweep, two tabs, two reviewers, and a repair."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.flow.corrections import end_corrections
from tasks.flow.rejection import reject_label
from tasks.review.errors import AlreadyReviewed, NotAnswered
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import appeal
from tests import factories
from tests.concurrency_helpers import together
from tests.rejected import WHY, a_reviewer, an_answered_task, hash_of, show_now
from tests.repairs import void_answers
from tests.worker_actions import assert_invariants

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    workers = [factories.wren(), factories.finch()]
    policy: dict[str, Any] = {"appeal_days": 7, "send_back_days": 2}
    project = factories.a_project(answers_min=1, answers_max=1, workers=workers, **policy)
    return Project.objects.get(pk=project.pk)


def sent_back(project: Project, worker: Actor, *, over: bool = False) -> Task:
    task = an_answered_task(project, worker)
    reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY, send_back=True)
    show_now()
    if over:
        RejectedAnswer.objects.update(kept_until=ClockTimestamp() - timedelta(seconds=1))
    return task


def taken(result: Any) -> bool:
    assert not isinstance(result, Exception), result
    return result is not None


@pytest.mark.parametrize("attempt", range(5))
def test_its_worker_another_and_two_sweeps_get_it_once(project: Project, attempt: int) -> None:
    task = sent_back(project, factories.wren(), over=True)
    wren, finch = factories.wren(), factories.finch()
    results = together(
        lambda: claim_hand(worker=wren, project=project),
        lambda: claim_hand(worker=finch, project=project),
        end_corrections,
        end_corrections,
    )
    assert all(not isinstance(each, Exception) for each in results), results
    assert_invariants(project)
    live = Assignment.objects.filter(task=task, state="leased", position__gt=0)
    assert live.count() == taken(results[0]) + taken(results[1]) <= 1
    end_corrections()
    assert not RejectedAnswer.objects.filter(is_kept=True).exists()
    assert_invariants(project)


def test_two_tabs_take_one_set(project: Project) -> None:
    sent_back(project, factories.wren())
    wren = factories.wren()
    hands = together(*(lambda: claim_hand(worker=wren, project=project) for _ in range(4)))
    assert all(not isinstance(each, Exception) and each is not None for each in hands), hands
    assert len({each.pk for each in hands}) == 1
    assert_invariants(project)


def test_two_reviewers_send_back_and_reject_at_once(project: Project) -> None:
    task = an_answered_task(project, factories.wren())
    ada, jay, digest = factories.ada(), a_reviewer("jay"), hash_of(task)

    def reject(by: Actor, *, send_back: bool) -> object:
        return reject_label(reviewer=by, task=task, label_hash=digest, reason=WHY, send_back=send_back)

    results = together(
        lambda: reject(ada, send_back=True), lambda: reject(jay, send_back=False), lambda: reject(ada, send_back=True)
    )
    refused = [each for each in results if isinstance(each, Exception)]
    assert len(refused) == 2
    assert all(isinstance(each, NotAnswered | AlreadyReviewed) for each in refused), refused
    task.refresh_from_db()
    assert task.taken == RejectedAnswer.objects.filter(is_kept=True).count()
    assert_invariants(project)


@pytest.mark.parametrize("attempt", range(3))
def test_an_appeal_a_repair_a_claim_and_the_sweep(project: Project, attempt: int) -> None:
    sent_back(project, factories.wren())
    row, wren = RejectedAnswer.objects.get(), factories.wren()
    results = together(
        lambda: appeal(worker=wren, public_id=row.public_id, statement="It is a cat."),
        lambda: void_answers(project, wren),
        lambda: claim_hand(worker=wren, project=project),
        end_corrections,
    )
    assert all(not isinstance(each, Exception) for each in results), results
    end_corrections()
    assert not RejectedAnswer.objects.filter(is_kept=True).exists()
    assert_invariants(project)
