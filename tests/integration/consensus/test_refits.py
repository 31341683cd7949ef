"""What a refit estimates, when it writes a version, and which labels it changes."""

from typing import Any

import pytest

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from kernel.models import Event, Job
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus import answer_shards
from tasks.consensus.evidence import task_evidence
from tasks.consensus.label_task import aggregate_task, load_inputs
from tasks.consensus.models import ConsensusLabel, ConsensusState, Posterior, WorkerReliability
from tasks.consensus.refit import RefitResult, refit
from tasks.consensus.services import update_labels
from tasks.consensus.worker_model import load_worker_model, other_projects_record
from tests.crowd import simulated_votes, write_answers
from tests.factories import a_gold, a_project, a_worker, admitted, box_answer, class_answer, some_tasks

pytestmark = pytest.mark.django_db

GOOD, GUESSES = 0.9, 0.5
CLASSES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def warm_from_few_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotary_core.aggregation.classification.blend.COLD_START_ANSWERS", 100)


def a_project_with_crowd(**policy: Any) -> tuple[Project, list[Actor], list[Task], dict[int, int]]:
    """Two good workers and three who guess, on 60 images."""
    workers = [a_worker(name) for name in ("wren", "finch", "robin", "tit", "crow")]
    project = a_project(classes=CLASSES, answers_min=5, answers_max=5, workers=workers, **policy)
    tasks = some_tasks(project, 60, wanted=5)
    return project, workers, tasks, {task.pk: 1 + index % 3 for index, task in enumerate(tasks)}


def answered_by_crowd(**policy: Any) -> tuple[Project, list[Actor], list[Task], dict[int, int]]:
    project, workers, tasks, truth = a_project_with_crowd(**policy)
    right = dict(zip(workers, (GOOD, GOOD, GUESSES, GUESSES, GUESSES), strict=True))
    write_answers(project, simulated_votes(project, tasks, workers, truth=truth, right=right, classes=3))
    return project, workers, tasks, truth


def queued() -> list[int]:
    return sorted(pk for job in Job.objects.filter(kind="consensus.update") for pk in job.args["task_ids"])


def share_right(truth: dict[int, int]) -> float:
    labels = ConsensusLabel.objects.filter(is_current=True).values_list("task_id", "body")
    return sum(int(body["image"]["class"]) == truth[pk] for pk, body in labels) / len(truth)


def test_a_refit_separates_good_workers_from_guessers_and_improves_labels() -> None:
    project, workers, tasks, truth = answered_by_crowd()
    update_labels(task_ids=[task.pk for task in tasks])
    before = share_right(truth)

    result = refit(project_id=project.pk)
    update_labels(task_ids=queued())

    assert (result.version, result.fresh, result.moved) == (1, True, len(queued()))
    worker_model = load_worker_model(project=project, workers=[worker.pk for worker in workers], classes=())
    accuracy = dict(zip(worker_model.blend.workers.tolist(), worker_model.blend.accuracy, strict=True))
    good, guessing = [accuracy[w.pk] for w in workers[:2]], [accuracy[w.pk] for w in workers[2:]]
    assert min(good) > 0.8 > 0.65 > max(guessing)
    assert share_right(truth) > before
    assert Event.objects.get(kind="consensus.refitted").data == {"version": 1, "moved": result.moved}


def test_only_labels_affected_by_the_new_state_are_recomputed() -> None:
    project, _, tasks, _ = answered_by_crowd()
    ids = [task.pk for task in tasks]
    update_labels(task_ids=ids)
    refit(project_id=project.pk)
    moved = queued()
    assert 0 < len(moved) <= len(ids)
    update_labels(task_ids=moved)

    versions = dict(Posterior.objects.values_list("task_id", "state_version"))
    assert {pk for pk, version in versions.items() if version == 1} == set(moved)
    unmoved = next(task for task in tasks if task.pk not in moved)
    evidence = [task_evidence(task=Task.objects.get(pk=pk)) for pk in (unmoved.pk, moved[0])]
    assert [(each["posterior_version"], each["state_version"]) for each in evidence] == [(0, 1), (1, 1)]
    labels = ConsensusLabel.objects.filter(is_current=True, version=2)
    assert {row.task_id for row in labels} < set(moved)
    for row in labels:
        before = ConsensusLabel.objects.get(task=row.task_id, version=1)
        assert before.content_hash != row.content_hash
        assert row.evidence["state_version"] == 1


