"""After answers have settled: labels, what they ask for next, and verdicts that no longer fit."""

from collections.abc import Sequence

from django.db import transaction

from tasks.batching.models import Batch, Task
from tasks.consensus.refit import ask_refit_when_due
from tasks.consensus.services import update_labels
from tasks.flow.overlap import ask_again, ask_no_more
from tasks.review.services import drop_stale_verdicts


def relabel(*, task_ids: Sequence[int]) -> int:
    """Bring the labels of these tasks up to date; returns how many new versions were written.

    Each step commits on its own and finds its work in the tables, so that running it again after a crash goes on
    where it stopped.
    """
    written = update_labels(task_ids=task_ids)
    ask_again(task_ids=task_ids)
    ask_no_more(task_ids=task_ids)
    drop_stale_verdicts(task_ids=task_ids)
    reopen_batches(task_ids=task_ids)
    for project_id in Task.objects.filter(pk__in=task_ids).order_by().values_list("project_id", flat=True).distinct():
        learn_anew(project_id=project_id)
    return written


@transaction.atomic
def learn_anew(*, project_id: int) -> bool:
    """Ask for a refit when enough answers have settled since the last one."""
    return ask_refit_when_due(project_id=project_id)


@transaction.atomic
def reopen_batches(*, task_ids: Sequence[int]) -> int:
    """Locks the batches. An approved one that has a label without approval again is open again; returns how many."""
    waiting = Task.objects.filter(pk__in=task_ids).exclude(state=Task.State.APPROVED)
    approved = Batch.objects.filter(pk__in=waiting.values("batch_id"), state=Batch.State.APPROVED)
    # Locked in the order of all, then looked at again: an approval under way may have covered the label meanwhile.
    locked = list(approved.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return approved.filter(pk__in=locked).update(state=Batch.State.OPEN, approved_at=None)
