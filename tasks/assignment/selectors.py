"""Queries on hands and assignments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from django.db import connection
from django.db.models import F, FilteredRelation, Q

from accounts.models import Actor
from kernel.errors import NotFound
from projects.models import Project
from tasks.assignment.models import Assignment, Hand

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class CurrentAnswer(TypedDict):
        """The annotation `answer`: the canonical body of the current answer, or None."""

        answer: dict[str, Any] | None

    AnsweredAssignment = WithAnnotations[Assignment, CurrentAnswer]


# What a worker sees of a hand. Read with every claim, so it bypasses the ORM, which would take most of the time.
SELECT_SHOWN_HAND = """
SELECT a.public_id, a.position, a.state, a.width, a.height, n.body, a.price, s.version, s.body, coalesce(i.body, '')
FROM tasks_assignment a
JOIN projects_labelschema s ON s.id = a.schema_id
LEFT JOIN projects_instructions i ON i.id = a.instructions_id
LEFT JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current
WHERE a.hand_id = %s
ORDER BY a.position
"""


@dataclass(frozen=True, slots=True)
class ShownAssignment:
    """An image of a hand: width and height of its upright frame in pixels, and the body of its current answer."""

    public_id: UUID
    position: int
    state: str
    width: int
    height: int
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ShownHand:
    """A hand as its worker sees it: gold and work look the same. All of its rows pin one schema and price."""

    assignments: list[ShownAssignment]
    price: Decimal
    schema: dict[str, Any]
    instructions: str


def shown_hand(hand: Hand) -> ShownHand:
    with connection.cursor() as cursor:
        cursor.execute(SELECT_SHOWN_HAND, [hand.pk])
        rows = cursor.fetchall()
    # Django returns JSON columns of raw statements as text.
    shown = [
        ShownAssignment(public_id, position, state, width, height, None if body is None else json.loads(body))
        for public_id, position, state, width, height, body in (row[:6] for row in rows)
    ]
    price, version, body, instructions = rows[0][6:]
    return ShownHand(shown, price, {"version": version, **json.loads(body)}, instructions)


def live_hand(*, worker: Actor, project: Project) -> Hand | None:
    return Hand.objects.filter(worker=worker, project=project, state=Hand.State.LIVE).first()


def hand_for(*, worker: Actor, hand_id: UUID) -> Hand:
    """Return the worker's hand. Raises NotFound for another worker's hand, as for one that does not exist."""
    hand = Hand.objects.select_related("project").filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    return hand


def assignment_for(*, worker: Actor, assignment_id: UUID) -> Assignment:
    """Return the worker's assignment with hand, rendition and schema. Raises NotFound for another worker's."""
    assignment = (
        Assignment.objects.select_related("hand", "rendition", "schema")
        .filter(public_id=assignment_id, worker=worker)
        .first()
    )
    if assignment is None:
        raise NotFound
    return assignment


def assignments_of(hand: Hand) -> list[AnsweredAssignment]:
    """Return the hand's assignments in the worker's order, each with `answer`: its current answer's body or None."""
    rows = (
        Assignment.objects.filter(hand=hand)
        .select_related("schema", "instructions")
        .annotate(current=FilteredRelation("annotations", condition=Q(annotations__is_current=True)))
        .annotate(answer=F("current__body"))
        .order_by("position")
    )
    return list(rows)
