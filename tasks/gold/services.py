"""Creating and retiring gold."""

from collections.abc import Sequence

from annotary_core.labels.answer import Answer
from kernel.statements import insert_unless_exists
from projects.models import Project
from tasks.gold.errors import GoldExists, GoldRefused
from tasks.gold.models import Gold
from tasks.ingest.models import Image


def create_gold(*, project: Project, image: Image, accepted: Sequence[Answer], source: str) -> Gold:
    """Turn an image into gold with these accepted answers, any of which is correct.

    Retired gold becomes active again with the new answers; workers who had it do not get it twice. Raises GoldExists
    and GoldRefused. It does not close the slots of the image's task: `tasks.flow.gold_images` does both.
    """
    if not accepted:
        raise GoldRefused("A check image needs at least one accepted answer. Add one.")
    if image.dataset_id != project.dataset_id:
        raise GoldRefused("This image is not in the project's dataset. Choose one that is.")
    body = [answer.to_json() for answer in accepted]
    tolerance = {"iou": project.gold_iou}
    gold = Gold(project=project, image=image, accepted=body, tolerance=tolerance, source=source)
    if insert_unless_exists(gold):
        return gold
    revived = Gold.objects.filter(project=project, image=image, state=Gold.State.RETIRED).update(
        state=Gold.State.ACTIVE, is_set_aside=False, accepted=body, tolerance=tolerance, source=source
    )
    if not revived:
        raise GoldExists
    return Gold.objects.get(project=project, image=image)


def retire_gold(*, gold: Gold) -> None:
    """Retire gold: no new hand contains it, and unsettled answers to it no longer affect a worker's standing."""
    Gold.objects.filter(pk=gold.pk, state=Gold.State.ACTIVE).update(state=Gold.State.RETIRED)
    gold.refresh_from_db(fields=["state"])
