"""Queries on qualifications: for managers, for workers, and the condition that claims check."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from accounts.models import Actor, Membership, Role
from kernel.errors import NotFound
from projects.models import Project
from tasks.batching.models import Task
from tasks.qualification.errors import QualificationNotInProject
from tasks.qualification.models import (
    Attempt,
    Qualification,
    QualificationGrant,
    QualificationImage,
    Requirement,
)
from tasks.standing.models import Standing

_IS_UNQUALIFIED = """EXISTS (
    SELECT FROM tasks_requirement needed WHERE needed.project_id = {project} AND NOT EXISTS (
        SELECT FROM tasks_qualificationgrant own
        WHERE own.qualification_id = needed.qualification_id AND own.worker_id = {worker}
          AND own.revoked_at IS NULL))"""


def is_unqualified(*, project: str, worker: str) -> str:
    """Return an SQL condition: the project requires a qualification that the worker lacks. `project` and `worker` are
    the SQL expressions of their row ids."""
    return _IS_UNQUALIFIED.format(project=project, worker=worker)


@dataclass(frozen=True, slots=True)
class QualificationForWorker:
    """A qualification as a worker sees it. `exams` are the attempts used, `next_at` when the next one may start; None
    if it may now, or never. `is_left`: whether the worker has an attempt left."""

    qualification: Qualification
    passed: bool
    live: Mapping[str, Attempt]
    exams: int
    next_at: datetime | None
    last: Attempt | None

    @property
    def is_open(self) -> bool:
        return self.qualification.state == Qualification.State.OPEN

    @property
    def attempts_left(self) -> int:
        return max(0, self.qualification.attempts - self.exams)

    @property
    def next_number(self) -> int:
        return self.exams + 1

    def may_take(self, now: datetime) -> bool:
        """Whether the worker may start the exam now."""
        waits = self.next_at is not None and self.next_at > now
        return self.is_open and not self.passed and self.attempts_left > 0 and not waits


def next_exam_at(qualification: Qualification, ended_at: datetime | None) -> datetime | None:
    """Return when the exam may be taken again after an attempt that ended then."""
    return ended_at + timedelta(hours=qualification.wait_hours) if ended_at is not None else None


def right_to_pass(pass_mark: float, images: int) -> int:
    """Return how many of the images must be right."""
    # 0.7 x 10 is 7.000000000000001 in floating point.
    return next((count for count in range(images + 1) if count >= pass_mark * images - 1e-9), images)


def has_practice_images(*, qualification: Qualification) -> bool:
    use = QualificationImage.Use.PRACTICE
    return QualificationImage.objects.filter(qualification=qualification, use=use, retired_at=None).exists()


def last_practice(*, qualification: Qualification, worker: Actor) -> Attempt | None:
    """Return the worker's last round of practice that is finished."""
    rows = Attempt.objects.filter(qualification=qualification, worker=worker, kind=Attempt.Kind.PRACTICE)
    return rows.filter(state=Attempt.State.DONE).order_by("-pk").first()


def projects_requiring(*, qualification: Qualification, worker: Actor) -> list[Project]:
    """Return the worker's projects that require the qualification, by name."""
    mine = Standing.objects.filter(worker=worker).exclude(state=Standing.State.REMOVED).values("project_id")
    rows = Project.objects.filter(requirements__qualification=qualification, pk__in=mine)
    return list(rows.filter(archived_at=None, deleted_at=None).order_by("name"))


def qualifications_of(*, organisation_id: int) -> QuerySet[Qualification]:
    """Return the organization's qualifications by name, each with `exam_pool`, `practice_pool`, `holders`."""
    in_use = Q(images__retired_at=None)
    return (
        Qualification.objects.filter(organisation_id=organisation_id)
        .select_related("project", "skill", "organisation")
        .annotate(
            exam_pool=Count("images", filter=in_use & Q(images__use="exam"), distinct=True),
            practice_pool=Count("images", filter=in_use & Q(images__use="practice"), distinct=True),
            holders=Count("grants", filter=Q(grants__revoked_at=None), distinct=True),
        )
        .order_by("name")
    )


def qualification_for(*, organisation_id: int, public_id: UUID) -> Qualification:
    row = qualifications_of(organisation_id=organisation_id).filter(public_id=public_id).first()
    if row is None:
        raise QualificationNotInProject
    return row


def required_by(*, project: Project) -> list[Qualification]:
    """Return the qualifications that the project requires, by name."""
    rows = Requirement.objects.filter(project=project).select_related("qualification__project")
    return [row.qualification for row in rows.order_by("qualification__name")]


