"""Computes the agreed label from settled answers, and applies what `stopping_policy` decides about the task."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import groupby

from django.db import transaction

from annotary_core.aggregation.objects.fusing import images_at_once
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from projects.selectors import schema_of
from tasks.batching.models import Batch, Task
from tasks.batching.services import change_wanted
from tasks.consensus.asking_again import ask_again
from tasks.consensus.label_evidence import ComputedLabel, LabelEvidence
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.label_proposals import ProposedChange, lock_proposals, save_proposals, sent_to_review
from tasks.consensus.label_stability import Decision, decide, posterior_with_label_ids
from tasks.consensus.label_task import LabelInputs, aggregate_tasks, load_inputs
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.next_steps import Asking, Candidate, decide_steps, only_waits, policy_of, takes_answers
from tasks.consensus.selectors import latest_versions
from tasks.consensus.stopping_policy import Answered, AskOneMore, NextWorker, Step, StoppingPolicy, TaskProgress
from tasks.consensus.worker_model import WorkerModel, current_version


class _Waiting(Enum):
    """Which rows that somebody holds an update waits for; it leaves out the tasks of others.

    An update locks the task first, because it needs the batch only if the number of answers changes, and claims need it
    all the time. They lock the batch first; so whoever holds a task never waits for a batch.
    """

    NONE = auto()
    TASKS = auto()
    #: For the batch and then for the task, in the order of claims.
    BATCHES = auto()


@dataclass(frozen=True, slots=True)
class _Update:
    """The aggregated answers to one task, its current label and posterior, and what the answers do to the label.

    step: what happens to an open task; None for any other, unless it is to get more answers again.
    """

    task: Task
    answers: int
    result: ComputedLabel
    worker_model: WorkerModel
    current: ConsensusLabel | None
    posterior: Posterior | None
    decision: Decision
    step: Step | None = None

    @property
    def progress(self) -> TaskProgress:
        result, task = self.result, self.task
        return TaskProgress(result.posterior, result.confidence, self.answers, taken=task.taken, wanted=task.wanted)

    @property
    def is_complete(self) -> bool:
        """Whether the task has all the answers that it gets."""
        return self.answers >= self.task.wanted if self.step is None else isinstance(self.step, Answered)

    @property
    def wanted(self) -> int:
        """The number of answers that the task gets from now on."""
        return self.step.wanted if isinstance(self.step, Answered | AskOneMore) else self.task.wanted

    @property
    def is_settled_by_people(self) -> bool:
        """Whether the task is finished with a label that a person set, which no answer changes."""
        return not takes_answers(self.task) and self.current is not None and self.current.method in SET_BY_PEOPLE

    @property
    def reopens(self) -> bool:
        return isinstance(self.step, AskOneMore) and not takes_answers(self.task)

    @property
    def changes_slots(self) -> bool:
        return self.wanted != self.task.wanted or self.reopens

    @property
    def needs_new_version(self) -> bool:
        return self.is_complete and self.decision is Decision.REPLACE

    @property
    def proposed_change(self) -> ProposedChange | None:
        if self.current is None or not self.is_complete or self.decision is not Decision.PROPOSE:
            return None
        return ProposedChange(self.current, self.result, self.worker_model.version)


@dataclass(frozen=True, slots=True)
class _Written:
    """tasks: those with a new version. version, schema: of the state and the row id of the schema that they were
    computed with. left: the tasks that were left out, because another transaction holds them or their batches."""

    tasks: frozenset[int]
    version: int
    schema: int | None
    left: frozenset[int]


def update_labels(*, task_ids: Sequence[int], asking: Asking = Asking.DECIDE) -> int:
    """Locks tasks, then the batches of those that get another number of answers, without waiting for a batch (see
    `_Waiting`); call it outside a transaction that holds later locks.

    Computes each task's label from its settled, counting answers of the current round, and returns the number of
    versions written. In the same transaction, an open task becomes answered or gets one more answer, as
    `stopping_policy.next_step` decides. The posterior is updated after every answer; a label is written once the task
    is answered. `label_stability.decide` says what replaces a label; what it only proposes for an approved label is
    kept as a `LabelProposal`. `asking` closes the open tasks with the answers they have, or decides about finished ones
    again.
    """
    written = 0
    for project_id, ids in _by_project(task_ids):
        project = Project.objects.select_related("schema").get(pk=project_id)
        # Enough to share the queries and the pass over the answers; few enough to release the row locks soon.
        at_once = images_at_once(schema_of(project=project).object_tools)
        for start in range(0, len(ids), at_once):
            written += _update_together(project, ids[start : start + at_once], asking)
    return written


def _update_together(project: Project, task_ids: Sequence[int], asking: Asking) -> int:
    """Update the tasks that nobody holds in one transaction, then the others, one by one.

    The first transaction may lock many tasks, in any order, because it waits for none; the others wait while they hold
    no task, as claims do not always lock the tasks of a batch by id.
    """
    labels, left, written = _update_by_one_version(project, task_ids, asking, waiting=_Waiting.NONE)
    for pk in sorted(left):
        for waiting in (_Waiting.TASKS, _Waiting.BATCHES):
            versions, still_left, _ = _update_by_one_version(project, [pk], asking, waiting=waiting, unapproved=written)
            labels += versions
            if not still_left:
                break
    return labels


def _update_by_one_version(
    project: Project,
    task_ids: Sequence[int],
    asking: Asking,
    *,
    waiting: _Waiting,
    unapproved: frozenset[int] = frozenset(),
) -> tuple[int, frozenset[int], frozenset[int]]:
    """Update the tasks, and once more if a refit or other classes have been committed meanwhile: they were applied to
    the tasks as they were before.

    Returns the number of versions written, the tasks left out, and those that got a version.
    """
    first = _update_chunk(project, task_ids, asking, waiting=waiting, unapproved=unapproved)
    now = Project.objects.values_list("schema", flat=True).get(pk=project.pk)
    if (first.version, first.schema) == (current_version(project_id=project.pk), now):
        return len(first.tasks), first.left, first.tasks
    replaced = unapproved | first.tasks
    again = _update_chunk(project, task_ids, asking, waiting=waiting, unapproved=replaced)
    return len(first.tasks) + len(again.tasks), first.left | again.left, first.tasks | again.tasks


def _by_project(task_ids: Collection[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield (project, its tasks by batch)."""
    rows = Task.objects.filter(pk__in=task_ids).order_by("project_id", "batch_id", "pk").values_list("project_id", "pk")
    for project_id, group in groupby(rows, key=lambda row: row[0]):
        yield project_id, [row[1] for row in group]


