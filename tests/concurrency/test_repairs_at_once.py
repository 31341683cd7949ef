"""Repairs against claims, answers, verdicts, releases, refits and other repairs at the same time, and killed ones."""

import random
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Actor
from kernel.errors import AnnotaryError
from kernel.models import Job
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.refit import refit
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.flow.repair import run_repair, start_repair, undo_repair
from tasks.flow.repair_steps import void_some
from tasks.flow.revocation import block_worker, remove_worker
from tasks.flow.settlement import settle_hand
from tasks.repair.errors import RepairInProgress
from tasks.repair.models import Repair
from tasks.review.services import approve_batch, approve_label
from tasks.snapshots.errors import RepairUnfinished
from tasks.snapshots.models import Snapshot
from tasks.snapshots.services import build_snapshot, create_snapshot
from tasks.standing.errors import WorkerRemoved
from tests import factories, repairs, worker_actions
from tests.concurrency_helpers import BackgroundCall, together
from tests.labeled import a_crowd, a_paid_task

pytestmark = pytest.mark.django_db(transaction=True)

CAT, DOG = factories.class_answer(1), factories.class_answer(2)


def a_project(tasks: int = 12, **policy: Any) -> Project:
    values: dict[str, Any] = {
        "answers_min": 2,
        "answers_max": 2,
        "gold_rate": 0,
        "hand_size": 3,
        "price": "0.05",
    } | policy
    project = factories.a_project(**values)
    project.refresh_from_db()
    a_crowd(project, 6)
    for number in range(tasks):
        if number % 4 == 0:
            factories.a_batch(project)
        task = a_paid_task(project, [DOG, CAT, CAT] if number % 3 else [CAT, CAT])
        if number % 2:
            approve(task)
    Job.objects.all().delete()
    return project


def approve(task: Task) -> None:
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)


def bad(project: Project) -> Actor:
    return a_crowd(project, 1)[0]


def begin(project: Project, worker: Actor | None = None) -> Repair:
    worker = worker or bad(project)
    return start_repair(project=project, worker=worker, by=factories.ada(), reason="Random answers.")


def run(repair: Repair) -> None:
    run_repair(repair_id=repair.pk)


def faults(results: list[Any]) -> list[Any]:
    return [each for each in results if isinstance(each, Exception) and not isinstance(each, AnnotaryError)]


def assert_void(project: Project) -> None:
    repair = Repair.objects.get(project=project, state=Repair.State.VOIDED)
    void = Assignment.objects.filter(project=project, worker=repair.worker, submitted_at__lt=repair.until)
    assert not void.filter(counts=True).exists()
    repairs.assert_rules(project)


def test_of_two_managers_at_once_one_voids() -> None:
    project = a_project(4)
    results = together(*[partial(begin, project)] * 3)
    assert sum(isinstance(each, Repair) for each in results) == 1
    assert sum(isinstance(each, RepairInProgress) for each in results) == 2


def test_two_jobs_at_once_void_once() -> None:
    project = a_project()
    repair = begin(project)
    assert not faults(together(*[partial(run, repair)] * 4))
    repair.refresh_from_db()
    assert (repair.state, repair.done, repair.images) == (Repair.State.VOIDED, 12, 12)
    assert_void(project)
    before = repairs.state_of(project)
    undone = undo_repair(repair=repair, by=factories.ada(), reason="The wrong worker.")
    assert not faults(together(*[partial(run, undone)] * 4))
    undone.refresh_from_db()
    assert (undone.state, undone.done) == (Repair.State.RESTORED, 12)
    assert repairs.state_of(project) != before
    repairs.assert_rules(project)


def test_an_answer_that_is_being_submitted_is_awaited_and_void() -> None:
    project = a_project(2)
    factories.some_tasks(project, 2)
    lease = worker_actions.leases_of(worker_actions.take(bad(project), project))[0]
    with transaction.atomic():
        worker_actions.answer(lease)
        call = BackgroundCall(lambda: begin(project))
        call.wait_until_blocked()
    repair = call.wait_for_result()
    assert repair.answers == 3
    run(repair)
    assert not Assignment.objects.get(pk=lease.pk).counts
    settle_hand(worker=bad(project), hand_id=lease.hand.public_id)
    assert_void(project)


def test_an_answer_that_a_job_has_missed_is_void_once_its_set_is_settled() -> None:
    project = a_project(2)
    factories.some_tasks(project, 2)
    lease = worker_actions.leases_of(worker_actions.take(bad(project), project))[0]
    repair = begin(project)
    run(repair)
    worker_actions.answer(lease)
    # Its time was read before the repair began, and it was held up until the job had ended.
    Assignment.objects.filter(pk=lease.pk).update(submitted_at=repair.created_at - timedelta(seconds=1))
    settle_hand(worker=bad(project), hand_id=lease.hand.public_id)
    (job,) = Job.objects.filter(kind="flow.repair", state="queued").exclude(args__repair_id=0).order_by("-pk")[:1]
    run_repair(repair_id=job.args["repair_id"])
    assert not Assignment.objects.get(pk=lease.pk).counts
    assert_void(project)


