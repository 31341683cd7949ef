"""Computes the agreed label from settled answers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from django.db import transaction

from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.label_evidence import ComputedLabel, LabelEvidence
from tasks.consensus.label_proposals import ProposedChange, lock_proposals, save_proposals, sent_to_review
from tasks.consensus.label_stability import Decision, decide, posterior_with_label_ids
from tasks.consensus.label_task import LabelInputs, aggregate_tasks, load_inputs
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.selectors import current_label, remaining_workers
from tasks.consensus.stopping_policy import NextWorker, needs_more_answers
from tasks.consensus.worker_model import WorkerModel, current_version

#: Tasks of one batch per transaction: few enough to release the row locks soon.
CHUNK = 50
#: Tasks of any batches per transaction that updates labels: enough to share the queries and the pass over the answers,
#: few enough to release the row locks within some hundred milliseconds.
WIDE_CHUNK = 200


@dataclass(frozen=True, slots=True)
class _Update:
    """The aggregated answers to one task, its current label and posterior, and what the answers do to the label."""

    task: Task
    answers: int
    result: ComputedLabel
    worker_model: WorkerModel
    current: ConsensusLabel | None
    posterior: Posterior | None
    decision: Decision

    @property
    def is_full(self) -> bool:
        return self.answers >= self.task.wanted

    @property
    def needs_new_version(self) -> bool:
        return self.is_full and self.decision is Decision.REPLACE

    @property
    def proposed_change(self) -> ProposedChange | None:
        if self.current is None or not self.is_full or self.decision is not Decision.PROPOSE:
            return None
        return ProposedChange(self.current, self.result, self.worker_model.version)


@dataclass(frozen=True, slots=True)
class _Written:
    """tasks: those with a new version. version: of the state that they were computed with. left: the tasks that were
    left out, because another transaction holds them."""

    tasks: frozenset[int]
    version: int
    left: frozenset[int]


def update_labels(*, task_ids: Sequence[int], may_ask_more: bool = True) -> int:
    """Locks the tasks, some at a time; call it outside a transaction that holds later ones.

    Computes each task's label from its settled, counting answers of the current round, and returns the number of
    versions written. The posterior is updated after every answer; a label is written once the task has all requested
    answers. `label_stability.decide` says what replaces a label; what it only proposes for an approved label is kept as
    a `LabelProposal`.

    A full task becomes answered, unless its confidence is below the project's target, another answer is worthwhile
    (`stopping_policy`), and a worker is available: then it stays open, and `flow.overlap` raises its `wanted`.
    """
    projects: dict[int, Project] = {}
    written = 0
    for project_id, ids in _in_wide_chunks(task_ids):
        if project_id not in projects:
            projects[project_id] = Project.objects.select_related("schema").get(pk=project_id)
        written += _update_together(projects[project_id], ids, may_ask_more)
    return written


def _update_together(project: Project, task_ids: Sequence[int], may_ask_more: bool) -> int:
    """Update the tasks that nobody holds in one transaction, then the others, one by one.

    The first transaction may lock many tasks, in any order, because it waits for none; the others wait while they hold
    none, as claims do not always lock the tasks of a batch by id.
    """
    labels, left, written = _update_by_one_version(project, task_ids, may_ask_more, skip_locked=True)
    for pk in sorted(left):
        labels += _update_by_one_version(project, [pk], may_ask_more, unapproved=written)[0]
    return labels


def _update_by_one_version(
    project: Project,
    task_ids: Sequence[int],
    may_ask_more: bool,
    *,
    skip_locked: bool = False,
    unapproved: frozenset[int] = frozenset(),
) -> tuple[int, frozenset[int], frozenset[int]]:
    """Update the tasks, and once more if a refit has committed meanwhile: it scored the tasks as they were before.

    Returns the number of versions written, the tasks left out, and those that got a version.
    """
    first = _update_chunk(project, task_ids, may_ask_more, skip_locked=skip_locked, unapproved=unapproved)
    if first.version == current_version(project_id=project.pk):
        return len(first.tasks), first.left, first.tasks
    replaced = unapproved | first.tasks
    again = _update_chunk(project, task_ids, may_ask_more, skip_locked=skip_locked, unapproved=replaced)
    return len(first.tasks) + len(again.tasks), first.left | again.left, first.tasks | again.tasks


def _in_wide_chunks(task_ids: Collection[int]) -> Iterator[tuple[int, list[int]]]:
    rows = Task.objects.filter(pk__in=task_ids).order_by("project_id", "batch_id", "pk").values_list("project_id", "pk")
    for project_id, group in groupby(rows, key=lambda row: row[0]):
        ids = [row[1] for row in group]
        for start in range(0, len(ids), WIDE_CHUNK):
            yield project_id, ids[start : start + WIDE_CHUNK]


def in_chunks(*, task_ids: Collection[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield (project, tasks in ascending order) chunks that one transaction may lock without holding the batch.

    A chunk never spans two batches: a claim visits batches by priority and waits for tasks of one while it holds tasks
    of another, so locking across batches in id order could deadlock with it.
    """
    rows = Task.objects.filter(pk__in=task_ids).order_by("batch_id", "pk").values_list("project_id", "batch_id", "pk")
    for (project_id, _batch_id), group in groupby(rows, key=lambda row: row[:2]):
        ids = [row[2] for row in group]
        for start in range(0, len(ids), CHUNK):
            yield project_id, ids[start : start + CHUNK]


