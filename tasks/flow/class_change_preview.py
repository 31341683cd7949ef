"""What a change of classes would do, and its undo, before it is done: decided by the functions that do it.

Numbers of labels and images are exact. Which labels change because answers agree that disagreed before is computed for
at most SAMPLE images, chosen at random, and estimated from these if there are more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from annotary_core.labels.class_mapping import ClassMapping
from projects.class_edits import ClassEdit, PlannedEdit
from projects.models import Project
from projects.selectors import mapping_of
from tasks.batching.models import Task
from tasks.consensus.asking_again import SAMPLE
from tasks.consensus.other_classes import labels_with_classes
from tasks.flow.class_change import planned_for
from tasks.flow.class_change_steps import NAMES
from tasks.flow.class_change_undo import (
    assignments_of,
    group_assignments,
    plan_restoration,
    read_decided,
    rows_to_restore,
)
from tasks.gold.models import Gold
from tasks.pay.budget import BudgetFigures, answer_cost, budget_figures
from tasks.repair.change_models import ChangedTask, ClassChange
from tasks.snapshots.models import Snapshot

_MICRO = Decimal("0.000001")
_CHUNK = 500

LABELS = f"""
SELECT count(*), count(*) FILTER (WHERE t.state = 'approved'),
    count(*) FILTER (WHERE l.method <> 'gold' AND (t.state IN ('answered', 'approved') OR t.asked_again)),
    coalesce(sum(t.wanted - t.taken) FILTER (WHERE l.method <> 'gold' AND t.asked_again), 0)
FROM tasks_consensuslabel l JOIN tasks_task t ON t.id = l.task_id
WHERE l.project_id = %(project)s AND l.is_current AND t.state <> 'left_out' AND {NAMES.format(column="l.body")}
"""  # noqa: S608
ANSWERS = f"""
SELECT count(*) FILTER (WHERE n.source = 'worker'), count(*) FILTER (WHERE n.source = 'model')
FROM tasks_annotation n WHERE n.project_id = %(project)s AND n.is_current AND {NAMES.format(column="n.body")}
"""  # noqa: S608
#: Answers to images that are not finished, and that keep no label which reopens them anyway.
FREED = f"""
SELECT count(*), count(DISTINCT t.id)
FROM tasks_annotation n
JOIN tasks_assignment a ON a.id = n.assignment_id AND a.counts AND a.state = 'submitted'
JOIN tasks_task t ON t.id = a.task_id AND t.round = a.round AND (t.state = 'open' OR t.asked_again)
LEFT JOIN tasks_consensuslabel l ON l.task_id = t.id AND l.is_current AND t.asked_again
WHERE n.project_id = %(project)s AND n.is_current AND {NAMES.format(column="n.body")}
    AND NOT coalesce({NAMES.format(column="l.body")}, false)
"""  # noqa: S608
RELEASES = f"""
SELECT i.snapshot_id, count(*)
FROM tasks_snapshotitem i
JOIN tasks_snapshot s ON s.id = i.snapshot_id AND s.state = 'ready'
JOIN tasks_consensuslabel l ON l.id = i.label_id AND {NAMES.format(column="l.body")}
WHERE i.project_id = %(project)s GROUP BY i.snapshot_id
"""  # noqa: S608
CONCERNED = f"""
SELECT t.id FROM tasks_task t
WHERE t.project_id = %(project)s AND t.state IN ('answered', 'approved') AND EXISTS (
    SELECT FROM tasks_annotation n WHERE n.task_id = t.id AND n.is_current AND {NAMES.format(column="n.body")})
ORDER BY t.order_key, t.id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class ClassChangePreview:
    """What a change of classes would do.

    version: of the schema that was looked at. labels, approved: those that have one of the classes. answers,
    predictions: those that name one. golds: check images that accept nothing but one. recomputed: finished images whose
    label is computed anew. changed: those of them that get a label of other content; proposed: approved ones for which
    one is proposed. reopened: images that are labeled again. waiting: images that are not finished and lose an answer.
    missing: answers that are asked for. releases: {release: how many of its labels have one of the classes}.
    is_estimate: whether changed and proposed were estimated from a sample.
    """

    version: int
    mapping: ClassMapping
    labels: int
    approved: int
    answers: int
    predictions: int
    golds: int
    recomputed: int
    changed: int
    proposed: int
    reopened: int
    waiting: int
    missing: int
    answer_cost: Decimal
    currency: str
    budget: BudgetFigures
    releases: Mapping[Snapshot, int]
    is_estimate: bool

    @property
    def cost(self) -> Decimal:
        return (self.missing * self.answer_cost).quantize(_MICRO)