def count_unqualified(*, project: Project, qualification: Qualification) -> int:
    """Return how many of the project's active workers do not have the qualification."""
    own = QualificationGrant.objects.filter(qualification=qualification, worker=OuterRef("worker"), revoked_at=None)
    active = Standing.objects.filter(project=project, state=Standing.State.ACTIVE)
    return active.filter(~Exists(own)).count()


def image_of_qualification(*, qualification: Qualification, public_id: UUID) -> QualificationImage:
    row = QualificationImage.objects.filter(qualification=qualification, public_id=public_id).first()
    if row is None:
        raise NotFound("This qualification has no such image. Choose one from its list.")
    return row


def images_of_qualification(*, qualification: Qualification) -> QuerySet[QualificationImage]:
    """Return the images that are in use, newest first, each with its image."""
    rows = QualificationImage.objects.filter(qualification=qualification, retired_at=None)
    return rows.select_related("image").order_by("-pk")


def count_check_images(*, project: Project) -> int:
    """Return how many of the project's images are check images, in use or not, read from indexes in one statement.

    They are not work, as images of qualifications are not either; those are left out.
    """
    in_qualification = QualificationImage.objects.filter(image=OuterRef("image"))
    not_work = Task.objects.filter(~Exists(in_qualification), project=project, wanted=0)
    return not_work.exclude(state=Task.State.LEFT_OUT).count()


def grants_of(*, qualification: Qualification) -> QuerySet[QualificationGrant]:
    """Return the grants, revoked ones included, newest first."""
    return QualificationGrant.objects.filter(qualification=qualification).select_related("worker").order_by("-pk")


def exams_of(*, qualification: Qualification) -> QuerySet[Attempt]:
    """Return the attempts at the exam, newest first, each with its worker."""
    rows = Attempt.objects.filter(qualification=qualification, kind=Attempt.Kind.EXAM)
    return rows.select_related("worker").order_by("-pk")


def held_by(*, worker: Actor) -> set[int]:
    """Return the row ids of the qualifications that the worker has."""
    rows = QualificationGrant.objects.filter(worker=worker, revoked_at=None)
    return set(rows.values_list("qualification_id", flat=True))


def missing_by_project(*, worker: Actor, projects: Collection[Project]) -> dict[int, list[Qualification]]:
    """Return {project id: the required qualifications that the worker lacks}, for those that have one."""
    held = held_by(worker=worker)
    rows = Requirement.objects.filter(project__in=projects).exclude(qualification__in=held)
    missing: dict[int, list[Qualification]] = {}
    for row in rows.select_related("qualification").order_by("qualification__name"):
        missing.setdefault(row.project_id, []).append(row.qualification)
    return missing


def qualifications_for(*, worker: Actor) -> list[QualificationForWorker]:
    """Return the qualifications that a worker can take or has, of the organizations that they work for, by name."""
    memberships = Membership.objects.filter(actor=worker, role=Role.WORKER).values("organisation_id")
    held = held_by(worker=worker)
    live = Attempt.objects.filter(worker=worker, state=Attempt.State.LIVE).values("qualification_id")
    rows = Qualification.objects.filter(organisation__in=memberships).filter(
        Q(state=Qualification.State.OPEN) | Q(pk__in=held) | Q(pk__in=live)
    )
    return _for_worker(worker, list(rows.select_related("project", "organisation").order_by("name")), held)


def qualification_for_worker(*, worker: Actor, public_id: UUID) -> QualificationForWorker:
    """Return a qualification of an organization that the worker works for. Raises NotFound."""
    memberships = Membership.objects.filter(actor=worker, role=Role.WORKER).values("organisation_id")
    rows = Qualification.objects.filter(organisation__in=memberships, public_id=public_id)
    rows = rows.exclude(state=Qualification.State.DRAFT)
    found = list(rows.select_related("organisation", "project__schema", "project__instructions"))
    if not found:
        raise NotFound
    return _for_worker(worker, found, held_by(worker=worker))[0]


def _for_worker(worker: Actor, rows: list[Qualification], held: set[int]) -> list[QualificationForWorker]:
    attempts = Attempt.objects.filter(worker=worker, qualification__in=rows)
    live: dict[int, dict[str, Attempt]] = {}
    for attempt in attempts.filter(state=Attempt.State.LIVE):
        live.setdefault(attempt.qualification_id, {})[attempt.kind] = attempt
    exams = attempts.filter(kind=Attempt.Kind.EXAM)
    numbers = dict(exams.order_by().values_list("qualification_id").annotate(Max("number")))
    last = {each.qualification_id: each for each in exams.order_by("number")}
    return [
        QualificationForWorker(
            qualification=row,
            passed=row.pk in held,
            live=live.get(row.pk, {}),
            exams=numbers.get(row.pk) or 0,
            next_at=next_exam_at(row, last[row.pk].ended_at) if row.pk in last else None,
            last=last.get(row.pk),
        )
        for row in rows
    ]
