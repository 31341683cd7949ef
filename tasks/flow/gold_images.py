"""Turns images into gold: the owner's answer measures workers and is also the image's label."""

from collections.abc import Sequence

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from kernel.events import record_event
from projects.models import Project
from tasks.assignment.models import SetAside
from tasks.assignment.set_aside import close_set_aside_gold
from tasks.batching.locks import lock_task_with_batch
from tasks.batching.models import Batch, Task
from tasks.batching.services import close_slots, create_tasks
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.label_methods import GOLD
from tasks.consensus.refit import request_refit
from tasks.consensus.selectors import current_label
from tasks.consensus.services import write_version
from tasks.flow.errors import ImageBeingLabeled
from tasks.flow.gold_judgement import lock_gold, rejudge
from tasks.gold.models import Gold
from tasks.gold.services import create_gold, free_from_batch, retire_gold
from tasks.ingest.models import Image
from tasks.qualification.errors import ImageInQualification
from tasks.qualification.models import QualificationImage
from tasks.review.services import approve_owner_label, read_answer


@transaction.atomic
def make_gold_image(
    *, project: Project, image: Image, raw: object, by: Actor, source: str = Gold.Source.MANAGER
) -> Gold:
    """Locks the image's batch, then its task. Turn an image with the owner's answer into gold.

    It is then assigned to workers as gold instead of as work; the owner's answer becomes its approved label, so that
    releases include it. Retired gold can be created again. Raises ImageBeingLabeled if workers have been assigned the
    image or have answered it, ImageInQualification, GoldExists, and FixRefused if the answer does not match the
    project's schema.
    """
    batch, task, answer = lock_unseen(project=project, image=image, raw=raw)
    if QualificationImage.objects.filter(image=image).exists():
        raise ImageInQualification
    gold = create_gold(
        project=project, task=task, accepted=[answer], source=source, views_wanted=task.project.answers_max
    )
    take_from_work(batch=batch, task=task, answer=answer, by=by, source=source)
    # It is no longer work, and never counts as answered or approved.
    record_event(project_id=project.pk, kind="gold.made", tasks=-1 if task.wanted else 0)
    request_refit(project_id=project.pk)
    return gold


def lock_unseen(*, project: Project, image: Image, raw: object) -> tuple[Batch, Task, Answer]:
    """Locks the image's batch, then its task. Return both with the owner's answer, for an image that no worker got.

    Raises ImageBeingLabeled, and FixRefused if the answer does not match the project's schema.
    """
    task = _task_of(project, image)
    batch, task = lock_task_with_batch(task_id=task.pk)
    if task.taken or (task.state != Task.State.OPEN and not _is_owners(task)):
        raise ImageBeingLabeled
    return batch, task, read_answer(project=task.project, task=task, raw=raw)


def take_from_work(*, batch: Batch, task: Task, answer: Answer, by: Actor, source: str) -> None:
    """Needs the locks of batch and task. Close the task's slots; the owner's answer becomes its approved label."""
    close_slots(task=task)
    if not Batch.objects.filter(pk=batch.pk, wanted__gt=0).exists():
        free_from_batch(batch_id=batch.pk)
    _label(task, answer, by, source)


@transaction.atomic
def retire_gold_image(*, gold: Gold, by: Actor | None = None) -> None:
    """Locks the gold, then the standings and the evidence of those who answered it. Like `retire_gold`; also takes
    back what was counted of the workers, and requests a refit, which discards the gold's evidence about them.

    If it was set aside, the decision on that is kept, with who made it.
    """
    lock_gold(gold=gold)
    retire_gold(gold=gold)
    rejudge(gold)
    close_set_aside_gold(gold=gold, by=by, decision=SetAside.Decision.LEFT_OUT)
    request_refit(project_id=gold.project_id)


def read_accepted(*, gold: Gold, raw: Sequence[object]) -> list[Answer]:
    """Parse answers to accept for a gold image. Raises FixRefused."""
    task = _task_of(gold.project, gold.image)
    return [read_answer(project=gold.project, task=task, raw=each) for each in raw]


def _task_of(project: Project, image: Image) -> Task:
    task = Task.objects.filter(project=project, image=image).first()
    if task is None:
        create_tasks(project=project, images=[image])
        task = Task.objects.get(project=project, image=image)
    return task


def _is_owners(task: Task) -> bool:
    label = current_label(task=task)
    return label is not None and label.method == GOLD


def _label(task: Task, answer: Answer, by: Actor, source: str) -> None:
    evidence = LabelEvidence(by=str(by.public_id), source=str(source), n=1)
    label = write_version(task=task, answer=answer, method=GOLD, evidence=evidence)
    approve_owner_label(owner=by, task=task, label=label)
