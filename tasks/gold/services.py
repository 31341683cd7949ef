"""Creating and retiring gold."""

from collections.abc import Sequence
from typing import Any

from annotary_core.labels.answer import Answer
from kernel.statements import insert_unless_exists
from projects.models import Project
from tasks.batching.models import Task
from tasks.gold.errors import GoldExists, GoldRefused
from tasks.gold.models import Gold


def create_gold(
    *, project: Project, task: Task, accepted: Sequence[Answer], source: str, views_wanted: int, views_before: int = 0
) -> Gold:
    """Turn the image of a task into gold with these accepted answers, any of which is correct.

    Up to `views_wanted` workers get it, the `views_before` who had it as work included. It gets a place in the task's
    batch, or in any if there is no other work in that (`free_from_batch`). Retired gold becomes active
    again with the new answers; workers who had it do not get it twice. Raises GoldExists and GoldRefused. It does not
    close the slots of the task: `tasks.flow.gold_images` does both.
    """
    image = task.image
    if not accepted:
        raise GoldRefused("A check image needs at least one accepted answer. Add one.")
    if image.dataset_id != project.dataset_id:
        raise GoldRefused("This image is not in the project's dataset. Choose one that is.")
    body = [answer.to_json() for answer in accepted]
    tolerance = {"iou": project.gold_iou}
    values: dict[str, Any] = {
        "accepted": body,
        "tolerance": tolerance,
        "source": source,
        "views_wanted": views_wanted,
        "views_before": views_before,
    }
    if _is_in_group(task):
        values |= {"batch_id": task.batch_id, "order_key": task.order_key, "in_group": True}
    elif task.batch.wanted > task.wanted:
        values |= {"batch_id": task.batch_id}
    gold = Gold(project=project, image=image, **values)
    if insert_unless_exists(gold):
        return gold
    revived = Gold.objects.filter(project=project, image=image, state=Gold.State.RETIRED).update(
        **{
            "state": Gold.State.ACTIVE,
            "is_set_aside": False,
            "site": None,
            "suspended_at": None,
            "batch_id": None,
            "in_group": False,
        }
        | values
    )
    if not revived:
        raise GoldExists
    return Gold.objects.get(project=project, image=image)


def _is_in_group(task: Task) -> bool:
    """Whether workers get the task's image with others: the tasks of a group have one order key."""
    others = Task.objects.filter(batch_id=task.batch_id, order_key=task.order_key).exclude(pk=task.pk)
    return bool(task.image.group_key) and others.exists()


def free_from_batch(*, batch_id: int) -> None:
    """Let gold that has no place yet stand in any batch: its own has no work left for it to stand among."""
    Gold.objects.filter(batch_id=batch_id, site=None, in_group=False).update(batch=None)


def retire_gold(*, gold: Gold) -> None:
    """Retire gold: no new hand contains it, and unsettled answers to it no longer affect a worker's standing."""
    Gold.objects.filter(pk=gold.pk).exclude(state=Gold.State.RETIRED).update(state=Gold.State.RETIRED)
    gold.refresh_from_db(fields=["state"])
