"""Changes of approved labels that new estimates propose: kept up to date by label updates, decided by a manager."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.errors import ProposalsChanged
from tasks.consensus.label_evidence import ComputedLabel, LabelEvidence
from tasks.consensus.label_stability import confidence_in, looks_the_same
from tasks.consensus.models import ConsensusLabel, LabelProposal
from tasks.consensus.refit import queue_updates

#: The proposals of some current labels, by label id.
Proposals = Mapping[int, Sequence[LabelProposal]]


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """Other content for an approved label; state_version: of the worker model that it was computed with."""

    label: ConsensusLabel
    result: ComputedLabel
    state_version: int


def lock_proposals(*, labels: Iterable[ConsensusLabel]) -> Proposals:
    """Needs the tasks' row locks; locks the proposals of these labels, in the order that decisions lock them."""
    rows = LabelProposal.objects.select_for_update(no_key=True).filter(label__in=[label.pk for label in labels])
    by_label = sorted(rows.order_by("pk"), key=lambda row: (row.label_id, row.pk))
    return {label_id: list(group) for label_id, group in groupby(by_label, key=lambda row: row.label_id)}


def sent_to_review(proposals: Proposals) -> frozenset[int]:
    """The tasks whose label a manager has decided to replace."""
    return frozenset(
        row.task_id for rows in proposals.values() for row in rows if row.state == LabelProposal.State.SENT
    )


def save_proposals(changes: Sequence[ProposedChange], *, proposals: Proposals, replaced: Collection[int]) -> None:
    """Needs the locks of `lock_proposals`. Make the open proposals those of `changes`.

    proposals: of all labels that were recomputed. replaced: the tasks whose label got a new version. A change that a
    manager declined is not proposed again, as long as it is for the same answers.
    """
    wanted = {change.label.pk: change for change in changes}
    obsolete = [row.pk for rows in proposals.values() for row in rows if _is_obsolete(row, wanted, replaced)]
    LabelProposal.objects.filter(pk__in=obsolete).delete()
    added: list[LabelProposal] = []
    updated: list[LabelProposal] = []
    for label_id, change in wanted.items():
        rows = [row for row in proposals.get(label_id, ()) if row.pk not in obsolete]
        if not any(row.state == LabelProposal.State.KEPT and _is_repeat(row, change) for row in rows):
            current = next((row for row in rows if row.state == LabelProposal.State.OPEN), None)
            (added if current is None else updated).append(_filled(current or LabelProposal(), change))
    LabelProposal.objects.bulk_create(added)
    LabelProposal.objects.bulk_update(updated, _CONTENT)
    if added:
        record_event(project_id=added[0].project_id, kind="label.proposed", proposed=len(added))


_CONTENT = ("body", "confidence", "label_confidence", "evidence", "state_version")


def _is_obsolete(row: LabelProposal, wanted: Mapping[int, ProposedChange], replaced: Collection[int]) -> bool:
    """Whether the open proposal is for content that is not proposed now, or the label was to be replaced and is kept.

    A proposal for other content gets a new row, as a manager may be looking at the old one.
    """
    if row.state == LabelProposal.State.SENT:
        return row.task_id not in replaced
    change = wanted.get(row.label_id)
    return row.state == LabelProposal.State.OPEN and (change is None or not _has_content(row, change))


def _is_repeat(row: LabelProposal, change: ProposedChange) -> bool:
    answers = LabelEvidence.from_json(row.evidence).annotations
    return _has_content(row, change) and answers == change.result.evidence.annotations


def _has_content(row: LabelProposal, change: ProposedChange) -> bool:
    return looks_the_same(change.result.answer, Answer.from_json(row.body))


def _filled(row: LabelProposal, change: ProposedChange) -> LabelProposal:
    label, result = change.label, change.result
    row.project_id, row.task_id, row.label_id = label.project_id, label.task_id, label.pk
    row.body, row.confidence = result.answer.to_json(), result.confidence
    row.label_confidence = confidence_in(Answer.from_json(label.body), result)
    row.evidence = LabelEvidence(answers=result.evidence.answers, models=result.evidence.models).to_json()
    row.state_version = change.state_version
    return row


def open_proposals(*, project: Project) -> QuerySet[LabelProposal]:
    """The changes that a manager should decide: of labels that are still current and approved; in order of their ids.

    A label that a person has replaced or rejected meanwhile has left the list, although its row is still open.
    """
    rows = LabelProposal.objects.filter(project=project, state=LabelProposal.State.OPEN)
    return rows.filter(label__is_current=True, task__state=Task.State.APPROVED).order_by("pk")


def open_proposal_of(*, task: Task) -> LabelProposal | None:
    return open_proposals(project=task.project).filter(task=task).first()


def proposals_token(*, project: Project) -> str:
    """The digest of the open proposals: a decision about all of them names the ones that the manager saw."""
    return _token(open_proposals(project=project).values_list("public_id", flat=True))


def keep_labels(*, project: Project, by: Actor, ids: Collection[UUID] | None = None, token: str = "") -> int:
    """Locks the proposals. Keep the approved labels, so that these changes are not proposed again; returns their
    number. See `_decide` for the arguments and errors."""
    return len(_decide(project, by, LabelProposal.State.KEPT, ids=ids, token=token))


@transaction.atomic
def send_to_review(*, project: Project, by: Actor, ids: Collection[UUID] | None = None, token: str = "") -> int:
    """Locks the proposals. Have a job replace these labels, which returns them to review; returns their number.

    The job writes the content that it computes then, and keeps a label for which no other content is likelier by then.
    See `_decide` for the arguments and errors.
    """
    tasks = _decide(project, by, LabelProposal.State.SENT, ids=ids, token=token)
    queue_updates(project_id=project.pk, tasks=tasks)
    return len(tasks)


@transaction.atomic
def _decide(
    project: Project, by: Actor, state: LabelProposal.State, *, ids: Collection[UUID] | None, token: str
) -> list[int]:
    """Decide the proposals with these public ids or, without ids, all of them; returns their tasks, in order.

    Raises ProposalsChanged, and decides nothing, if one of the ids is no longer proposed, or if the proposals are not
    those of the token.
    """
    rows = open_proposals(project=project).select_for_update(no_key=True, of=("self",))
    chosen = rows if ids is None else rows.filter(public_id__in=list(ids))
    found = list(chosen.values_list("pk", "public_id", "task_id"))
    complete = len(found) == len(set(ids)) if ids is not None else token == _token(row[1] for row in found)
    if not complete:
        raise ProposalsChanged
    LabelProposal.objects.filter(pk__in=[row[0] for row in found]).update(
        state=state, decided_by=by, decided_at=ClockTimestamp()
    )
    if found:
        data = {"by": str(by.public_id)}
        record_event(project_id=project.pk, kind=f"label.{state.value}", data=data, **{state.value: len(found)})
    return sorted(row[2] for row in found)


def _token(public_ids: Iterable[UUID]) -> str:
    return hashlib.sha256(b"".join(each.bytes for each in public_ids)).hexdigest()
