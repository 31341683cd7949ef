"""Concurrent refits, and readers during a refit, each on its own connection."""

from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from kernel.jobs import run_job
from kernel.models import Job
from projects.models import Project
from tasks.consensus import refit as refit_module
from tasks.consensus import services
from tasks.consensus.models import ConsensusState, Posterior, WorkerReliability
from tasks.consensus.refit import REFIT, queue_missed_tasks, refit, request_refit
from tasks.consensus.services import update_labels
from tasks.consensus.worker_model import WorkerModel, load_worker_model, write_state
from tasks.flow.jobs import refit_job
from tests.concurrency_helpers import BackgroundCall, together
from tests.crowd import class_vote, simulated_votes, write_answers
from tests.factories import a_project, a_worker, some_tasks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project answered by four workers, with enough answers to fit a model."""
    monkeypatch.setattr("annotary_core.aggregation.classification.blend.COLD_START_ANSWERS", 50)
    workers = [a_worker(name) for name in ("wren", "finch", "robin", "tit")]
    project = a_project(answers_min=4, answers_max=4, workers=workers)
    tasks = some_tasks(project, 25, wanted=4)
    truth = {task.pk: 1 + task.pk % 2 for task in tasks}
    right = dict(zip(workers, (0.95, 0.9, 0.6, 0.5), strict=True))
    write_answers(project, simulated_votes(project, tasks, workers, truth=truth, right=right))
    update_labels(task_ids=[task.pk for task in tasks])
    return project


def known(project: Project) -> WorkerModel:
    workers = [a_worker(name).pk for name in ("wren", "finch", "robin", "tit")]
    return load_worker_model(project=project, workers=workers, classes=[1, 2])


def test_of_concurrent_refits_one_writes_and_the_others_find_nothing_new(project: Project) -> None:
    results = together(*[lambda: refit(project_id=project.pk)] * 3)

    assert sorted((done.version, done.fresh) for done in results) == [(1, False), (1, False), (1, True)]
    assert ConsensusState.objects.count() == 1
    assert WorkerReliability.objects.count() == 4
    [fresh] = [done for done in results if done.fresh]
    queued = [pk for job in Job.objects.filter(kind="consensus.update") for pk in job.args["task_ids"]]
    assert len(queued) == len(set(queued)) == fresh.moved


def test_a_second_refit_waits_for_the_first(project: Project) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{REFIT.name}.{project.pk}"])
        second = BackgroundCall(lambda: refit(project_id=project.pk))
        second.wait_until_blocked()
    assert second.wait_for_result().fresh is True


def test_readers_see_the_complete_old_version_until_the_new_one_commits(project: Project) -> None:
    refit(project_id=project.pk)
    before = known(project)
    with transaction.atomic():
        ConsensusState.objects.update(fingerprint="as if of other answers")
        refit(project_id=project.pk)
        reader = BackgroundCall(lambda: known(project))
        seen: WorkerModel = reader.wait_for_result()
    assert seen.version == before.version == 1
    assert seen.blend.accuracy.tolist() == before.blend.accuracy.tolist()
    assert known(project).version == 2


def test_a_reader_of_a_header_still_finds_its_workers_after_the_next_refit(project: Project) -> None:
    refit(project_id=project.pk)
    header = ConsensusState.objects.get(project=project, is_current=True)
    ConsensusState.objects.update(fingerprint="as if of other answers")

    together(lambda: refit(project_id=project.pk))

    assert WorkerReliability.objects.filter(state=header).count() == 4


def test_readers_never_see_a_mix_of_two_versions(project: Project) -> None:
    """Each version gives every worker the same accuracy, so a mixture would be visible."""
    workers = [a_worker(name).pk for name in ("wren", "finch", "robin", "tit")]
    refit(project_id=project.pk)
    state = known(project).blend

    def write(times: int) -> None:
        for number in range(1, times + 1):
            share = round(0.5 + number / 100, 2)
            blend = type(state).from_parts(
                state.header_json(), {worker: state.worker_json(0) | {"accuracy": share} for worker in workers}
            )
            with transaction.atomic():
                write_state(project_id=project.pk, blend=blend, rates=None, fingerprint="", settled=0, seconds=0.0)

    def read(times: int) -> list[tuple[int, frozenset[float]]]:
        seen = [known(project) for _ in range(times)]
        return [(each.version, frozenset(each.blend.accuracy.tolist())) for each in seen]

    _, *readers = together(lambda: write(20), lambda: read(30), lambda: read(30))

    for version, accuracies in [row for rows in readers for row in rows]:
        assert version == 1 or accuracies == {round(0.5 + (version - 1) / 100, 2)}


def test_answers_that_settle_while_a_refit_runs_get_labels_of_its_version(project: Project) -> None:
    """Their job commits after the refit has scored the tasks and before the refit commits."""
    task = some_tasks(project, 1, wanted=4)[0]
    workers = [a_worker(name) for name in ("wren", "finch", "robin", "tit")]
    with transaction.atomic():
        refit(project_id=project.pk)
        write_answers(project, {worker: {task: class_vote(1)} for worker in workers})
    # As above, with the answers committed and labeled by the version before.
    ConsensusState.objects.update(is_current=False)
    update_labels(task_ids=[task.pk])
    ConsensusState.objects.update(is_current=True)
    assert Posterior.objects.get(task=task).state_version == 0
    Job.objects.all().delete()

    assert queue_missed_tasks(project_id=project.pk) > 0

    queued = [pk for job in Job.objects.filter(kind="consensus.update") for pk in job.args["task_ids"]]
    assert task.pk in queued
    update_labels(task_ids=queued)
    assert queue_missed_tasks(project_id=project.pk) == 0


def test_an_update_overtaken_by_a_refit_is_redone_with_the_new_model(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_ids = list(Posterior.objects.values_list("task_id", flat=True))
    original = services._save_posteriors
    overtaken: list[bool] = []

    def slow(outcomes: Any) -> None:
        original(outcomes)
        if not overtaken:
            overtaken.append(BackgroundCall(lambda: refit(project_id=project.pk)).wait_for_result().fresh)

    monkeypatch.setattr(services, "_save_posteriors", slow)

    update_labels(task_ids=task_ids)

    assert overtaken == [True]
    assert set(Posterior.objects.values_list("state_version", flat=True)) == {1}


def test_concurrent_requests_queue_one_refit(project: Project) -> None:
    Job.objects.all().delete()
    together(*[lambda: ask_in_transaction(project)] * 4)
    assert Job.objects.filter(kind=REFIT.name, state="queued").count() == 1


@transaction.atomic
def ask_in_transaction(project: Project) -> None:
    request_refit(project_id=project.pk)


def test_a_refit_that_dies_before_commit_leaves_nothing_and_is_retried(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut after the state is written and before the labels are queued."""
    Job.objects.all().delete()
    ask_in_transaction(project)
    [job] = Job.objects.all()
    queue = refit_module.queue_updates

    def cut(**work: Any) -> None:
        queue(**work)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patched:
        patched.setattr(refit_module, "queue_updates", cut)
        with pytest.raises(OperationalError):
            refit(project_id=project.pk)
    connection.close()
    assert not ConsensusState.objects.exists()
    assert not WorkerReliability.objects.exists()
    assert [row.pk for row in Job.objects.all()] == [job.pk], "no label is queued for a state that does not exist"

    run_job(job.pk, refit_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it

    assert ConsensusState.objects.get().version == 1
    assert Job.objects.filter(kind="consensus.update").exists()
    run_job(job.pk, refit_job.run_function)  # type: ignore[attr-defined]
    assert ConsensusState.objects.get().version == 1
