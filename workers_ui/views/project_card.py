"""A worker's view of a project: whether the worker can take images, and if not, why and what to do."""

from dataclasses import dataclass

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.selectors import assignments_of, live_hand
from tasks.standing.models import Standing

CLOSED_REASONS = {
    Project.State.DRAFT: "This project has not started yet. Check back later; you do not need to do anything.",
    Project.State.PAUSED: "The people who run this project have paused it. Check back later.",
    Project.State.CLOSED: "This project is finished. Thank you for your work. Your pay is still listed under Earnings.",
}


@dataclass(frozen=True, slots=True)
class LiveSet:
    """The set that the worker is working on."""

    hand: Hand
    total: int
    answered: int


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A worker in a project. `closed` says why no worker can take images, or is empty; `paused` is about this one."""

    project: Project
    live: LiveSet | None
    paused: bool
    reason: str
    closed: str

    @property
    def may_take(self) -> bool:
        return not self.paused and not self.closed


def project_card_for(standing: Standing) -> ProjectCard:
    project = standing.project
    paused = standing.state == Standing.State.PAUSED
    return ProjectCard(
        project=project,
        live=live_set(worker=standing.worker, project=project),
        paused=paused,
        reason=standing.reason if paused else "",
        closed=CLOSED_REASONS.get(Project.State(project.state), ""),
    )


def live_set(*, worker: Actor, project: Project) -> LiveSet | None:
    hand = live_hand(worker=worker, project=project)
    if hand is None:
        return None
    rows = assignments_of(hand)
    answered = sum(row.state == Assignment.State.SUBMITTED for row in rows)
    return LiveSet(hand=hand, total=len(rows), answered=answered)
