"""Labels are recomputed after the changes that affect them and no others: gold, trust, rejections."""

import pytest

from accounts.models import Actor
from kernel.models import Job
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.consensus.evidence import task_evidence
from tasks.consensus.models import ConsensusLabel, ConsensusState, Posterior
from tasks.consensus.refit import refit
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.standing.models import Standing
from tasks.standing.services import pause, record_gold_results, resume
from tests import worker_actions
from tests.crowd import class_vote, write_answers
from tests.factories import a_gold, a_project, a_worker, ada, an_answer, box_answer, class_answer, some_tasks

pytestmark = pytest.mark.django_db

GOLD_IMAGES = 15


def three() -> list[Actor]:
    return [a_worker(name) for name in ("wren", "finch", "robin")]


def relabel_queued() -> list[int]:
    """Relabel the queued tasks and empty the queue; returns the tasks."""
    jobs = Job.objects.filter(kind="consensus.update")
    tasks = sorted(pk for job in jobs for pk in job.args["task_ids"])
    jobs.delete()
    relabel(task_ids=tasks)
    return tasks


def classes() -> dict[int, int]:
    rows = ConsensusLabel.objects.filter(is_current=True).values_list("task_id", "body")
    return {task: body["image"]["class"] for task, body in rows}


def a_split_crowd() -> tuple[Project, list[Actor], list[Task], list[Task]]:
    """Too few answers for a fit. On the first images wren answers cat, the others dog; on the rest they agree."""
    workers = three()
    project = a_project(answers_min=3, answers_max=3, workers=workers)
    tasks = some_tasks(project, 12, wanted=3)
    split, agreed = tasks[:8], tasks[8:]
    write_answers(project, {w: {t: class_vote(1 if w == workers[0] else 2) for t in split} for w in workers})
    write_answers(project, {w: {t: class_vote(1) for t in agreed} for w in workers})
    relabel(task_ids=[task.pk for task in tasks])
    return project, workers, split, agreed


def answer_gold(project: Project, workers: list[Actor]) -> None:
    """Wren answers all gold correctly, the others none."""
    golds = [a_gold(project, accepted=[class_answer(1)]) for _ in range(GOLD_IMAGES)]
    write_answers(project, {w: {g: class_vote(1 if w == workers[0] else 2) for g in golds} for w in workers})
    for worker in workers:
        right = GOLD_IMAGES if worker == workers[0] else 0
        record_gold_results(project_id=project.pk, worker_id=worker.pk, seen=GOLD_IMAGES, correct=right)


def test_gold_changes_earlier_labels_of_a_small_project() -> None:
    project, workers, split, _ = a_split_crowd()
    assert {classes()[task.pk] for task in split} == {2}
    answer_gold(project, workers)

    refit(project_id=project.pk)

    assert {task.pk for task in split} <= set(relabel_queued())
    assert {classes()[task.pk] for task in split} == {1}


def test_unaffected_labels_get_no_version_and_nothing_is_queued_twice() -> None:
    project, workers, split, agreed = a_split_crowd()
    answer_gold(project, workers)
    refit(project_id=project.pk)
    relabel_queued()

    versions = dict(ConsensusLabel.objects.filter(is_current=True).values_list("task_id", "version"))
    assert {versions[task.pk] for task in split} == {2}
    assert {versions[task.pk] for task in agreed} == {1}
    ConsensusState.objects.update(fingerprint="of other answers")
    assert refit(project_id=project.pk).fresh
    assert relabel_queued() == []


def test_a_trust_reset_by_a_manager_changes_labels() -> None:
    project, workers, split, _ = a_split_crowd()
    answer_gold(project, workers)
    refit(project_id=project.pk)
    relabel_queued()
    for worker in workers:
        Standing.objects.filter(worker=worker).update(state=Standing.State.ACTIVE)
        pause(project=project, worker=worker, reason="A talk.")
        resume(project=project, worker=worker)

    assert refit(project_id=project.pk).fresh

    assert {task.pk for task in split} <= set(relabel_queued())
    assert {classes()[task.pk] for task in split} == {2}


def test_pausing_a_worker_because_of_gold_requests_a_refit() -> None:
    wren = a_worker("wren")
    project = a_project(workers=[wren], hand_size=20, gold_rate=0.5)
    some_tasks(project, 30)
    for _ in range(10):
        a_gold(project)
    hand = worker_actions.take(wren, project)
    for lease in Assignment.objects.filter(hand=hand):
        worker_actions.answer(lease, 2)
    assert not Job.objects.filter(kind="consensus.refit").exists()

    worker_actions.settle(hand)

    assert Standing.objects.get(worker=wren).state == "paused"
    assert Job.objects.filter(kind="consensus.refit", state="queued").count() == 1


def test_a_rejected_image_has_no_posterior_until_it_is_answered_again() -> None:
    workers = three()
    project = a_project(tools=("box",), answers_min=3, answers_max=3, workers=workers)
    tasks = some_tasks(project, 5, wanted=3)
    write_answers(project, {worker: {task: box_answer((1, 10, 10, 100, 100)) for task in tasks} for worker in workers})
    relabel(task_ids=[task.pk for task in tasks])
    refit(project_id=project.pk)
    relabel_queued()
    label = ConsensusLabel.objects.get(task=tasks[0], is_current=True)

    reject_label(reviewer=ada(), task=tasks[0], label_hash=label.content_hash, reason="There are two.")

    assert task_evidence(task=Task.objects.get(pk=tasks[0].pk))["posterior"] == {}
    assert refit(project_id=project.pk).fresh
    assert relabel_queued() == [], "there are no answers to aggregate"
    an_answer(tasks[0], workers[0], box_answer((1, 10, 10, 50, 50)))
    relabel(task_ids=[tasks[0].pk])
    assert Posterior.objects.get(task=tasks[0]).answers == 1
