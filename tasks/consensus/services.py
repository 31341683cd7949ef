"""From settled answers to the agreed label."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction

from annotary_core.aggregation.consolidate import Consolidated
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.label_stability import posterior_beside, stays
from tasks.consensus.label_task import Ground, agree, ground_of
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.selectors import current_label, workers_left_to_ask
from tasks.consensus.stopping_policy import Somebody, wants_more
from tasks.consensus.worker_model import Learnt, current_version

#: Tasks in one transaction: enough to share the queries, few enough that their rows are free again in milliseconds.
CHUNK = 50


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the answers to one task come to, beside the label that it has now."""

    task: Task
    answers: int
    result: Consolidated
    learnt: Learnt
    current: ConsensusLabel | None

    @property
    def is_full(self) -> bool:
        return self.answers >= self.task.wanted

    @property
    def brings_a_version(self) -> bool:
        """A redo always brings a new version, also of the same content: its verdict begins anew."""
        if not self.is_full or self.current is None:
            return self.is_full
        if self.current.evidence.get("round") != self.task.round:
            return True
        if self.current.method in SET_BY_PEOPLE:
            return False
        return self.current.content_hash != content_hash(self.result.answer) and not stays(self.result, self.current)


@dataclass(frozen=True, slots=True)
class _Written:
    """labels: versions written. version: of the state that they were made with."""

    labels: int
    version: int


def update_labels(*, task_ids: Sequence[int], may_ask_more: bool = True) -> int:
    """Locks the tasks, a few of one batch at a time; call it outside a transaction that holds later ones.

    Makes each task's label from its settled, counting answers of the present round, and returns how many versions were
    written. The posterior follows every answer; a label is written when the task has all the answers that it asks for.
    The same content writes nothing, nor does a hair's difference when nothing was answered since (`staying`), and a
    label that a person set in this round stays.

    A full task becomes answered, unless its label is less sure than the project wants, another answer is worth asking
    for (`asking`), and a worker is left to ask: then it stays open, and `flow.overlap` raises what it wants.
    """
    projects: dict[int, Project] = {}
    written = 0
    for project_id, ids in in_chunks(task_ids=task_ids):
        if project_id not in projects:
            projects[project_id] = Project.objects.select_related("schema").get(pk=project_id)
        written += _update_by_one_version(projects[project_id], ids, may_ask_more)
    return written


def _update_by_one_version(project: Project, task_ids: Sequence[int], may_ask_more: bool) -> int:
    """Again when a refit has committed meanwhile: it has scored the tasks as they were before."""
    written = _update_chunk(project, task_ids, may_ask_more)
    if written.version != current_version(project_id=project.pk):
        return written.labels + _update_chunk(project, task_ids, may_ask_more).labels
    return written.labels


def in_chunks(*, task_ids: Collection[int]) -> Iterator[tuple[int, list[int]]]:
    """(project, tasks in ascending order): what may be locked in one transaction that does not hold the batch.

    Never tasks of two batches: a claim takes batches by priority and waits for tasks of one while it holds tasks of
    another, so whoever did both by id alone would lock up with it.
    """
    rows = Task.objects.filter(pk__in=task_ids).order_by("batch_id", "pk").values_list("project_id", "batch_id", "pk")
    for (project_id, _batch_id), group in groupby(rows, key=lambda row: row[:2]):
        ids = [row[2] for row in group]
        for start in range(0, len(ids), CHUNK):
            yield project_id, ids[start : start + CHUNK]


@transaction.atomic
def _update_chunk(project: Project, task_ids: Sequence[int], may_ask_more: bool) -> _Written:
    tasks = list(Task.objects.select_for_update(no_key=True).filter(pk__in=task_ids).order_by("pk"))
    ground = ground_of(project=project, task_ids=[task.pk for task in tasks])
    outcomes = list(_outcomes(tasks, ground))
    # Two jobs come here one after the other, so the second one sees the versions of the first.
    _note_posteriors(outcomes)
    full = [outcome for outcome in outcomes if outcome.is_full and outcome.task.state == Task.State.OPEN]
    stay_open = _to_ask_again(project, full) if may_ask_more else frozenset[int]()
    closed = [outcome for outcome in outcomes if outcome.task.pk not in stay_open]
    written = _write_versions([outcome for outcome in closed if outcome.brings_a_version])
    done = [outcome.task.pk for outcome in full if outcome.task.pk not in stay_open]
    mark_answered(project_id=project.pk, task_ids=done)
    return _Written(written, ground.learnt.version)


