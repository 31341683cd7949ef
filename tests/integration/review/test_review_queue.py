"""The review queue: the sampled share and all uncertain labels, lowest confidence first."""

from uuid import UUID

import pytest

from kernel.errors import Refused
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.review.selectors import review_progress, review_queue
from tasks.review.services import approve_batch
from tests.factories import a_project, a_task, a_worker, ada, an_answer, class_answer, finch, some_tasks, wren

pytestmark = pytest.mark.django_db


def answered(project: Project, prefixes: list[str]) -> list[Task]:
    """Answered tasks of one batch whose public ids start with these bytes, from 00 to ff."""
    tasks = some_tasks(project, len(prefixes), wanted=1)
    for task, prefix in zip(tasks, prefixes, strict=True):
        Task.objects.filter(pk=task.pk).update(public_id=UUID(prefix + task.public_id.hex[2:]))
        an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])
    return tasks


def test_the_share_to_review_is_a_stable_sample() -> None:
    project = a_project(answers_min=1, answers_max=1, share_reviewed=0.25, workers=[wren()])
    tasks = answered(project, ["05", "3f", "41", "f0"])

    assert {label.task for label in review_queue(project=project)} == {tasks[0], tasks[1]}
    assert {label.task for label in review_queue(project=project, state="unseen")} == {tasks[2], tasks[3]}

    project.share_reviewed = 0.5
    assert {label.task for label in review_queue(project=project)} == {tasks[0], tasks[1], tasks[2]}


@pytest.mark.parametrize(("share", "chosen"), [(0.0, 0), (1.0, 3)])
def test_none_and_all_labels_can_be_chosen(share: float, chosen: int) -> None:
    project = a_project(answers_min=1, answers_max=1, share_reviewed=share, workers=[wren()])
    tasks = answered(project, ["00", "80", "ff"])

    assert review_queue(project=project).count() == chosen
    assert review_progress(batch=tasks[0].batch) == {
        "images": 3,
        "unanswered": 0,
        "to_review": chosen,
        "unseen": 3 - chosen,
        "approved": 0,
    }


def test_uncertain_labels_are_always_chosen_and_come_first() -> None:
    names = ["robin", "tit", "owl"]
    project = a_project(answers_min=3, answers_max=3, share_reviewed=0.0, workers=[a_worker(name) for name in names])
    sure, unsure = a_task(project), a_task(project)
    for number, name in zip((1, 1, 2), names, strict=True):
        an_answer(sure, a_worker(name), class_answer(1))
        an_answer(unsure, a_worker(name), class_answer(number))
    update_labels(task_ids=[sure.pk, unsure.pk])

    assert [label.task for label in review_queue(project=project)] == [unsure]
    project.share_reviewed = 1.0
    assert [label.task for label in review_queue(project=project)] == [unsure, sure]


def test_the_queue_follows_the_verdicts() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren(), finch()])
    tasks = answered(project, ["10", "20"])
    approve_batch(reviewer=ada(), batch=tasks[0].batch)

    assert not review_queue(project=project).exists()
    assert review_queue(project=project, state="approved").count() == 2
    assert review_queue(project=project, batch=tasks[0].batch, state="all").count() == 2
    assert ConsensusLabel.objects.count() == 2


def test_an_unknown_list_is_refused() -> None:
    with pytest.raises(Refused, match="Choose one of to_review"):
        review_queue(project=a_project(), state="everything")