def test_a_label_that_is_no_longer_tied_is_recomputed_even_if_the_likeliest_class_hardly_moves() -> None:
    """Its class was tied with the likeliest one, and is not any more, because a third class gained."""
    project, _, tasks, _ = answered_by_crowd()
    ids = [task.pk for task in tasks]
    update_labels(task_ids=ids)
    refit(project_id=project.pk)
    update_labels(task_ids=queued())
    Job.objects.all().delete()
    posterior = Posterior.objects.filter(body__class__has_key="3").order_by("confidence").first()
    assert posterior is not None
    shares = posterior.body["class"]
    best, *others = sorted(shares, key=shares.__getitem__, reverse=True)
    tied = {best: shares[best], others[-1]: shares[best] - 0.001}
    Posterior.objects.filter(pk=posterior.pk).update(body={"class": tied})
    ConsensusState.objects.update(fingerprint="of other answers")

    refit(project_id=project.pk)

    assert queued() == [posterior.task_id]


def test_refitting_the_same_answers_writes_nothing() -> None:
    project, _, _, _ = answered_by_crowd()
    refit(project_id=project.pk)
    queue = queued()

    assert refit(project_id=project.pk) == RefitResult(1, fresh=False, moved=0)
    assert ConsensusState.objects.count() == 1
    assert queued() == queue


def test_labels_that_are_up_to_date_are_not_queued_again() -> None:
    project, _, tasks, _ = answered_by_crowd()
    ids = [task.pk for task in tasks]
    update_labels(task_ids=ids)
    refit(project_id=project.pk)
    update_labels(task_ids=queued())
    Job.objects.all().delete()
    ConsensusState.objects.update(fingerprint="of other answers")

    assert refit(project_id=project.pk).version == 2
    assert queued() == []


def test_gold_and_labels_set_by_people_enter_as_known_classes() -> None:
    project, workers, tasks, truth = a_project_with_crowd()
    right = dict.fromkeys(workers, 0.9)
    votes = simulated_votes(project, tasks, workers, truth=truth, right=right, classes=3)
    for task in tasks[:30]:  # a shared bias that agreement cannot reveal: all five answer dog for these owls
        for worker in workers:
            votes[worker][task] = class_answer(2)
    golds = [a_gold(project, accepted=[class_answer(3)]) for _ in range(20)]
    for worker in workers:
        votes[worker] |= {gold: class_answer(2) for gold in golds}
    write_answers(project, votes)

    refit(project_id=project.pk)

    worker_model = load_worker_model(project=project, workers=[workers[0].pk], classes=())
    at_owl = worker_model.blend.confusion_of(worker_model.blend.workers)[0, 2]
    assert at_owl[1] > 0.3, "gold shows that owls are labeled as dogs"
    shown = task_evidence(task=Task.objects.get(pk=tasks[0].pk))
    assert shown["state_version"] == 1 and shown["cold"] is False
    assert len(shown["answers"]) == 5


def test_a_fit_from_shard_files_equals_one_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    project, workers, _, _ = answered_by_crowd()
    refit(project_id=project.pk)
    in_memory = load_worker_model(project=project, workers=[worker.pk for worker in workers], classes=())
    ConsensusState.objects.all().delete()
    monkeypatch.setattr(answer_shards, "TASKS_PER_SHARD", 7)
    monkeypatch.setattr(answer_shards, "IN_MEMORY", 60)
    monkeypatch.setattr("tasks.consensus.answer_shards.task_ranges.__kwdefaults__", {"size": 7})
    monkeypatch.setattr("tasks.consensus.answer_shards.ShardStore.__init__.__kwdefaults__", {"in_memory": 60})

    refit(project_id=project.pk)

    from_files = load_worker_model(project=project, workers=[worker.pk for worker in workers], classes=())
    assert from_files.blend.accuracy == pytest.approx(in_memory.blend.accuracy, abs=1e-6)
    assert from_files.blend.confusion == pytest.approx(in_memory.blend.confusion, abs=1e-6)
    assert from_files.blend.blend == pytest.approx(in_memory.blend.blend, abs=1e-6)


def test_the_previous_version_is_kept_and_older_ones_are_deleted() -> None:
    project, workers, _, _ = answered_by_crowd()
    for _ in range(3):
        refit(project_id=project.pk)
        admitted(a_project("Elsewhere"), workers[0], gold=(5, 0))
    assert sorted(ConsensusState.objects.values_list("version", "is_current")) == [(2, False), (3, True)]
    assert WorkerReliability.objects.filter(state__version=2).count() == 5


