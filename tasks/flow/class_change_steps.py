"""The steps of a change of classes: each brings some images of one batch up to it.

Merged classes: a label that has one of them gets another version with the class that it is read as, its verdict is
carried to that, and the label is computed anew, because answers may agree that disagreed before. A split class: an
image with such a label is labeled again, in another round; answers to unfinished images that name it free their slots.

A step commits on its own and finds what is left in the tables, so that the job can be killed and run again, and two at
once do no harm. It locks one batch, its tasks and their assignments, in the order of claims, for at most AT_ONCE
images.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.class_mapping import ClassMapping
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Batch, Task
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.label_methods import GOLD
from tasks.consensus.models import ConsensusLabel, LabelProposal, Posterior
from tasks.consensus.selectors import latest_versions
from tasks.flow.image_state import (
    AT_ONCE,
    change_slots,
    current_verdicts,
    end_answers,
    keep_before,
    retire_labels,
)
from tasks.flow.rejection import next_rounds
from tasks.flow.relabel import relabel
from tasks.flow.repair_record import FINISHED, Slots
from tasks.repair.change_models import ChangedTask, ClassChange
from tasks.repair.change_selectors import IN_FORCE
from tasks.repair.models import RepairedTask
from tasks.review.models import Review

#: Whether the answer in the column names one of the classes.
NAMES = """(({column}->'image'->>'class') = ANY(%(numbers)s) OR EXISTS (
    SELECT FROM jsonb_array_elements({column}->'objects') item WHERE (item->>'class') = ANY(%(numbers)s)))"""

LABELS = f"""
SELECT t.id FROM tasks_task t JOIN tasks_consensuslabel l ON l.task_id = t.id AND l.is_current
WHERE t.batch_id = %(batch)s AND {NAMES.format(column="l.body")}
"""  # noqa: S608
#: Of merged classes: images whose label has not been computed anew since.
MERGED = f"""
SELECT t.id FROM tasks_task t WHERE t.batch_id = %(batch)s
AND EXISTS (SELECT FROM tasks_annotation n WHERE n.task_id = t.id AND n.is_current AND {NAMES.format(column="n.body")})
AND NOT EXISTS (SELECT FROM tasks_changedtask c WHERE c.change_id = %(change)s AND c.task_id = t.id)
UNION {LABELS} ORDER BY 1 LIMIT {AT_ONCE}
"""  # noqa: S608
#: Of a split class: images with such a label, but those that the owner answered; open ones with such an answer.
SPLIT = f"""
{LABELS} AND l.method <> '{GOLD}' AND t.state <> 'left_out'
UNION SELECT t.id FROM tasks_task t
JOIN tasks_assignment a ON a.task_id = t.id AND a.round = t.round AND a.counts AND a.state = 'submitted'
JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current AND {NAMES.format(column="n.body")}
WHERE t.batch_id = %(batch)s AND (t.state = 'open' OR t.asked_again)
ORDER BY 1 LIMIT {AT_ONCE}
"""  # noqa: S608
#: The batches of unfinished images with answers that name a split class.
LATE = f"""
SELECT DISTINCT t.batch_id FROM tasks_task t
JOIN tasks_assignment a ON a.task_id = t.id AND a.round = t.round AND a.counts AND a.state = 'submitted'
JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current AND {NAMES.format(column="n.body")}
WHERE t.project_id = %(project)s AND (t.state = 'open' OR t.asked_again)
ORDER BY 1
"""  # noqa: S608
MARK = f"""
INSERT INTO tasks_changedrelease (change_id, snapshot_id, labels)
SELECT %(change)s, i.snapshot_id, count(*)
FROM tasks_snapshotitem i
JOIN tasks_snapshot s ON s.id = i.snapshot_id AND s.state = 'ready'
JOIN tasks_consensuslabel l ON l.id = i.label_id AND {NAMES.format(column="l.body")}
WHERE i.project_id = %(project)s GROUP BY i.snapshot_id
ON CONFLICT (change_id, snapshot_id) DO NOTHING
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Carried:
    """The row ids of the label and the verdict that a change wrote for a task, if any."""

    label: int | None = None
    review: int | None = None


def numbers_of(change: ClassChange) -> list[str]:
    """The classes that a change is about, as JSON has them as text."""
    if change.mapping:
        return list(change.mapping)
    before, after = (
        {row["number"]: row["name"] for row in each.body["classes"]} for each in (change.before, change.after)
    )
    return [str(number) for number, name in before.items() if after.get(number) != name]


def is_split(change: ClassChange) -> bool:
    """Whether answers that name the classes say nothing any more."""
    return None in change.mapping.values()


