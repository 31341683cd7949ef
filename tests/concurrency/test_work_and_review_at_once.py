"""Workers, the labeling job and reviewers on one batch concurrently: no deadlock, and the tables stay consistent."""

import hashlib
import random
import time
from contextlib import suppress

import pytest
from django.db.models import Count, F, Q, Sum

from accounts.models import Actor
from kernel.errors import AnnotaryError
from kernel.models import Event
from projects.models import Project
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.flow.settlement import settle_hand
from tasks.review.models import Review
from tasks.review.services import approve_batch, approve_label, fix_label
from tests.concurrency_helpers import together
from tests.factories import a_project, a_worker, ada, class_answer, some_tasks
from tests.worker_actions import leases_of

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


def work(worker: Actor, project: Project, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        hand = claim_hand(worker=worker, project=project)
        if hand is None:
            continue
        for assignment in leases_of(hand):
            if rng.random() < 0.1:
                skip_assignment(worker=worker, assignment_id=assignment.public_id)
                continue
            submit_answer(
                worker=worker,
                assignment_id=assignment.public_id,
                raw=class_answer(rng.choice([1, 1, 1, 2])),
                raw_sha256=hashlib.sha256(b"").hexdigest(),
            )
        settle_hand(worker=worker, hand_id=hand.public_id)


def label_again(task_ids: list[int], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(ROUNDS * 2):
        relabel(task_ids=rng.sample(task_ids, 8))


def review(reviewer: Actor, project: Project, batch: Batch, seed: int) -> None:
    rng = random.Random(seed)
    decided, ends = 0, time.monotonic() + 60
    while decided < ROUNDS * 4 and time.monotonic() < ends:
        labels = ConsensusLabel.objects.filter(project=project, is_current=True).exclude(task__state=Task.State.OPEN)
        label = labels.select_related("task").order_by("?").first()
        if label is None:
            time.sleep(0.01)
            continue
        decided += 1
        step = rng.choices(["approve", "fix", "reject", "batch", "stop"], weights=[6, 2, 2, 1, 1])[0]
        with suppress(AnnotaryError):
            if step == "batch":
                approve_batch(reviewer=reviewer, batch=batch)
            elif step == "stop":
                close_with_current_answers(batch=batch)
            else:
                decide(reviewer, label, step)


def decide(reviewer: Actor, label: ConsensusLabel, step: str) -> None:
    task, seen = label.task, label.content_hash
    if step == "approve":
        approve_label(reviewer=reviewer, task=task, label_hash=seen)
    elif step == "fix":
        fix_label(reviewer=reviewer, task=task, label_hash=seen, raw=class_answer(2))
    else:
        reject_label(reviewer=reviewer, task=task, label_hash=seen, reason="Look again.", again=True)


def test_work_and_review_do_not_deadlock_and_the_tables_stay_consistent() -> None:
    workers = [a_worker(name) for name in ("wren", "finch", "robin", "tit")]
    project = a_project(answers_min=2, answers_max=3, hand_size=6, gold_rate=0, workers=workers)
    tasks = some_tasks(project, 24)
    ids, batch, by, owl = [task.pk for task in tasks], tasks[0].batch, ada(), a_worker("owl")

    results = together(
        *(lambda worker=worker, seed=seed: work(worker, project, seed) for seed, worker in enumerate(workers)),
        *(lambda seed=seed: label_again(ids, seed) for seed in (10, 11)),
        lambda: review(by, project, batch, 20),
        lambda: review(owl, project, batch, 21),
    )
    relabel(task_ids=ids)

    assert [result for result in results if result is not None] == []
    happened = set(Event.objects.values_list("kind", flat=True))
    assert {"task.answered", "label.approved", "label.rejected", "task.reopened", "places.changed"} <= happened
    _assert_counters_match_rows(project)
    _assert_approvals_are_of_current_labels(project)
    _assert_deltas_add_up(project)


def _assert_counters_match_rows(project: Project) -> None:
    counting = Count("assignments", filter=Q(assignments__counts=True, assignments__round=F("round")))
    for task in Task.objects.filter(project=project).annotate(counting=counting):
        assert task.taken == task.counting, task.pk
    assert not Assignment.objects.filter(project=project, counts=True, round__lt=F("task__round")).exists()
    for batch in Batch.objects.filter(project=project).annotate(
        task_wanted=Sum("tasks__wanted"), task_taken=Sum("tasks__taken")
    ):
        assert (batch.wanted, batch.taken) == (batch.task_wanted, batch.task_taken)
        if batch.state == Batch.State.APPROVED:
            assert not batch.tasks.exclude(state=Task.State.APPROVED).exists()


def _assert_approvals_are_of_current_labels(project: Project) -> None:
    approving = Review.objects.filter(
        project=project, is_current=True, label__is_current=True, label_hash=F("label__content_hash")
    ).exclude(verdict=Review.Verdict.REJECT)
    approved = Task.objects.filter(project=project, state=Task.State.APPROVED)
    assert set(approving.values_list("task_id", flat=True)) == set(approved.values_list("pk", flat=True))


def _assert_deltas_add_up(project: Project) -> None:
    totals: dict[str, int] = {}
    for event in Event.objects.filter(project_id=project.pk):
        for name, change in event.delta.items():
            totals[name] = totals.get(name, 0) + change
    tasks = Task.objects.filter(project=project)
    assert totals.get("answered", 0) == tasks.exclude(state=Task.State.OPEN).count()
    assert totals.get("approved", 0) == tasks.filter(state=Task.State.APPROVED).count()
    assert totals["leased"] == 0
    wanted = tasks.aggregate(wanted=Sum("wanted"))["wanted"]
    assert totals.get("places", 0) == wanted - 2 * tasks.count()