def _outcomes(tasks: Sequence[Task], ground: Ground) -> Iterator[_Outcome]:
    task_ids = [task.pk for task in tasks]
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task_id__in=task_ids, is_current=True)}
    for task in tasks:
        people = ground.of[task.pk].people
        if people:
            result = agree(task=task, ground=ground)
            yield _Outcome(task, len(people), result, ground.learnt, labels.get(task.pk))


def _to_ask_again(project: Project, full: Sequence[_Outcome]) -> frozenset[int]:
    unsure = [
        outcome.task.pk
        for outcome in full
        if outcome.task.wanted < project.answers_max and _is_unsure(project, outcome)
    ]
    if not unsure:
        return frozenset()
    # With nobody left to ask, the task would stay open for ever; a reviewer decides it instead.
    left = workers_left_to_ask(project_id=project.pk, task_ids=unsure)
    return frozenset(pk for pk in unsure if left[pk] > 0)


def _is_unsure(project: Project, outcome: _Outcome) -> bool:
    return wants_more(
        project=project,
        posterior=outcome.result.posterior,
        confidence=outcome.result.confidence,
        answers=outcome.answers,
        asked=Somebody.of(outcome.learnt),
    )


def _note_posteriors(outcomes: Collection[_Outcome]) -> None:
    known = {row.task_id: row for row in Posterior.objects.filter(task_id__in=[each.task.pk for each in outcomes])}
    rows = []
    for outcome in outcomes:
        row = known.get(outcome.task.pk) or Posterior(task=outcome.task, project_id=outcome.task.project_id)
        row.answers, row.body = outcome.answers, posterior_beside(outcome.result, outcome.current)
        row.confidence, row.state_version = outcome.result.confidence, outcome.learnt.version
        rows.append(row)
    Posterior.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["task"],
        update_fields=["answers", "body", "confidence", "state_version", "updated_at"],
    )


def _write_versions(outcomes: Sequence[_Outcome]) -> int:
    ConsensusLabel.objects.filter(task_id__in=[each.task.pk for each in outcomes], is_current=True).update(
        is_current=False
    )
    ConsensusLabel.objects.bulk_create(
        ConsensusLabel(
            project_id=each.task.project_id,
            task=each.task,
            version=each.current.version + 1 if each.current else 1,
            body=each.result.answer.to_json(),
            content_hash=content_hash(each.result.answer),
            method=each.result.evidence["method"],
            confidence=each.result.confidence,
            evidence=each.result.evidence,
        )
        for each in outcomes
    )
    return len(outcomes)


def mark_answered(*, project_id: int, task_ids: Sequence[int]) -> None:
    """Needs the tasks' row locks."""
    answered = Task.objects.filter(pk__in=task_ids, state=Task.State.OPEN).update(state=Task.State.ANSWERED)
    if answered:
        record_event(project_id=project_id, kind="task.answered", answered=answered)


def write_version(*, task: Task, answer: Answer, method: str, evidence: dict[str, Any]) -> ConsensusLabel:
    """Needs the task's row lock. A person's own version of a label: it is certain, and answers do not overwrite it."""
    before = current_label(task=task)
    ConsensusLabel.objects.filter(task=task, is_current=True).update(is_current=False)
    return ConsensusLabel.objects.create(
        project_id=task.project_id,
        task=task,
        version=before.version + 1 if before else 1,
        body=answer.to_json(),
        content_hash=content_hash(answer),
        method=method,
        confidence=1.0,
        evidence={**evidence, "round": task.round, "method": method},
    )
