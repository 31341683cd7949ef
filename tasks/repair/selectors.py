"""Which answers are void, and queries on repairs."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull

from accounts.models import Actor
from kernel.errors import NotFound
from kernel.locks import lock_named
from projects.models import Project
from tasks.repair.models import Repair, RepairedRelease

IN_FORCE = (Repair.State.VOIDING, Repair.State.VOIDED)
UNFINISHED = (Repair.State.VOIDING, Repair.State.RESTORING)


def void(*, assignment: str = "") -> Q:
    """The condition that the answer to an assignment is void; `assignment` is the lookup to it, ending in "__".

    A subselect of one row, as in `assignment.claiming`: EXISTS becomes a join, and while the statistics do not know the
    project's answers yet, one that reads all of them again and again.
    """
    rows = Repair.objects.filter(
        project_id=OuterRef(f"{assignment}project_id"), worker_id=OuterRef(f"{assignment}worker_id"), state__in=IN_FORCE
    )
    at = OuterRef(f"{assignment}submitted_at")
    rows = rows.filter(until__gt=at).filter(Q(since__isnull=True) | Q(since__lte=at))
    return Q(IsNull(Subquery(rows.values("pk")[:1]), False))


#: The same in SQL, about the row of an assignment.
VOID = """(
    SELECT 1 FROM tasks_repair repair WHERE repair.project_id = {row}.project_id AND repair.worker_id = {row}.worker_id
        AND repair.state IN ('voiding', 'voided') AND {row}.submitted_at < repair.until
        AND (repair.since IS NULL OR {row}.submitted_at >= repair.since) LIMIT 1) IS NOT NULL"""


def is_repaired(*, project_id: int) -> bool:
    """Whether any answer of the project is void."""
    return Repair.objects.filter(project_id=project_id, state__in=IN_FORCE).exists()


def repairs_of(*, project: Project, worker: Actor | None = None) -> QuerySet[Repair]:
    """Return the project's repairs, newest first."""
    rows = Repair.objects.filter(project=project).select_related("project", "worker", "created_by", "undone_by")
    return (rows if worker is None else rows.filter(worker=worker)).order_by("-pk")


def project_repair(*, project: Project, public_id: UUID) -> Repair:
    """Return this repair of the project. Raises NotFound."""
    repair = repairs_of(project=project).filter(public_id=public_id).first()
    if repair is None:
        raise NotFound
    return repair


def lock_repairs(*, project_id: int) -> None:
    """Waits until no release of the project is being completed, and no repair of it is being started or undone."""
    lock_named(f"repairs.{project_id}")


def repairs_state(*, project_id: int) -> dict[int, str]:
    """Return {row id: state} of all repairs of the project: equal if no repair began or ended in between."""
    return dict(Repair.objects.filter(project_id=project_id).values_list("pk", "state"))


def marks_of(*, snapshot_ids: Sequence[int]) -> dict[int, list[RepairedRelease]]:
    """Return, by the row id of the release, the repairs in force that void answers behind its labels, oldest first."""
    marks: dict[int, list[RepairedRelease]] = {pk: [] for pk in snapshot_ids}
    rows = RepairedRelease.objects.filter(snapshot__in=snapshot_ids, repair__state__in=IN_FORCE, labels__gt=0)
    for row in rows.select_related("repair__worker").order_by("repair_id"):
        marks[row.snapshot_id].append(row)
    return marks
