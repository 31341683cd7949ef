"""Gold of a split class: given to nobody new while the split is in force, unless it gets other accepted answers."""

from django.db import transaction

from annotary_core.labels.class_mapping import ClassMapping
from tasks.flow.class_change_steps import is_split, lock_change
from tasks.gold.models import Gold
from tasks.repair.change_models import ClassChange


@transaction.atomic
def set_gold_aside(change: ClassChange) -> None:
    """Locks the change, then the gold. Gold whose accepted answers all name the class is given to nobody new.

    Workers who have it answer it as before, and are not measured by it any more.
    """
    row = lock_change(change)
    if not is_split(change) or row.state != ClassChange.State.APPLYING:
        return
    mapping = ClassMapping.from_json(change.mapping)
    golds = Gold.objects.select_for_update(no_key=True).filter(project_id=change.project_id, is_set_aside=False)
    found = [
        gold.pk
        for gold in golds.exclude(state=Gold.State.RETIRED).order_by("pk")
        if all(mapping.body(body) is None for body in gold.accepted)
    ]
    Gold.objects.filter(pk__in=found).update(is_set_aside=True)
    row.golds = sorted({*row.golds, *found})
    row.save(update_fields=["golds"])


def offer_gold_again(change: ClassChange) -> None:
    """Give gold to workers again that the change took out of use."""
    golds = ClassChange.objects.values_list("golds", flat=True).get(pk=change.pk)
    Gold.objects.filter(pk__in=golds, project_id=change.project_id).update(is_set_aside=False)
