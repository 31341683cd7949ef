"""How far a project is, from an empty project to a release, and what it needs from its manager next."""

from dataclasses import dataclass
from enum import Enum, auto

from django.db.models import F

from accounts.selectors import open_invitations
from projects.models import Project
from tasks.analytics.gold_supply import gold_supply
from tasks.assignment.caps import have_all_their_share
from tasks.assignment.selectors import stuck_tasks
from tasks.assignment.set_aside import count_waiting_set_aside
from tasks.batching.models import Batch, Task
from tasks.consensus.label_proposals import open_proposals
from tasks.gold.models import Gold
from tasks.gold.selectors import count_golds
from tasks.ingest.selectors import has_images
from tasks.pay.budget import is_short_of_money
from tasks.review.selectors import count_to_review
from tasks.snapshots.selectors import count_releasable, last_release
from tasks.standing.selectors import has_workers


class Need(Enum):
    """What an open or closed project needs from its manager."""

    OPEN_BATCHES = auto()
    INVITE_WORKERS = auto()
    INVITE_MORE_WORKERS = auto()
    RAISE_BUDGET = auto()
    LOOK_AT_GOLD = auto()
    ADD_GOLD = auto()
    REQUEUE_TASKS = auto()
    DECIDE_SET_ASIDE = auto()
    REVIEW_LABELS = auto()
    DECIDE_CHANGES = auto()
    CREATE_RELEASE = auto()


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """How far a project is.

    `workers_invited` is true once anyone has joined, and while an invitation link is open. `need` is the most urgent
    need, and `count` the number of batches, tasks, labels or images that it concerns, if they are counted. It is None
    in a draft, in a paused project, and while only workers can continue.
    """

    has_images: bool
    active_gold: int
    workers_invited: bool
    need: Need | None
    count: int


def project_progress(*, project: Project) -> ProjectProgress:
    """Return the project's progress. Needs are looked up in order, up to the first one found."""
    invited = has_workers(project=project) or open_invitations(project_id=project.pk).exists()
    is_running = project.state not in (Project.State.DRAFT, Project.State.PAUSED)
    need, count = _first_need(project, invited=invited) if is_running else (None, 0)
    return ProjectProgress(
        has_images=has_images(project=project),
        active_gold=count_golds(project=project, state=Gold.State.ACTIVE),
        workers_invited=invited,
        need=need,
        count=count,
    )


def _first_need(project: Project, *, invited: bool) -> tuple[Need | None, int]:
    is_open = project.state == Project.State.OPEN
    if is_open:
        drafts = Batch.objects.filter(project=project, state=Batch.State.DRAFT).count()
        if drafts:
            return Need.OPEN_BATCHES, drafts
    tasks = Task.objects.filter(project=project)
    if is_open and not invited and tasks.filter(taken__lt=F("wanted")).exists():
        return Need.INVITE_WORKERS, 0
    if is_open and have_all_their_share(project=project) and tasks.filter(taken__lt=F("wanted")).exists():
        return Need.INVITE_MORE_WORKERS, 0
    if is_open and is_short_of_money(project=project) and tasks.filter(taken__lt=F("wanted")).exists():
        return Need.RAISE_BUDGET, 0
    if is_open and project.gold_rate and (found := _gold_need(project)) is not None:
        return found
    stuck = stuck_tasks(project=project) if is_open else None
    if stuck is not None and (stuck.without_answer or stuck.with_answers):
        return Need.REQUEUE_TASKS, stuck.without_answer + stuck.with_answers
    set_aside = count_waiting_set_aside(project=project)
    if set_aside:
        return Need.DECIDE_SET_ASIDE, set_aside
    to_review = count_to_review(project=project)
    if to_review:
        return Need.REVIEW_LABELS, to_review
    proposed = open_proposals(project=project).count()
    if proposed:
        return Need.DECIDE_CHANGES, proposed
    if tasks.filter(state__in=[Task.State.OPEN, Task.State.ANSWERED]).exists():
        return None, 0
    last = last_release(project=project)
    ready = count_releasable(project=project)
    if ready and (last is None or last.items_count < ready):
        return Need.CREATE_RELEASE, ready
    return None, 0


def _gold_need(project: Project) -> tuple[Need, int] | None:
    """Gold that may be wrong comes first; a project that has always worked without gold is not asked for any."""
    gold = gold_supply(project=project)
    if gold.suspended:
        return Need.LOOK_AT_GOLD, gold.suspended
    if gold.had and gold.is_scarce:
        return Need.ADD_GOLD, gold.missing
    return None