def batches_of(change: ClassChange) -> list[int]:
    """Return the row ids of the batches to look into, in ascending order: a step finds what is left in one.

    All of the project; once the change is applied, those with answers that have come since.
    """
    if change.state == ClassChange.State.APPLIED:
        left = ChangedTask.objects.filter(change=change, state=ChangedTask.State.CHANGED).values_list(
            "batch_id", flat=True
        )
        late = [row[0] for row in _rows(LATE, _params(change))] if is_split(change) else []
        return sorted({*late, *left})
    rows = Batch.objects.filter(project_id=change.project_id).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def apply_to_batch(change: ClassChange, batch_id: int) -> None:
    """Locks the batch, its tasks, their assignments, some at a time. Apply the change to the images of a batch."""
    while apply_to_some(change, batch_id):
        _update_changed(change, batch_id)
    # Those of a job that was killed after such a step.
    _update_changed(change, batch_id)


@transaction.atomic
def apply_to_some(change: ClassChange, batch_id: int) -> int:
    """Locks the change, the batch, its tasks, their assignments. Apply it to up to AT_ONCE images; return the count."""
    if lock_change(change).state not in IN_FORCE:
        return 0
    batch = lock_batch(batch_id=batch_id)
    found = _find(change, batch_id)
    tasks = lock_tasks(Task.objects.filter(pk__in=found))
    # What was found before the locks may have been dealt with meanwhile.
    left = set(_find(change, batch_id))
    tasks = [task for task in tasks if task.pk in left]
    if not tasks:
        return 0
    counting = _lock_round(tasks)
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=tasks, is_current=True)}
    before = keep_before(batch, tasks, counting, labels)
    earlier = {row.task_id: row for row in ChangedTask.objects.filter(change=change, task__in=tasks)}
    rows = {
        pk: earlier.get(pk) or ChangedTask(change=change, task_id=pk, batch_id=batch_id, before=each.to_json())
        for pk, each in before.items()
    }
    if is_split(change):
        _split(change, batch, tasks, labels, rows)
    else:
        _merge(change, tasks, labels, rows)
    # What an earlier repair has kept of these images has other classes.
    RepairedTask.objects.filter(task__in=tasks).exclude(state=RepairedTask.State.RESTORED).update(is_exact=False)
    ChangedTask.objects.bulk_create(row for row in rows.values() if row.pk is None)
    for row in earlier.values():
        row.state = ChangedTask.State.CHANGED
    ChangedTask.objects.bulk_update(earlier.values(), ["state", "label", "review", "freed", "round"])
    ClassChange.objects.filter(pk=change.pk).update(images=F("images") + len(rows) - len(earlier))
    return len(tasks)


def _lock_round(tasks: Sequence[Task]) -> dict[int, list[int]]:
    """Needs the tasks' locks; locks the answers and leases of their rounds. Return, by task, those that count."""
    counting: dict[int, list[int]] = {}
    submitted, leased = Assignment.State.SUBMITTED, Assignment.State.LEASED
    rows = Assignment.objects.select_for_update(no_key=True, of=("self",)).filter(
        task__in=tasks, round=F("task__round"), state__in=[submitted, leased]
    )
    for pk, task_id, state, counts in rows.order_by("pk").values_list("pk", "task_id", "state", "counts"):
        if counts and state == submitted and task_id is not None:
            counting.setdefault(task_id, []).append(pk)
    return counting


def lock_change(change: ClassChange) -> ClassChange:
    """Locks the change: its steps come one after the other, and none after it has been undone."""
    return ClassChange.objects.select_for_update(no_key=True).get(pk=change.pk)


@transaction.atomic
def mark_releases(change: ClassChange) -> None:
    """Note the releases that have labels of these classes."""
    with connection.cursor() as cursor:
        cursor.execute(MARK, _params(change))


def _find(change: ClassChange, batch_id: int) -> list[int]:
    sql = SPLIT if is_split(change) else MERGED
    return [row[0] for row in _rows(sql, _params(change) | {"batch": batch_id})]


