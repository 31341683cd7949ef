"""What each role reads of a project's events, and the kinds of events there are.

Managers read everything. The roles below read the events about what they can read anyway, without the rest of the
deltas: reviewers labels and batches, clients releases and exports. Workers read nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from accounts.models import Actor, Role
from accounts.selectors import COVERS, role_in
from kernel.errors import Forbidden
from kernel.events import StreamSnapshot, event_message
from kernel.models import Event
from projects.models import Project

#: The roles that may read the stream; of those that a member's role covers, the first decides what it shows.
STREAM_ROLES = (Role.MANAGER, Role.REVIEWER, Role.CLIENT)
_REVIEWERS = frozenset({Role.REVIEWER})
_CLIENTS = frozenset({Role.CLIENT})
_BOTH = _REVIEWERS | _CLIENTS


@dataclass(frozen=True, slots=True)
class EventKind:
    """What happened, for the reference, and the roles besides managers that read of it."""

    meaning: str
    readers: frozenset[Role] = frozenset()


#: Every kind of event. One that is missing here is shown to managers alone.
EVENT_KINDS: dict[str, EventKind] = {
    "project.open": EventKind("The project was opened", _BOTH),
    "project.paused": EventKind("The project was paused", _BOTH),
    "project.closed": EventKind("The project was closed", _BOTH),
    "totals.corrected": EventKind("Totals were corrected after an upgrade", _REVIEWERS),
    "project.archived": EventKind("The project was archived", _BOTH),
    "project.reopened": EventKind("The project was reopened", _BOTH),
    "project.scheduled": EventKind("The priority or the deadline of the project was changed"),
    "import.progress": EventKind("Files of an import were checked, or its state changed"),
    "gold.made": EventKind("An image was made a check image"),
    "tasks.made": EventKind("Images are ready to be labeled", _REVIEWERS),
    "places.changed": EventKind("More or fewer answers are wanted for an image"),
    "overlap.changed": EventKind("The number of answers per image was changed"),
    "task.asked_again": EventKind("Finished images get more answers", _REVIEWERS),
    "budget.changed": EventKind("The budget was changed"),
    "budget.reached": EventKind("The budget covers no more images"),
    "bonus.given": EventKind("A worker got a bonus"),
    "pay.approved": EventKind("Pay was approved before its date"),
    "batch.opened": EventKind("A batch was opened", _REVIEWERS),
    "batch.paused": EventKind("A batch was paused", _REVIEWERS),
    "batch.scheduled": EventKind("The priority or the deadline of a batch was changed", _REVIEWERS),
    "batch.kept": EventKind("A batch was kept for a team, or opened to everybody"),
    "batch.approved": EventKind("A batch was approved", _REVIEWERS),
    "hand.claimed": EventKind("A worker took a set"),
    "hand.settled": EventKind("A set was handed in and paid"),
    "answer.submitted": EventKind("Answers came in"),
    "answer.changed": EventKind("A worker changed an answer"),
    "assignment.skipped": EventKind("A worker skipped an image"),
    "assignment.expired": EventKind("The time for images ran out"),
    "assignment.released": EventKind("Images of a set were returned"),
    "label.passed": EventKind("A label passed a stage of review", _REVIEWERS),
    "review.stages_changed": EventKind("The stages of review were changed"),
    "image.sent_back": EventKind("An image was sent back to its worker"),
    "correction.ended": EventKind("An image that was sent back goes to other workers"),
    "instructions.confirmed": EventKind("A worker confirmed the instructions"),
    "workers.invited": EventKind("People were invited by address"),
    "application.made": EventKind("Somebody applied to work in the project"),
    "application.decided": EventKind("An application was accepted or declined"),
    "worker.joined": EventKind("A worker joined"),
    "worker.paused": EventKind("A worker was paused"),
    "worker.stage_changed": EventKind("A worker's answers became more or less doubtful"),
    "worker.resumed": EventKind("A worker may work again"),
    "worker.removed": EventKind("A worker was removed"),
    "worker.left": EventKind("A worker left"),
    "worker.measured": EventKind("A worker's answers were compared with check images"),
    "consensus.refitted": EventKind("The workers were rated again"),
    "task.answered": EventKind("Images have all their answers", _REVIEWERS),
    "task.reopened": EventKind("An image is labeled again", _REVIEWERS),
    "task.set_aside": EventKind("An image that many workers skipped was set aside"),
    "task.offered": EventKind("An image that was set aside or left out is offered again"),
    "task.left_out": EventKind("An image was left out: it needs no label"),
    "gold.promoted": EventKind("An approved label was made a check image"),
    "gold.changed": EventKind("The accepted answers or the tolerance of a check image were changed"),
    "gold.suspended": EventKind("A check image that good workers fail was suspended"),
    "gold.reactivated": EventKind("A suspended check image is in use again"),
    "gold.set_aside": EventKind("A check image that many workers skipped was set aside"),
    "gold.offered": EventKind("A check image that was set aside is offered again"),
    "qualification.image_added": EventKind("An image was given to a qualification"),
    "qualifications.required": EventKind("The qualifications that workers need were changed"),
    "workers.filtered": EventKind("Which workers get sets was changed"),
    "repair.started": EventKind("A worker's answers were voided"),
    "repair.progress": EventKind("Images of a repair were dealt with", _REVIEWERS),
    "repair.finished": EventKind("All images of voided answers are dealt with"),
    "repair.undone": EventKind("A repair was undone"),
    "repair.restored": EventKind("All images of a repair that was undone are dealt with"),
    "classes.changed": EventKind("Classes were renamed, merged, split or retired", _REVIEWERS),
    "classes.progress": EventKind("Images of a change of classes were dealt with", _REVIEWERS),
    "classes.finished": EventKind("All images of a change of classes, or of its undo, are dealt with"),
    "classes.restored": EventKind("A change of classes was undone", _REVIEWERS),
    "label.approved": EventKind("Labels were approved", _REVIEWERS),
    "label.rejected": EventKind("A label was rejected", _REVIEWERS),
    "appeal.made": EventKind("A worker appealed against a rejected answer", _REVIEWERS),
    "appeal.decided": EventKind("An appeal was decided", _REVIEWERS),
    "question.asked": EventKind("A worker asked something about an image", _REVIEWERS),
    "question.answered": EventKind("A question about an image was answered", _REVIEWERS),
    "label.changed": EventKind("Labels changed after their approval", _REVIEWERS),
    "label.proposed": EventKind("Changes of approved labels were proposed", _REVIEWERS),
    "label.sent": EventKind("Proposed changes were sent to review", _REVIEWERS),
    "label.kept": EventKind("Labels were kept as approved", _REVIEWERS),
    "snapshot.progress": EventKind("A release is being built", _CLIENTS),
    "snapshot.ready": EventKind("A release is ready", _CLIENTS),
    "snapshot.failed": EventKind("A release could not be built", _CLIENTS),
    "export.progress": EventKind("An export is being written", _CLIENTS),
    "export.ready": EventKind("An export is ready to download", _CLIENTS),
    "export.failed": EventKind("An export could not be written", _CLIENTS),
}
#: The totals that a role reads; managers read all of them.
_TOTALS = MappingProxyType(
    {
        Role.REVIEWER: frozenset({"tasks", "answered", "approved", "rejected", "proposed", "sent", "kept"}),
        Role.CLIENT: frozenset({"releases"}),
    }
)


def stream_role(*, actor: Actor, project: Project) -> Role:
    """Return the role by which the actor reads the project's stream. Raises Forbidden."""
    own = role_in(actor=actor, organisation_id=project.organisation_id)
    covered = COVERS.get(own or "", frozenset())
    for role in STREAM_ROLES:
        if role in covered:
            return role
    raise Forbidden


