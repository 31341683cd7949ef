"""Check images: the owner's own answer, which measures workers and is a label like any other."""

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from kernel.errors import Conflict
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.batching.services import close_places, make_tasks
from tasks.consensus.label_methods import GOLD
from tasks.consensus.refit import ask_refit
from tasks.consensus.selectors import current_label
from tasks.consensus.services import mark_answered, write_version
from tasks.gold.models import Gold
from tasks.gold.services import make_gold, retire_gold
from tasks.ingest.models import Image
from tasks.review.services import note_owners_label, read_answer


class ImageInWork(Conflict):
    """This image is being labelled; choose another."""

    code = "image_in_work"


@transaction.atomic
def make_check_image(
    *, project: Project, image: Image, raw: object, by: Actor, source: str = Gold.Source.MANAGER
) -> Gold:
    """Locks the image's batch, then its task. Turn an image with the owner's answer into a check image.

    It is offered to workers as a check, no longer as work; the owner's answer is its approved label, so that releases
    hold the owner's labels too. A retired check image may be made anew. Raises ImageInWork when workers have it or
    answered it already, GoldExists, and FixRefused when the answer does not fit the project's schema.
    """
    task = _task_of(project, image)
    Batch.objects.select_for_update(no_key=True).get(pk=task.batch_id)
    task = (
        Task.objects.select_for_update(no_key=True, of=("self",))
        .select_related("image", "project", "project__schema")
        .get(pk=task.pk)
    )
    if task.taken or (task.state != Task.State.OPEN and not _is_owners(task)):
        raise ImageInWork
    answer = read_answer(project=task.project, task=task, raw=raw)
    gold = make_gold(project=project, image=image, accepted=[answer], source=source)
    close_places(task=task)
    _label(task, answer, by, source)
    ask_refit(project_id=project.pk)
    return gold


@transaction.atomic
def retire_check_image(*, gold: Gold) -> None:
    """As `retire_gold`; what it told of workers is taken back at the next refit."""
    retire_gold(gold=gold)
    ask_refit(project_id=gold.project_id)


def _task_of(project: Project, image: Image) -> Task:
    task = Task.objects.filter(project=project, image=image).first()
    if task is None:
        make_tasks(project=project, images=[image])
        task = Task.objects.get(project=project, image=image)
    return task


def _is_owners(task: Task) -> bool:
    label = current_label(task=task)
    return label is not None and label.method == GOLD


def _label(task: Task, answer: Answer, by: Actor, source: str) -> None:
    evidence = {"by": str(by.public_id), "source": str(source), "n": 1}
    label = write_version(task=task, answer=answer, method=GOLD, evidence=evidence)
    mark_answered(project_id=task.project_id, task_ids=[task.pk])
    note_owners_label(owner=by, task=task, label=label)