@dataclass(frozen=True, slots=True)
class ClassUndoPreview:
    """What the undo of a change of classes would do.

    restored: images whose label, verdict and state become what they were. recomputed: the other images, because they
    were not finished or people have decided about them since. surplus: answers that came in between and count no more;
    they stay paid. ended: images in workers' sets that nobody needs any more.
    """

    restored: int
    recomputed: int
    surplus: int
    ended: int
    releases: Mapping[Snapshot, int]


def preview_class_change(*, project: Project, edit: ClassEdit) -> ClassChangePreview:
    """Return what changing the classes would do. Raises ClassesRefused and ClassChangeInProgress."""
    planned = planned_for(project=project, edit=edit)
    params = {"project": project.pk, "numbers": [str(number) for number in edit.numbers]}
    ((labels, approved, to_reopen, offered),) = _rows(LABELS, params)
    ((answers, predictions),) = _rows(ANSWERS, params)
    is_split = bool(planned.mapping) and None in planned.mapping.numbers.values()
    ((freed, waiting),) = _rows(FREED, params) if is_split else [(0, 0)]
    reopened = to_reopen if is_split else 0
    missing = max(0, reopened * project.answers_min + freed - (int(offered) if is_split else 0))
    concerned = [row[0] for row in _rows(CONCERNED, params)] if planned.mapping and not is_split else []
    changed, proposed = _estimate(project, planned, concerned)
    return ClassChangePreview(
        version=project.schema.version if project.schema else 0,
        mapping=planned.mapping,
        labels=labels,
        approved=approved,
        answers=answers,
        predictions=predictions,
        golds=_count_golds(project, edit),
        recomputed=len(concerned),
        changed=changed,
        proposed=proposed,
        reopened=reopened,
        waiting=waiting,
        missing=missing,
        answer_cost=answer_cost(project),
        currency=project.currency,
        budget=budget_figures(project=project, more_answers=missing),
        releases=_releases(dict(_rows(RELEASES, params))),
        is_estimate=len(concerned) > SAMPLE,
    )


def preview_class_undo(*, change: ClassChange) -> ClassUndoPreview:
    """Return what undoing the change would do now."""
    counts: Counter[str] = Counter()
    todo, after = rows_to_restore(change).select_related("change").order_by("pk"), 0
    while rows := list(todo.filter(pk__gt=after)[:_CHUNK]):
        after = rows[-1].pk
        _count_undo(rows, counts)
    marked = change.releases.filter(labels__gt=0).values_list("snapshot_id", "labels")
    return ClassUndoPreview(
        restored=counts["restored"],
        recomputed=counts["recomputed"],
        surplus=counts["surplus"],
        ended=counts["ended"],
        releases=_releases(dict(marked)),
    )


def _count_undo(rows: list[ChangedTask], counts: Counter[str]) -> None:
    tasks = {task.pk: task for task in Task.objects.filter(pk__in=[row.task_id for row in rows])}
    assignments, decided = group_assignments(assignments_of(rows), rows), read_decided(rows)
    for row in rows:
        plan = plan_restoration(row, tasks[row.task_id], assignments[row.task_id], decided)
        counts["restored" if plan.exact else "recomputed"] += 1
        counts["surplus"] += len(plan.surplus)
        counts["ended"] += len(plan.expired)


def _estimate(project: Project, planned: PlannedEdit, concerned: list[int]) -> tuple[int, int]:
    sample = list(Task.objects.filter(pk__in=concerned[:SAMPLE]).order_by("pk"))
    if not sample or project.schema is None:
        return 0, 0
    mapping = mapping_of(project.schema).then(planned.mapping)
    kept = {spec.number for spec in planned.specs}
    body = project.schema.body
    classes = [row for row in body["classes"] if row["number"] in kept]
    then: dict[str, Any] = {**body, "classes": classes}
    found = labels_with_classes(project=project, tasks=sample, body=then, mapping=mapping)
    factor = len(concerned) / len(sample)
    return round(factor * found.changed), round(factor * found.proposed)


def _count_golds(project: Project, edit: ClassEdit) -> int:
    """How many check images in use accept nothing but answers with these classes."""
    named = ClassMapping(dict.fromkeys(edit.numbers))
    golds = Gold.objects.filter(project=project, is_set_aside=False).exclude(state=Gold.State.RETIRED)
    return sum(all(map(named.concerns, accepted)) for accepted in golds.values_list("accepted", flat=True))


def _rows(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _releases(labels: Mapping[int, int]) -> dict[Snapshot, int]:
    rows = Snapshot.objects.filter(pk__in=labels).order_by("number")
    return {row: labels[row.pk] for row in rows}
