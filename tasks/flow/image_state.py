"""What repairs and changes of classes share: keeping what an image was, changing its slots, and putting it back.

All of it needs the locks of the batch and its tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from kernel.clock import ClockTimestamp
from kernel.events import record_event
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.flow.repair_record import Before, Slots, StoredPosterior, totals
from tasks.review.models import Review

#: Images of a step: some ten milliseconds, during which claims pass over their batch.
AT_ONCE = 50


def lock_counting(tasks: Sequence[Task]) -> dict[int, list[int]]:
    """Needs the tasks' locks. Lock the assignments whose answers count, and return them by task."""
    counting: dict[int, list[int]] = {}
    rows = Assignment.objects.select_for_update(no_key=True, of=("self",)).filter(
        task__in=tasks, counts=True, state=Assignment.State.SUBMITTED, round=F("task__round")
    )
    for pk, task_id in rows.order_by("pk").values_list("pk", "task_id"):
        counting.setdefault(task_id, []).append(pk)
    return counting


def keep_before(
    batch: Batch,
    tasks: Sequence[Task],
    counting: Mapping[int, list[int]],
    labels: Mapping[int, ConsensusLabel],
) -> dict[int, Before]:
    """Return what the tasks are, for an undo. counting, labels: their counting assignments and current labels."""
    reviews = dict(current_verdicts(tasks).values_list("task_id", "pk"))
    columns = ("answers", "body", "confidence", "state_version")
    rows = Posterior.objects.filter(task__in=tasks).values_list("task_id", *columns)
    posteriors = {row[0]: StoredPosterior(*row[1:]) for row in rows}
    approved_at = batch.approved_at.isoformat() if batch.approved_at else None
    return {
        task.pk: Before(
            round=task.round,
            state=task.state,
            asked_again=task.asked_again,
            wanted=task.wanted,
            label=labels[task.pk].pk if task.pk in labels else None,
            review=reviews.get(task.pk),
            counting=counting.get(task.pk, []),
            approved_at=approved_at,
            posterior=posteriors.get(task.pk),
        )
        for task in tasks
    }


def current_verdicts(tasks: Iterable[Task | int]) -> QuerySet[Review]:
    """The current verdicts on the labels of these tasks, which may be row ids."""
    return Review.objects.filter(task__in=list(tasks), is_current=True, annotation__isnull=True)


def retire_labels(*, task_ids: Sequence[int]) -> None:
    """Labels and verdicts stop being current."""
    ConsensusLabel.objects.filter(task__in=task_ids, is_current=True).update(is_current=False)
    Review.objects.filter(task__in=task_ids, is_current=True, annotation__isnull=True).update(is_current=False)


def change_slots(
    batch: Batch,
    tasks: Sequence[Task],
    after: Mapping[int, Slots],
    *,
    event: str,
    data: Mapping[str, Any],
    reopens: bool,
) -> None:
    """Needs the locks of the batch and the tasks. Change the tasks, and with them the batch and the project's totals.

    reopens: an approved batch opens, because it has labels that are not approved any more. event, data: what is
    recorded.
    """
    deltas: Counter[str] = Counter()
    wanted = taken = 0
    for task in tasks:
        now, then = Slots.of(task), after[task.pk]
        deltas.update(totals(now, then))
        wanted += then.wanted - now.wanted
        taken += then.taken - now.taken
        then.apply(task)
    Task.objects.bulk_update(tasks, ["state", "asked_again", "wanted", "taken"])
    # Workers who had exhausted the batch are offered what is open now.
    Batch.objects.filter(pk=batch.pk).update(
        wanted=F("wanted") + wanted, taken=F("taken") + taken, generation=F("generation") + 1
    )
    if reopens:
        Batch.objects.filter(pk=batch.pk, state=Batch.State.APPROVED).update(state=Batch.State.OPEN, approved_at=None)
    changes = {name: change for name, change in deltas.items() if change}
    record_event(project_id=batch.project_id, kind=event, data={**data, "images": len(tasks)}, **changes)


def end_answers(project_id: int, *, surplus: Iterable[int], expired: Iterable[int]) -> None:
    """Needs the locks of these assignments. Answers count no more, and leases expire.

    Expired rather than released: a worker in the middle of one may still submit the answer and is paid for it.
    """
    Assignment.objects.filter(pk__in=surplus).update(counts=False)
    ended = Assignment.objects.filter(pk__in=expired).update(
        state=Assignment.State.EXPIRED, counts=False, closed_at=ClockTimestamp()
    )
    if ended:
        record_event(project_id=project_id, kind="assignment.expired", leased=-ended, expired=ended)


def put_back(before: Mapping[int, Before], *, project_id: int) -> None:
    """Make the labels and verdicts of tasks current that were so before, and restore the posteriors."""
    labels = [each.label for each in before.values() if each.label is not None]
    verdicts = [each.review for each in before.values() if each.review is not None]
    ConsensusLabel.objects.filter(task__in=before, is_current=True).exclude(pk__in=labels).update(is_current=False)
    ConsensusLabel.objects.filter(pk__in=labels, is_current=False).update(is_current=True)
    current_verdicts(before).exclude(pk__in=verdicts).update(is_current=False)
    Review.objects.filter(pk__in=verdicts, is_current=False).update(is_current=True)
    _put_posteriors_back(before, project_id)


def _put_posteriors_back(before: Mapping[int, Before], project_id: int) -> None:
    """`answers` is what counts again: an update in between may have stored fewer, and would see new answers now."""
    Posterior.objects.filter(task__in=[pk for pk, each in before.items() if each.posterior is None]).delete()
    restored = [
        Posterior(
            task_id=pk,
            project_id=project_id,
            answers=len(each.counting),
            body=each.posterior.body,
            confidence=each.posterior.confidence,
            state_version=each.posterior.state_version,
            updated_at=ClockTimestamp(),
        )
        for pk, each in before.items()
        if each.posterior is not None
    ]
    columns = ["answers", "body", "confidence", "state_version", "updated_at"]
    Posterior.objects.bulk_create(restored, update_conflicts=True, unique_fields=["task"], update_fields=columns)


def approve_again(batch: Batch, before: Iterable[Mapping[str, Any]]) -> None:
    """Approve a batch again that was approved before, if all of it is. before: as it is stored."""
    approved_at = next((each["approved_at"] for each in before if each["approved_at"]), None)
    unapproved = Task.objects.filter(batch=batch, wanted__gt=0).exclude(
        state__in=[Task.State.APPROVED, Task.State.LEFT_OUT]
    )
    asked = Task.objects.filter(batch=batch, asked_again=True)
    if approved_at is None or unapproved.exists() or asked.exists():
        return
    opened = Batch.objects.filter(pk=batch.pk, state=Batch.State.OPEN)
    opened.update(state=Batch.State.APPROVED, approved_at=datetime.fromisoformat(approved_at))