def kinds_read_by(role: str) -> frozenset[str] | None:
    """Return the kinds of events that a role reads; None means all, including those that are not listed."""
    if role == Role.MANAGER:
        return None
    return frozenset(name for name, kind in EVENT_KINDS.items() if role in kind.readers)


def kinds_to_read(*, role: str, requested: Collection[str]) -> frozenset[str] | None:
    """Return which of the requested kinds the role reads: none of them is all; None means every kind there is."""
    own = kinds_read_by(role)
    if not requested:
        return own
    return frozenset(requested) if own is None else own & frozenset(requested)


def event_as_read(event: Event, *, role: str) -> dict[str, Any]:
    """Return an event that the role reads: {"number", "type", "at", "data", "delta"}."""
    message = event_message(event)
    return {
        "number": message["number"],
        "type": message["kind"],
        "at": message["at"],
        "data": message["data"],
        "delta": _totals_as_read(message["delta"], role),
    }


def totals_as_read(snapshot: StreamSnapshot, *, role: str) -> dict[str, Any]:
    """Return {"number", "totals"} of a stream as the role reads it."""
    return {"number": snapshot.number, "totals": _totals_as_read(snapshot.totals, role)}


def _totals_as_read(totals: dict[str, int], role: str) -> dict[str, int]:
    if role == Role.MANAGER:
        return totals
    shown = _TOTALS[Role(role)]
    return {name: value for name, value in totals.items() if name in shown}
