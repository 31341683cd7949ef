"""Reading hands and assignments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from django.db.models import F, FilteredRelation, Q

from accounts.models import Actor
from kernel.errors import NotFound
from projects.models import Project
from tasks.assignment.models import Assignment, Hand

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Answered(TypedDict):
        """The canonical body of the current answer, or None."""

        answer: dict[str, Any] | None

    AnsweredAssignment = WithAnnotations[Assignment, Answered]


def live_hand(*, worker: Actor, project: Project) -> Hand | None:
    return Hand.objects.filter(worker=worker, project=project, state=Hand.State.LIVE).first()


def hand_for(*, worker: Actor, hand_id: UUID) -> Hand:
    """Raises NotFound for another worker's hand as for one that does not exist."""
    hand = Hand.objects.select_related("project").filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    return hand


def assignment_for(*, worker: Actor, assignment_id: UUID) -> Assignment:
    """With hand, rendition and schema. Raises NotFound for another worker's."""
    assignment = (
        Assignment.objects.select_related("hand", "rendition", "schema")
        .filter(public_id=assignment_id, worker=worker)
        .first()
    )
    if assignment is None:
        raise NotFound
    return assignment


def assignments_of(hand: Hand) -> list[AnsweredAssignment]:
    """In the order in which the worker sees them, each with `answer`, the body of its current answer or None."""
    rows = (
        Assignment.objects.filter(hand=hand)
        .select_related("schema", "instructions")
        .annotate(current=FilteredRelation("annotations", condition=Q(annotations__is_current=True)))
        .annotate(answer=F("current__body"))
        .order_by("position")
    )
    return list(rows)
