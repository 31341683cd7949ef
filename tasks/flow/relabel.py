"""Follow-up of settled answers: updates labels and drops stale verdicts."""

from collections.abc import Sequence

from django.db import transaction

from tasks.batching.models import Batch, Task
from tasks.consensus.next_steps import Asking
from tasks.consensus.refit import request_refit_if_due
from tasks.consensus.services import update_labels
from tasks.review.services import drop_stale_verdicts


def relabel(*, task_ids: Sequence[int], asking: Asking = Asking.DECIDE) -> int:
    """Bring the labels of these tasks up to date; returns the number of versions written.

    Each step commits on its own and derives its work from the tables, so a repeated run resumes after a crash.
    """
    written = update_labels(task_ids=task_ids, asking=asking)
    drop_stale_verdicts(task_ids=task_ids)
    reopen_batches(task_ids=task_ids)
    for project_id in Task.objects.filter(pk__in=task_ids).order_by().values_list("project_id", flat=True).distinct():
        refit_if_due(project_id=project_id)
    return written


@transaction.atomic
def refit_if_due(*, project_id: int) -> bool:
    """Request a refit if enough answers have settled since the last one."""
    return request_refit_if_due(project_id=project_id)


@transaction.atomic
def reopen_batches(*, task_ids: Sequence[int]) -> int:
    """Locks the batches. Reopen approved batches that contain an unapproved label again; returns their number."""
    waiting = Task.objects.filter(pk__in=task_ids, state__in=[Task.State.OPEN, Task.State.ANSWERED])
    approved = Batch.objects.filter(pk__in=waiting.values("batch_id"), state=Batch.State.APPROVED)
    # Lock in the common order, then check again: a concurrent approval may have covered the label meanwhile.
    locked = list(approved.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return approved.filter(pk__in=locked).update(state=Batch.State.OPEN, approved_at=None)
