"""Why approved labels would change: whose estimated accuracy moved since the labels were written. Read-only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from projects.models import Project
from tasks.batching.models import Task
from tasks.batching.selectors import count_tasks
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.label_proposals import open_proposals
from tasks.consensus.models import LabelProposal
from tasks.review.models import Review
from tasks.standing.models import Standing

#: Proposals that the figures about workers are computed from.
MAX_PROPOSALS = 2_000
#: Workers whose mean accuracy moved by less are not named.
MIN_SHIFT = 0.02
MAX_WORKERS = 8


@dataclass(frozen=True, slots=True)
class AccuracyShift:
    """The expected accuracy behind one answer: a worker's pseudonym or a model's name; before: None if it is new."""

    worker: str
    before: float | None
    now: float
    is_model: bool = False


@dataclass(frozen=True, slots=True)
class WorkerShift:
    """A worker's mean accuracy over the answers behind the proposed changes, then and now, and the worker's standing.

    before: None if the answers were not behind the labels, as the predictions of a new model. reason: why the worker is
    paused, if so.
    """

    worker: str
    before: float | None
    now: float
    labels: int
    is_model: bool
    is_paused: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ProposedChanges:
    """count: of proposed changes. approved: of approved labels in the project."""

    count: int
    approved: int

    @property
    def share(self) -> float:
        return self.count / self.approved if self.approved else 0.0


def proposed_changes(*, project: Project) -> ProposedChanges:
    count = open_proposals(project=project).count()
    approved = count_tasks(projects=[project])[project.pk].get(Task.State.APPROVED, 0) if count else 0
    return ProposedChanges(count, approved)


def proposal_rows(*, project: Project) -> QuerySet[LabelProposal]:
    """Return the open proposals with their labels, tasks and images."""
    return open_proposals(project=project).select_related("label", "task__image", "task__batch")


def accuracy_shifts(*, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[AccuracyShift]:
    """One row for each answer and prediction, in the stored evidence of the label and of the proposed change."""
    label, proposed = LabelEvidence.from_json(before), LabelEvidence.from_json(now)
    earlier = {each.annotation: each.weight for each in (*(label.answers or ()), *(label.models or ()))}
    rows = [(each, False) for each in proposed.answers or ()] + [(each, True) for each in proposed.models or ()]
    return [
        AccuracyShift(each.who, earlier.get(each.annotation), each.weight or 0.0, is_model) for each, is_model in rows
    ]


def worker_shifts(*, project: Project) -> list[WorkerShift]:
    """The workers and models behind the proposed changes whose estimated accuracy moved, most changed first."""
    rows: dict[tuple[str, bool], list[AccuracyShift]] = defaultdict(list)
    proposals = open_proposals(project=project).values_list("evidence", "label__evidence")[:MAX_PROPOSALS]
    for now, before in proposals:
        for shift in accuracy_shifts(before=before, now=now):
            rows[shift.worker, shift.is_model].append(shift)
    standings = {
        str(public_id): (state, reason)
        for public_id, state, reason in Standing.objects.filter(
            project=project, worker__public_id__in=[worker for worker, is_model in rows if not is_model]
        ).values_list("worker__public_id", "state", "reason")
    }
    shifts = [_worker_shift(shifts, *standings.get(worker, ("", ""))) for (worker, _), shifts in rows.items()]
    moved = [shift for shift in shifts if shift.before is None or abs(shift.now - shift.before) >= MIN_SHIFT]
    return sorted(moved, key=_size, reverse=True)


def _worker_shift(shifts: Sequence[AccuracyShift], state: str, reason: str) -> WorkerShift:
    before = [shift.before for shift in shifts if shift.before is not None]
    return WorkerShift(
        worker=shifts[0].worker,
        before=sum(before) / len(before) if before else None,
        now=sum(shift.now for shift in shifts) / len(shifts),
        labels=len(shifts),
        is_model=shifts[0].is_model,
        is_paused=state == Standing.State.PAUSED,
        reason=reason,
    )


def _size(shift: WorkerShift) -> float:
    return shift.labels * abs(shift.now - (shift.before or 0.0))


def reviewed_by_people(*, label_ids: Sequence[int]) -> set[int]:
    """The labels whose approval is a person's verdict on the label itself, rather than on its batch."""
    verdicts = Review.objects.filter(label_id__in=label_ids, is_current=True, annotation__isnull=True, by_policy=False)
    return set(verdicts.values_list("label_id", flat=True))