@transaction.atomic
def _update_chunk(
    project: Project,
    task_ids: Sequence[int],
    may_ask_more: bool,
    *,
    skip_locked: bool = False,
    unapproved: frozenset[int] = frozenset(),
) -> _Written:
    """unapproved: tasks in the state `approved` whose label was replaced since, by the caller."""
    rows = Task.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    tasks = list(rows.filter(pk__in=task_ids).order_by("pk"))
    inputs = load_inputs(project=project, task_ids=[task.pk for task in tasks])
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=tasks, is_current=True)}
    proposals = lock_proposals(labels=labels.values())
    may_replace = unapproved | sent_to_review(proposals)
    updates = list(_updates(tasks, inputs, labels, may_replace))
    # Concurrent jobs are serialized by the row locks, so the second one sees the versions of the first.
    _save_posteriors(updates)
    full = [update for update in updates if update.is_full and update.task.state == Task.State.OPEN]
    stay_open = _needing_more_answers(project, full) if may_ask_more else frozenset[int]()
    closed = [update for update in updates if update.task.pk not in stay_open]
    written = _write_versions([update for update in closed if update.needs_new_version])
    changes = [update.proposed_change for update in updates if update.proposed_change]
    save_proposals(changes, proposals=proposals, replaced=written)
    answered = [update.task.pk for update in full if update.task.pk not in stay_open]
    mark_answered(project_id=project.pk, task_ids=answered)
    left = frozenset(task_ids) - {task.pk for task in tasks} if skip_locked else frozenset[int]()
    return _Written(written, inputs.worker_model.version, left)


def _updates(
    tasks: Sequence[Task], inputs: LabelInputs, labels: Mapping[int, ConsensusLabel], may_replace: Collection[int]
) -> Iterator[_Update]:
    """may_replace: tasks whose label may change even if it is approved."""
    posteriors = {row.task_id: row for row in Posterior.objects.filter(task__in=tasks)}
    by_id = {task.pk: task for task in tasks}
    for pk, result in aggregate_tasks(tasks=tasks, inputs=inputs).items():
        task, label, posterior, answers = by_id[pk], labels.get(pk), posteriors.get(pk), len(inputs.by_task[pk].people)
        decision = decide(
            result,
            label,
            is_approved=task.state == Task.State.APPROVED and pk not in may_replace,
            has_new_answers=posterior is None or posterior.answers != answers,
        )
        yield _Update(task, answers, result, inputs.worker_model, label, posterior, decision)


def _needing_more_answers(project: Project, full: Sequence[_Update]) -> frozenset[int]:
    unsure = [
        update.task.pk for update in full if update.task.wanted < project.answers_max and _is_unsure(project, update)
    ]
    if not unsure:
        return frozenset()
    # Without a remaining worker the task would stay open forever; a reviewer decides it instead.
    remaining = remaining_workers(project_id=project.pk, task_ids=unsure)
    return frozenset(pk for pk in unsure if remaining[pk] > 0)


def _is_unsure(project: Project, update: _Update) -> bool:
    return needs_more_answers(
        project=project,
        posterior=update.result.posterior,
        confidence=update.result.confidence,
        answers=update.answers,
        worker=NextWorker.of(update.worker_model),
    )


def _save_posteriors(updates: Collection[_Update]) -> None:
    rows = []
    for update in updates:
        row = update.posterior or Posterior(task=update.task, project_id=update.task.project_id)
        row.answers = update.answers
        row.body = posterior_with_label_ids(update.result, update.current, update.decision)
        row.confidence, row.state_version = update.result.confidence, update.worker_model.version
        row.updated_at = ClockTimestamp()
        rows.append(row)
    Posterior.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["task"],
        update_fields=["answers", "body", "confidence", "state_version", "updated_at"],
    )


def _write_versions(updates: Sequence[_Update]) -> frozenset[int]:
    ConsensusLabel.objects.filter(task_id__in=[each.task.pk for each in updates], is_current=True).update(
        is_current=False
    )
    ConsensusLabel.objects.bulk_create(
        ConsensusLabel(
            project_id=each.task.project_id,
            task=each.task,
            version=each.current.version + 1 if each.current else 1,
            body=each.result.answer.to_json(),
            content_hash=content_hash(each.result.answer),
            method=each.result.method,
            confidence=each.result.confidence,
            evidence=each.result.evidence.to_json(),
        )
        for each in updates
    )
    return frozenset(each.task.pk for each in updates)


def mark_answered(*, project_id: int, task_ids: Sequence[int]) -> None:
    """Needs the tasks' row locks."""
    answered = Task.objects.filter(pk__in=task_ids, state=Task.State.OPEN).update(state=Task.State.ANSWERED)
    if answered:
        record_event(project_id=project_id, kind="task.answered", answered=answered)


def write_version(*, task: Task, answer: Answer, method: str, evidence: LabelEvidence) -> ConsensusLabel:
    """Needs the task's row lock. Write a label version set by a person: confidence 1, never overwritten by answers."""
    previous = current_label(task=task)
    ConsensusLabel.objects.filter(task=task, is_current=True).update(is_current=False)
    return ConsensusLabel.objects.create(
        project_id=task.project_id,
        task=task,
        version=previous.version + 1 if previous else 1,
        body=answer.to_json(),
        content_hash=content_hash(answer),
        method=method,
        confidence=1.0,
        evidence=replace(evidence, round=task.round, method=method).to_json(),
    )