def _rows(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _params(change: ClassChange) -> dict[str, Any]:
    return {"project": change.project_id, "change": change.pk, "numbers": numbers_of(change)}


def _update_changed(change: ClassChange, batch_id: int) -> None:
    """Locks as label updates do. Bring the labels of images up to date that steps have changed."""
    rows = ChangedTask.objects.filter(change=change, batch_id=batch_id, state=ChangedTask.State.CHANGED)
    found = list(rows.order_by("task_id").values_list("task_id", flat=True))
    if found:
        relabel(task_ids=found)
        rows.filter(task__in=found).update(state=ChangedTask.State.UPDATED)


def _merge(
    change: ClassChange,
    tasks: Sequence[Task],
    labels: Mapping[int, ConsensusLabel],
    rows: Mapping[int, ChangedTask],
) -> None:
    """Write labels with the class that theirs is read as, and carry their verdicts."""
    mapping = ClassMapping.from_json(change.mapping)
    named = [label for label in labels.values() if mapping.concerns(label.body)]
    verdicts = {row.task_id: row for row in current_verdicts([label.task_id for label in named])}
    latest = latest_versions(task_ids=[label.task_id for label in named]) if named else {}
    LabelProposal.objects.filter(label__in=named, state=LabelProposal.State.OPEN).delete()
    retire_labels(task_ids=[label.task_id for label in named])
    written = ConsensusLabel.objects.bulk_create(
        _with_other_classes(change, label, mapping, version=latest[label.task_id] + 1) for label in named
    )
    carried = Review.objects.bulk_create(
        _carried(verdicts[label.task_id], label) for label in written if label.task_id in verdicts
    )
    reviews = {row.task_id: row.pk for row in carried}
    for label in written:
        row = rows[label.task_id]
        row.label, row.review = label.pk, reviews.get(label.task_id)


def _with_other_classes(
    change: ClassChange, label: ConsensusLabel, mapping: ClassMapping, *, version: int
) -> ConsensusLabel:
    answer = mapping.answer(Answer.from_json(label.body))
    assert answer is not None  # merged classes are read as others
    evidence = LabelEvidence.from_json(label.evidence).with_other_classes(
        mapping, change=str(change.public_id), version=label.version
    )
    return ConsensusLabel(
        project_id=label.project_id,
        task_id=label.task_id,
        version=version,
        body=answer.to_json(),
        content_hash=content_hash(answer),
        method=label.method,
        confidence=label.confidence,
        evidence=evidence.to_json(),
    )


def _carried(verdict: Review, label: ConsensusLabel) -> Review:
    return Review(
        project_id=verdict.project_id,
        task_id=verdict.task_id,
        label=label,
        label_hash=label.content_hash,
        reviewer_id=verdict.reviewer_id,
        verdict=verdict.verdict,
        reason=verdict.reason,
        by_policy=verdict.by_policy,
        carried_from=verdict,
    )


def _split(
    change: ClassChange,
    batch: Batch,
    tasks: Sequence[Task],
    labels: Mapping[int, ConsensusLabel],
    rows: Mapping[int, ChangedTask],
) -> None:
    """Have images with such a label labeled again, and free the slots of such answers to open ones."""
    mapping = ClassMapping.from_json(change.mapping)
    named = {pk for pk, label in labels.items() if mapping.concerns(label.body)}
    reopened = [task for task in tasks if task.pk in named and (task.state in FINISHED or task.asked_again)]
    project = Project.objects.get(pk=change.project_id)
    after = {task.pk: Slots(Task.State.OPEN, False, project.answers_min, 0) for task in reopened}
    freed, rounds = _free(tasks, after, mapping), next_rounds(reopened)
    for task in tasks:
        row = rows[task.pk]
        row.freed, row.round = [*row.freed, *freed.get(task.pk, [])], rounds.get(task.pk, row.round)
        if task.pk not in after:
            now = Slots.of(task)
            after[task.pk] = Slots(now.state, now.asked_again, now.wanted, now.taken - len(freed.get(task.pk, [])))
    _end_rounds(change.project_id, reopened)
    retire_labels(task_ids=sorted(named))
    Posterior.objects.filter(task__in=tasks).delete()
    data = {"change": str(change.public_id)}
    change_slots(batch, tasks, after, event="classes.progress", data=data, reopens=bool(reopened))
    for task in reopened:
        task.round = rounds[task.pk]
    Task.objects.bulk_update(reopened, ["round"])


def _free(tasks: Sequence[Task], reopened: Collection[int], mapping: ClassMapping) -> dict[int, list[int]]:
    """Have answers to open images that name the classes count no more; returns their assignments by task."""
    ids = [task.pk for task in tasks if task.pk not in reopened]
    answers = Annotation.objects.filter(
        is_current=True,
        assignment__task__in=ids,
        assignment__counts=True,
        assignment__state=Assignment.State.SUBMITTED,
        assignment__round=F("assignment__task__round"),
    )
    freed: dict[int, list[int]] = {}
    for task_id, assignment_id, body in answers.values_list("task_id", "assignment_id", "body").order_by("pk"):
        if task_id is not None and assignment_id is not None and mapping.concerns(body):
            freed.setdefault(task_id, []).append(assignment_id)
    Assignment.objects.filter(pk__in=[pk for each in freed.values() for pk in each]).update(counts=False)
    return freed


def _end_rounds(project_id: int, tasks: Sequence[Task]) -> None:
    """Needs the locks of the tasks and their rounds. The answers of the round count no more, and its leases end."""
    rows = Assignment.objects.filter(
        task__in=tasks, round=F("task__round"), state__in=[Assignment.State.SUBMITTED, Assignment.State.LEASED]
    )
    states = list(rows.order_by("pk").values_list("pk", "state", "counts"))
    end_answers(
        project_id,
        surplus=[pk for pk, state, counts in states if counts and state == Assignment.State.SUBMITTED],
        expired=[pk for pk, state, _ in states if state == Assignment.State.LEASED],
    )
