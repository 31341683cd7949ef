"""Queries on hands, on assignments, and on tasks that no worker can be assigned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.models import Actor, TeamMember
from kernel.errors import NotFound
from kernel.statements import run_prepared
from projects.models import PayBy, Project
from projects.pay_terms import PayTerms
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch, Task
from tasks.batching.selectors import kept_for
from tasks.standing.access import require_may_work
from tasks.standing.models import Standing

# What a worker sees of a hand, without what was sent back of it and is in no set yet. Read with every claim, so it
# bypasses the ORM, which would take most of the time.
SELECT_SHOWN_HAND = """
SELECT a.public_id, a.position, a.state, a.width, a.height, a.is_correction, n.body,
    a.price, s.version, s.body, coalesce(i.body, '')
FROM tasks_assignment a
JOIN projects_labelschema s ON s.id = a.schema_id
LEFT JOIN projects_instructions i ON i.id = a.instructions_id
LEFT JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current
WHERE a.hand_id = %(hand)s AND a.position > 0
ORDER BY a.position
"""


@dataclass(frozen=True, slots=True)
class ShownAssignment:
    """An image of a hand: width and height of its upright frame in pixels, and the body of its current answer.

    `is_correction`: the worker answered it before, and a reviewer sent it back.
    """

    public_id: UUID
    position: int
    state: str
    width: int
    height: int
    is_correction: bool
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ShownHand:
    """A hand as its worker sees it: gold and work look the same. All of its rows pin one schema.

    The terms of pay are those of the hand, so that what a single answer paid never shows.
    """

    assignments: list[ShownAssignment]
    terms: PayTerms
    schema: dict[str, Any]
    instructions: str


@dataclass(frozen=True, slots=True)
class LiveHand:
    """A hand that a worker is working on, and how many of its assignments have an answer."""

    hand: Hand
    total: int
    answered: int


def shown_hand(hand: Hand) -> ShownHand:
    rows = run_prepared(SELECT_SHOWN_HAND, {"hand": hand.pk})
    # Django returns JSON columns of raw statements as text.
    shown = [
        ShownAssignment(public_id, position, state, width, height, is_correction, json.loads(body) if body else None)
        for public_id, position, state, width, height, is_correction, body in (row[:7] for row in rows)
    ]
    # Every image of a hand that came back is in a later hand, which may leave none in this one.
    price, version, body, instructions = rows[0][7:] if rows else _current_versions(hand.project)
    terms = PayTerms.from_json(hand.pay_terms) if hand.pay_terms else PayTerms(PayBy.ANSWER, price)
    return ShownHand(shown, terms, {"version": version, **json.loads(body)}, instructions)


def _current_versions(project: Project) -> tuple[Decimal, int, str, str]:
    schema, instructions = project.schema, project.instructions
    assert schema is not None  # without one, no hand was claimed
    return project.price, schema.version, json.dumps(schema.body), instructions.body if instructions else ""


def live_hand(*, worker: Actor, project: Project) -> Hand | None:
    return Hand.objects.filter(worker=worker, project=project, state=Hand.State.LIVE).first()


def live_hands_of(*, worker: Actor) -> dict[int, LiveHand]:
    """Return the worker's live hands, by the row id of their project."""
    answered = Count("assignments", filter=Q(assignments__state=Assignment.State.SUBMITTED))
    rows = Hand.objects.filter(worker=worker, state=Hand.State.LIVE)
    rows = rows.annotate(total=Count("assignments"), answered=answered)
    return {hand.project_id: LiveHand(hand, hand.total, hand.answered) for hand in rows}


def hand_for(*, worker: Actor, hand_id: UUID) -> Hand:
    """Return the worker's hand.

    Raises NotFound for another worker's hand, WorkerRemoved, StaffCannotWork, ProjectEnded.
    """
    hand = Hand.objects.select_related("project").filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    require_may_work(worker=worker, project_id=hand.project_id)
    return hand


def assignment_for(*, worker: Actor, assignment_id: UUID) -> Assignment:
    """Return the worker's assignment with hand, rendition and schema.

    Raises NotFound for another worker's, WorkerRemoved, StaffCannotWork, ProjectEnded.
    """
    assignment = (
        Assignment.objects.select_related("hand", "rendition", "schema")
        .filter(public_id=assignment_id, worker=worker)
        .first()
    )
    if assignment is None:
        raise NotFound
    require_may_work(worker=worker, project_id=assignment.project_id)
    return assignment


@dataclass(frozen=True, slots=True)
class StuckTasks:
    """The number of open tasks with slots that no active worker of the project may claim in the current round."""

    without_answer: int
    with_answers: int


def stuck_tasks(*, project: Project) -> StuckTasks:
    """Count the project's stuck tasks; `flow.requeue.requeue_stuck` requeues or closes them."""
    stuck = filter_stuck(tasks=Task.objects.filter(project=project), project_id=project.pk)
    counts = stuck.aggregate(without=Count("pk", filter=Q(taken=0)), having=Count("pk", filter=Q(taken__gt=0)))
    return StuckTasks(without_answer=counts["without"], with_answers=counts["having"])


def filter_stuck(*, tasks: QuerySet[Task], project_id: int) -> QuerySet[Task]:
    """Of these tasks of one project, those that every active worker has been assigned in the current round, and that
    come back to none of them. Tasks in a set that someone still has are left out: answers may come with it.
    So are those that are set aside: they wait for a manager.

    The newest active worker must have had all of them, so the query, which the console repeats often, starts from that
    one worker's assignments. A project that nobody has joined has no stuck tasks: it waits for its first worker. Of a
    batch that is kept for a team, the team's members are the workers; one without any waits for its first one, too.
    """
    standings = Standing.objects.filter(project_id=project_id)
    if not standings.exists():
        return tasks.none()
    in_open_batches = tasks.filter(is_set_aside=False, taken__lt=F("wanted"), batch__state=Batch.State.OPEN)
    open_ones = in_open_batches.filter(Q(state=Task.State.OPEN) | Q(asked_again=True))
    active = standings.filter(state=Standing.State.ACTIVE)
    had_it = Assignment.objects.filter(
        task=OuterRef(OuterRef("pk")), worker=OuterRef("worker_id"), round=OuterRef(OuterRef("round"))
    ).exclude(returned=True, state__in=(Assignment.State.RELEASED, Assignment.State.EXPIRED))
    held = Assignment.objects.filter(task=OuterRef("pk"), hand__state=Hand.State.LIVE)
    teams = kept_for(project_id=project_id)
    remaining = active.filter(~Exists(had_it))
    shared = open_ones.filter(batch__team=None) if teams else open_ones
    stuck = shared.filter(_had_by(project_id, active), ~Exists(remaining), ~Exists(held))
    for team_id in teams:
        members = TeamMember.objects.filter(team_id=team_id).values("worker_id")
        in_team, left = active.filter(worker_id__in=members), remaining.filter(worker_id__in=members)
        if in_team.exists():
            kept = open_ones.filter(batch__team=team_id)
            stuck |= kept.filter(_had_by(project_id, in_team), ~Exists(left), ~Exists(held))
    return stuck


def _had_by(project_id: int, standings: QuerySet[Standing]) -> Q:
    """The tasks that the newest of these workers has had; all of them if there is none."""
    newest = standings.order_by("-pk").first()
    if newest is None:
        return Q()
    had = Assignment.objects.filter(project_id=project_id, worker=newest.worker_id, task__isnull=False)
    return Q(pk__in=had.values("task_id"))