def test_gold_in_other_projects_of_the_organization_counts_less() -> None:
    worker = a_worker("wren")
    project = a_project(workers=[worker])
    admitted(a_project("Earlier"), worker, gold=(9, 1))
    assert other_projects_record(project=project, workers=[worker.pk]) == {worker.pk: (4.5, 0.5)}

    admitted(a_project("Much earlier"), worker, gold=(91, 99))
    assert other_projects_record(project=project, workers=[worker.pk]) == {worker.pk: pytest.approx((10.0, 10.0))}


def test_few_answers_give_no_class_model_and_labels_rest_on_gold() -> None:
    worker = a_worker("wren")
    project = a_project(workers=[worker])
    [task] = some_tasks(project, 1, wanted=1)
    write_answers(project, {worker: {task: class_answer(1)}})

    assert refit(project_id=project.pk) == RefitResult(1, fresh=True, moved=0)

    worker_model = load_worker_model(project=project, workers=[worker.pk], classes=[1, 2])
    assert (worker_model.version, worker_model.blend.is_cold_start, worker_model.blend.accuracy.tolist()) == (
        1,
        True,
        [0.8],
    )


def test_a_negligible_move_of_an_agreed_box_writes_no_version() -> None:
    workers = [a_worker(name) for name in ("wren", "finch", "robin")]
    project = a_project(tools=("box",), answers_min=3, answers_max=3, workers=workers)
    tasks = some_tasks(project, 30, wanted=3)
    answers: dict[Any, Any] = {worker: {} for worker in workers}
    for index, task in enumerate(tasks):
        # Robin draws imprecisely, so the agreed box moves toward the others once that is estimated.
        for worker, offset in zip(workers, (0.0, 1.0, 6.0 if index % 2 else -5.0), strict=True):
            answers[worker][task] = box_answer((1, 100.0 + offset, 100.0 + offset, 120, 120))
    write_answers(project, answers)
    ids = [task.pk for task in tasks]
    update_labels(task_ids=ids)
    before = ConsensusLabel.objects.get(task=tasks[0])

    refit(project_id=project.pk)
    assert update_labels(task_ids=ids) == 0

    assert ConsensusLabel.objects.get(task=tasks[0]).content_hash == before.content_hash
    posterior = Posterior.objects.get(task=tasks[0])
    assert posterior.state_version == 1
    assert set(posterior.body["objects"]) == {item["id"] for item in before.body["objects"]}
    inputs = load_inputs(project=project, task_ids=[tasks[0].pk])
    assert aggregate_task(task=tasks[0], inputs=inputs).answer != Answer.from_json(before.body), (
        "the aggregated box moved"
    )


def test_gold_reveals_workers_who_draw_false_objects() -> None:
    workers = [a_worker(name) for name in ("wren", "finch", "robin", "crow")]
    project = a_project(tools=("box",), answers_min=4, answers_max=4, workers=workers)
    tasks = some_tasks(project, 60, wanted=4)
    box = (1, 10.0, 10.0, 100.0, 80.0)
    answers: dict[Any, Any] = {worker: {task: box_answer(box) for task in tasks} for worker in workers[:3]}
    answers[workers[3]] = {
        task: box_answer(box, (2, 200.0 + index, 200, 40, 40), (2, 400, 100.0 + index, 30, 30))
        for index, task in enumerate(tasks)
    }
    for gold in [a_gold(project, accepted=[box_answer(box)]) for _ in range(15)]:
        for worker in workers[:3]:
            answers[worker][gold] = box_answer(box)
        answers[workers[3]][gold] = box_answer(box, (2, 300, 300, 40, 40), (2, 500, 50, 40, 40))
    write_answers(project, answers)
    ids = [task.pk for task in tasks]
    update_labels(task_ids=ids)
    assert len(ConsensusLabel.objects.get(task=tasks[0]).body["objects"]) == 3

    refit(project_id=project.pk)
    update_labels(task_ids=queued())

    label = ConsensusLabel.objects.get(task=tasks[0], is_current=True)
    assert [item["class"] for item in label.body["objects"]] == [1]
    shown = {row["worker"]: row for row in task_evidence(task=tasks[0])["answers"]}
    careless, careful = (shown[str(workers[at].public_id)] for at in (3, 0))
    assert careless["false_rate"] is not None and careful["false_rate"] is not None
    assert careless["false_rate"] > 0.5 > 0.1 > careful["false_rate"]
    Job.objects.all().delete()
    ConsensusState.objects.update(fingerprint="another")
    refit(project_id=project.pk)
    assert queued() == []