def test_a_repair_among_claims_answers_verdicts_refits_and_another_repair() -> None:
    project = a_project(16)
    factories.some_tasks(project, 6)
    crowd = a_crowd(project, 6)
    first, second = begin(project, crowd[0]), begin(project, crowd[1])

    def work(worker: Actor, seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(4):
            hand = claim_hand(worker=worker, project=project)
            if hand is None:
                return
            for lease in worker_actions.leases_of(hand):
                worker_actions.answer(lease, rng.choice([1, 2]))
            settle_hand(worker=worker, hand_id=hand.public_id)
            relabel(task_ids=[lease.task_id for lease in worker_actions.leases_of(hand) if lease.task_id])

    def review(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(8):
            label = rng.choice(list(ConsensusLabel.objects.filter(is_current=True)))
            seen: dict[str, Any] = {
                "reviewer": factories.ada(),
                "task": label.task,
                "label_hash": label.content_hash,
                "again": True,
            }
            try:
                if rng.random() < 0.5:
                    approve_label(**seen)
                else:
                    reject_label(**seen, reason="It is wrong.")
            except AnnotaryError:
                continue

    def manage() -> None:
        for batch in Batch.objects.all():
            try:
                approve_batch(reviewer=factories.ada(), batch=batch)
            except AnnotaryError:
                continue
        refit(project_id=project.pk)

    results = together(
        partial(run, first),
        partial(run, second),
        partial(run, first),
        *[partial(work, worker, number) for number, worker in enumerate(crowd)],
        partial(review, 1),
        partial(review, 2),
        manage,
    )
    assert not faults(results), results
    for repair in (first, second):
        run(repair)
        repair.refresh_from_db()
        assert repair.state == Repair.State.VOIDED
        void = Assignment.objects.filter(worker=repair.worker, submitted_at__lt=repair.until, counts=True)
        assert not void.exists()
    repairs.assert_rules(project)
    undone = [undo_repair(repair=each, by=factories.ada(), reason="Both were right.") for each in (first, second)]
    results = together(
        *[partial(run, each) for each in undone],
        *[partial(work, worker, number) for number, worker in enumerate(crowd[2:])],
        partial(review, 3),
        manage,
    )
    assert not faults(results), results
    repairs.assert_rules(project)


def test_a_release_waits_for_a_repair() -> None:
    project = a_project()
    repair = begin(project)
    snapshot = create_snapshot(project=project, by=factories.ada())
    with pytest.raises(RepairUnfinished):
        build_snapshot(snapshot_id=snapshot.pk)
    run(repair)
    assert build_snapshot(snapshot_id=snapshot.pk)
    assert not Repair.objects.get().releases.exists()


def test_a_release_that_a_repair_overtakes_is_built_again() -> None:
    project = a_project()
    snapshot = create_snapshot(project=project, by=factories.ada())
    started: list[Any] = []

    def overtake(done: int, total: int) -> None:
        call = BackgroundCall(lambda: begin(project))
        started.append(call.wait_for_result())

    with pytest.raises(RepairUnfinished):
        build_snapshot(snapshot_id=snapshot.pk, report=overtake)
    assert isinstance(started[0], Repair)
    assert Snapshot.objects.get().state == Snapshot.State.BUILDING


def test_a_repair_waits_for_a_release_that_is_nearly_ready_and_marks_it() -> None:
    project = a_project()
    snapshot = create_snapshot(project=project, by=factories.ada())
    with transaction.atomic():
        build_snapshot(snapshot_id=snapshot.pk)
        call = BackgroundCall(lambda: begin(project))
        call.wait_until_blocked()
    repair = call.wait_for_result()
    run(repair)
    mark = repair.releases.get()
    assert (mark.snapshot_id, mark.labels) == (snapshot.pk, 6)


class Killed(Exception):
    """The process ended here."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_job_that_is_killed_between_steps_goes_on(after: int) -> None:
    project = a_project()
    before = repairs.state_of(project)
    repair = begin(project)

    calls: list[int] = []

    def kill(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == after:
            raise Killed

    with pytest.raises(Killed):
        run_repair(repair_id=repair.pk, progress=kill)
    repairs.assert_rules(project)
    # Another time it dies after the answers were voided and before the labels are up to date.
    for batch in Batch.objects.order_by("pk"):
        void_some(repair, batch.pk)
        break
    repairs.assert_rules(project)
    run(repair)
    assert_void(project)
    undone = undo_repair(repair=Repair.objects.get(), by=factories.ada(), reason="The wrong worker.")
    calls.clear()
    with pytest.raises(Killed):
        run_repair(repair_id=undone.pk, progress=kill)
    repairs.assert_rules(project)
    run(undone)
    assert repairs.state_of(project) == before


def test_a_block_and_an_answer_at_once_leave_either_a_paid_answer_or_a_refused_one() -> None:
    for number in range(8):
        project = factories.a_project(f"Strays {number}", workers=[factories.finch()], gold_rate=0, hand_size=2)
        worker = factories.a_worker(f"wren{number}")
        factories.admitted(project, worker)
        factories.some_tasks(project, 4)
        hand = worker_actions.take(worker, project)
        leases = worker_actions.leases_of(hand)
        results = together(
            *[partial(worker_actions.answer, lease) for lease in leases],
            partial(
                block_worker, organisation=project.organisation, worker=worker, by=factories.ada(), reason="A script."
            ),
        )
        refused = [each for each in results if isinstance(each, Exception)]
        assert all(isinstance(each, WorkerRemoved) or type(each).__name__ == "ImageGivenBack" for each in refused)
        paid = Assignment.objects.filter(hand=hand, ledger__kind="credit").count()
        assert paid == len(leases) - len(refused)
        assert not Assignment.objects.filter(project=project, state="leased").exists()
        repairs.assert_rules(project)


def test_exclusion_and_repair_at_once() -> None:
    project = a_project()
    factories.some_tasks(project, 4)
    worker = bad(project)
    hand = worker_actions.take(worker, project)
    lease = worker_actions.leases_of(hand)[0]
    results = together(
        partial(worker_actions.answer, lease),
        partial(remove_worker, project=project, worker=worker, reason="A script."),
        partial(begin, project),
    )
    assert not faults(results), results
    run(Repair.objects.get())
    assert_void(project)
