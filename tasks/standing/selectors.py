"""Queries on which workers are in which projects."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Count, QuerySet

from accounts.models import Actor, Organisation, TeamMember
from kernel.errors import NotFound
from projects.models import Project
from tasks.standing.access import require_may_work
from tasks.standing.models import Standing
from tasks.standing.trust import Stage


def workers_of(*, project: Project) -> QuerySet[Standing]:
    """Return the standings of the project's workers, in the order in which they joined."""
    return Standing.objects.filter(project=project).select_related("worker", "worker__user").order_by("id")


def get_worker_standing(*, project: Project, public_id: UUID) -> Standing:
    standing = workers_of(project=project).filter(worker__public_id=public_id).first()
    if standing is None:
        raise NotFound("This project has no such worker. Choose one from its list of workers.")
    return standing


def worker_of_organisation(*, organisation: Organisation, public_id: UUID) -> Actor:
    """Return someone who has ever been admitted to a project of the organization. Raises NotFound."""
    rows = Standing.objects.filter(project__organisation=organisation, worker__public_id=public_id)
    standing = rows.select_related("worker").first()
    if standing is None:
        raise NotFound("Nobody of this id has worked for the organization. Choose somebody from a list of workers.")
    return standing.worker


def has_workers(*, project: Project) -> bool:
    """Whether anyone has ever been admitted to the project."""
    return Standing.objects.filter(project=project).exists()


def count_paused(*, project: Project) -> int:
    """Return how many workers are paused in the project, by a manager or by a rule."""
    return Standing.objects.filter(project=project, state=Standing.State.PAUSED).count()


def awaiting_decision(*, project: Project) -> QuerySet[Standing]:
    """Return the standings of workers whom a rule paused and a manager has not decided about, oldest pause first."""
    rows = workers_of(project=project).filter(state=Standing.State.PAUSED, awaits_decision=True)
    return rows.order_by("changed_at", "id")


def stage_before(*, project_id: int, worker_id: int) -> Stage:
    """Return the worker's stage as the sets before left it: call it before anything of a set is counted."""
    rows = Standing.objects.filter(project_id=project_id, worker_id=worker_id).values_list("stage", flat=True)
    return Stage(rows.first() or Stage.NONE)


def active_in_teams(*, project: Project, team_ids: Collection[int]) -> dict[int, int]:
    """Return {team row id: how many of its members are active in the project}, without teams that have none."""
    active = Standing.objects.filter(project=project, state=Standing.State.ACTIVE).values("worker_id")
    members = TeamMember.objects.filter(team__in=team_ids, worker__in=active).order_by()
    return dict(members.values_list("team_id").annotate(Count("pk")))


def is_worker(*, actor: Actor) -> bool:
    """Whether the actor has ever been admitted to a project."""
    return Standing.objects.filter(worker=actor).exists()


def standings_of(*, worker: Actor) -> QuerySet[Standing]:
    """Return the worker's standings in projects that they were not removed from, newest project first.

    Archived and deleted projects are not among them. Each comes with its project, and the project's organization and
    schema.
    """
    rows = Standing.objects.filter(worker=worker, project__archived_at=None, project__deleted_at=None)
    rows = rows.exclude(state=Standing.State.REMOVED)
    return rows.select_related("project", "project__organisation", "project__schema").order_by("-project__id")


def standing_for(*, worker: Actor, project_id: UUID) -> Standing:
    """Return the worker's standing, with the project's schema and instructions.

    Raises WorkerRemoved, StaffCannotWork or ProjectEnded, and NotFound to anyone who was never in the project, who must
    not learn that it exists.
    """
    rows = Standing.objects.filter(worker=worker, project__public_id=project_id)
    standing = rows.select_related("project__organisation", "project__schema", "project__instructions").first()
    if standing is None:
        raise NotFound("You are not in this project. Open the invitation link you received.")
    require_may_work(worker=worker, project_id=standing.project_id)
    return standing
