"""Projects whose classes are changed: their images, and the changes."""

from __future__ import annotations

from typing import Any

from projects.class_edits import ClassEdit
from projects.classes import ClassSpec
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.class_change import run_class_change, start_class_change, undo_class_change
from tasks.repair.change_models import ClassChange
from tasks.review.services import approve_label
from tests import factories, repairs
from tests.labeled import a_crowd

CAT, DOG, FOX = (factories.class_answer(number) for number in (1, 2, 3))
MERGE = ClassEdit("merge", (3,), into=2)
SPLIT = ClassEdit("split", (2,), new=(ClassSpec("hound"), ClassSpec("terrier")), labels="ask_again")


def a_project(name: str = "Strays", *, answers: int = 3) -> Project:
    project = factories.a_project(
        name, classes=("cat", "dog", "fox"), answers_min=answers, answers_max=answers, gold_rate=0, price="0.05"
    )
    project.refresh_from_db()
    return project


def labeled(project: Project, *bodies: Any, approved: bool = True) -> Task:
    task = factories.a_task(project, wanted=len(bodies))
    for worker, body in zip(a_crowd(project, len(bodies)), bodies, strict=True):
        factories.a_credit(factories.an_answer(task, worker, body))
    repairs.relabel_all(project)
    task.refresh_from_db()
    if approved and task.state == Task.State.ANSWERED:
        approve_label(reviewer=factories.ada(), task=task, label_hash=label(task).content_hash)
        task.refresh_from_db()
    return task


def label(task: Task) -> ConsensusLabel:
    return ConsensusLabel.objects.get(task=task, is_current=True)


def class_of(task: Task) -> int | None:
    row = ConsensusLabel.objects.filter(task=task, is_current=True).first()
    return row.body["image"]["class"] if row else None


def start(project: Project, edit: ClassEdit) -> ClassChange:
    project = Project.objects.select_related("schema").get(pk=project.pk)
    assert project.schema is not None
    version = project.schema.version
    return start_class_change(project=project, by=factories.ada(), edit=edit, reason="They overlap.", version=version)


def change(project: Project, edit: ClassEdit) -> ClassChange:
    return finish(start(project, edit))


def finish(row: ClassChange) -> ClassChange:
    run_class_change(change_id=row.pk)
    return ClassChange.objects.get(pk=row.pk)


def undo(row: ClassChange) -> ClassChange:
    return finish(undo_class_change(change=row, by=factories.ada(), reason="A mistake."))


def names(project: Project) -> dict[int, str]:
    schema = Project.objects.select_related("schema").get(pk=project.pk).schema
    assert schema is not None
    return {row["number"]: row["name"] for row in schema.body["classes"]}