@transaction.atomic
def _update_chunk(
    project: Project,
    task_ids: Sequence[int],
    asking: Asking,
    *,
    waiting: _Waiting,
    unapproved: frozenset[int] = frozenset(),
) -> _Written:
    """unapproved: tasks in the state `approved` whose label was replaced since, by the caller."""
    tasks = _lock_tasks(task_ids, waiting)
    project = Project.objects.select_related("schema").get(pk=project.pk)
    inputs = load_inputs(project=project, task_ids=[task.pk for task in tasks])
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=tasks, is_current=True)}
    proposals = lock_proposals(labels=labels.values())
    may_replace = unapproved | sent_to_review(proposals)
    policy = policy_of(project, asking)
    decided = _with_steps(project, list(_updates(tasks, inputs, labels, may_replace, policy)), asking)
    held = _lock_batches({each.task.batch_id for each in decided if each.changes_slots})
    # Concurrent jobs are serialized by the row locks, so the second one sees the versions of the first.
    updates = [each for each in decided if not each.changes_slots or each.task.batch_id in held]
    left_out = {each.task.pk for each in decided} - {each.task.pk for each in updates}
    _save_posteriors(updates)
    written = _write_versions([update for update in updates if update.needs_new_version])
    changes = [update.proposed_change for update in updates if update.proposed_change]
    concerned = {pk: rows for pk, rows in proposals.items() if rows[0].task_id not in left_out}
    save_proposals(changes, proposals=concerned, replaced=written)
    _apply_steps(project, updates)
    skipped = set(task_ids) - {task.pk for task in tasks} if waiting is _Waiting.NONE else set()
    return _Written(written, inputs.worker_model.version, project.schema_id, frozenset(skipped | left_out))


def _lock_tasks(task_ids: Sequence[int], waiting: _Waiting) -> list[Task]:
    """Lock the tasks, those that nobody holds or all of them; with `BATCHES` their batches before."""
    if waiting is _Waiting.BATCHES:
        batches = Task.objects.filter(pk__in=task_ids).values("batch_id")
        list(Batch.objects.select_for_update(no_key=True).filter(pk__in=batches).order_by("pk").values_list("pk"))
    rows = Task.objects.select_for_update(no_key=True, skip_locked=waiting is _Waiting.NONE)
    return list(rows.filter(pk__in=task_ids).order_by("pk"))


def _lock_batches(batch_ids: Collection[int]) -> frozenset[int]:
    """Lock those of the batches that nobody else holds, and return them: see `_Waiting`."""
    if not batch_ids:
        return frozenset()
    rows = Batch.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=batch_ids)
    return frozenset(rows.order_by("pk").values_list("pk", flat=True))


def _updates(
    tasks: Sequence[Task],
    inputs: LabelInputs,
    labels: Mapping[int, ConsensusLabel],
    may_replace: Collection[int],
    policy: StoppingPolicy,
) -> Iterator[_Update]:
    """may_replace: tasks whose label may change even if it is approved."""
    posteriors = {row.task_id: row for row in Posterior.objects.filter(task__in=tasks)}
    by_id = {task.pk: task for task in tasks}
    counts = {task.pk: len(inputs.by_task[task.pk].people) for task in tasks}
    waiting = {pk for pk, task in by_id.items() if pk not in labels and only_waits(task, counts[pk], policy)}
    for pk, result in aggregate_tasks(tasks=tasks, inputs=inputs, undecided=waiting).items():
        task, label, posterior, answers = by_id[pk], labels.get(pk), posteriors.get(pk), counts[pk]
        decision = decide(
            result,
            label,
            is_approved=task.state == Task.State.APPROVED and pk not in may_replace,
            has_new_answers=posterior is None or posterior.answers != answers,
        )
        yield _Update(task, answers, result, inputs.worker_model, label, posterior, decision)


def _with_steps(project: Project, updates: Sequence[_Update], asking: Asking) -> list[_Update]:
    """Add what happens to the open ones of these tasks, and to finished ones that are decided again."""
    if not updates:
        return []
    model = updates[0].worker_model
    steps = decide_steps(
        [Candidate(each.task, each.progress) for each in updates if not each.is_settled_by_people],
        project=project,
        worker=NextWorker.of(model.blend, model.rates),
        asking=asking,
    )
    return [replace(each, step=steps.get(each.task.pk)) for each in updates]


def _apply_steps(project: Project, updates: Sequence[_Update]) -> None:
    """Needs the row locks of the tasks, and of the batches of those that get another number of answers.

    The only place that makes an open task answered, and that changes its number of answers because of the answers.
    """
    for update in updates:
        priority = update.step.priority if isinstance(update.step, AskOneMore) else None
        if update.reopens:
            ask_again(task=update.task, to=update.wanted, priority=priority)
        elif update.wanted != update.task.wanted:
            change_wanted(task=update.task, to=update.wanted, priority=priority)
    done = [update.task for update in updates if isinstance(update.step, Answered)]
    Task.objects.filter(pk__in=[task.pk for task in done if task.asked_again]).update(asked_again=False)
    answered = [task.pk for task in done if not task.asked_again]
    if answered:
        Task.objects.filter(pk__in=answered).update(state=Task.State.ANSWERED)
        record_event(project_id=project.pk, kind="task.answered", answered=len(answered))


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
    task_ids = [each.task.pk for each in updates]
    ConsensusLabel.objects.filter(task_id__in=task_ids, is_current=True).update(is_current=False)
    latest = latest_versions(task_ids=task_ids) if task_ids else {}
    ConsensusLabel.objects.bulk_create(
        ConsensusLabel(
            project_id=each.task.project_id,
            task=each.task,
            version=latest.get(each.task.pk, 0) + 1,
            body=each.result.answer.to_json(),
            content_hash=content_hash(each.result.answer),
            method=each.result.method,
            confidence=each.result.confidence,
            evidence=each.result.evidence.to_json(),
        )
        for each in updates
    )
    return frozenset(task_ids)


def write_version(*, task: Task, answer: Answer, method: str, evidence: LabelEvidence) -> ConsensusLabel:
    """Needs the task's row lock. Write a label version set by a person: confidence 1, never overwritten by answers."""
    latest = latest_versions(task_ids=[task.pk])
    ConsensusLabel.objects.filter(task=task, is_current=True).update(is_current=False)
    return ConsensusLabel.objects.create(
        project_id=task.project_id,
        task=task,
        version=latest.get(task.pk, 0) + 1,
        body=answer.to_json(),
        content_hash=content_hash(answer),
        method=method,
        confidence=1.0,
        evidence=replace(evidence, round=task.round, method=method).to_json(),
    )
