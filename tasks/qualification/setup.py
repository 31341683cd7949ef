"""What managers set up: qualifications, who has them, and which projects require them."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from accounts.models import Actor
from annotary_core.wording import format_count
from kernel.clock import ClockTimestamp, database_now
from kernel.errors import TransitionRefused
from kernel.events import record_event
from kernel.statements import insert_unless_exists
from projects.models import Project
from tasks.qualification.errors import QualificationNotInProject, QualificationNotReady, QualificationRefused
from tasks.qualification.models import Qualification, QualificationGrant, QualificationImage, Requirement
from tasks.qualification.skills import skill_named

MAX_NAME = 120
SAME_NAME = "Another qualification of your organization has this name. Choose another name."
#: How many times as many images as an exam has are needed, so that two people, or two attempts, have different ones.
POOL_FACTOR = 2

#: {field: (what a page calls it, least, most)}
NUMBERS = {
    "exam_images": ("Images in the exam", 1, 100),
    "practice_images": ("Images in a round of practice", 1, 100),
    "exam_minutes": ("Minutes for the exam", 1, 1440),
    "attempts": ("Attempts", 1, 100),
    "wait_hours": ("Hours between attempts", 0, 8760),
}


@transaction.atomic
def create_qualification(*, project: Project, by: Actor, name: str, values: Mapping[str, Any]) -> Qualification:
    """Create a draft with the images and classes of a project. Raises QualificationRefused."""
    row = Qualification(organisation=project.organisation, project=project, name=_name(name), created_by=by)
    _apply(row, values)
    if not insert_unless_exists(row):
        raise QualificationRefused(SAME_NAME)
    return row


@transaction.atomic
def change_qualification(
    *, qualification: Qualification, name: str | None = None, values: Mapping[str, Any], state: str | None = None
) -> Qualification:
    """Locks the qualification. Change what is given, also its state, `open` or `closed`.

    Attempts in progress keep their images, time and pass mark, and can be finished; who has passed keeps it. Raises
    QualificationRefused, QualificationNotReady if an open one would have too few images for its exam, and
    TransitionRefused for closing a draft.
    """
    row = Qualification.objects.select_for_update(no_key=True).get(pk=qualification.pk)
    _apply(row, values)
    if name is not None:
        row.name = _name(name)
        same = Qualification.objects.filter(organisation_id=row.organisation_id, name=row.name).exclude(pk=row.pk)
        if same.exists():
            raise QualificationRefused(SAME_NAME)
    if state == Qualification.State.CLOSED and row.state == Qualification.State.DRAFT:
        raise TransitionRefused("This qualification is not open yet.")
    row.state = state or row.state
    if row.state == Qualification.State.OPEN:
        require_images(row)
    row.save()
    return row


def require_images(row: Qualification) -> None:
    """Raise QualificationNotReady if it has too few images for its exam, with what is missing, or no project."""
    if row.project_id is None:
        raise QualificationNotReady("The project of this qualification was deleted. Create another one.")
    exam = QualificationImage.objects.filter(qualification=row, use=QualificationImage.Use.EXAM, retired_at=None)
    missing = POOL_FACTOR * row.exam_images - exam.count()
    if missing > 0:
        raise QualificationNotReady(
            f"An exam of {format_count(row.exam_images, 'image')} needs a pool of {POOL_FACTOR * row.exam_images}, so"
            f" that everybody has different ones. Add {format_count(missing, 'exam image')}, or make the exam shorter."
        )


@transaction.atomic
def retire_image(*, image: QualificationImage) -> None:
    """Locks the qualification. Draw the image no more. Raises QualificationNotReady if an open exam needs it."""
    row = Qualification.objects.select_for_update(no_key=True).get(pk=image.qualification_id)
    QualificationImage.objects.filter(pk=image.pk, retired_at=None).update(retired_at=ClockTimestamp())
    if row.state == Qualification.State.OPEN and image.use == QualificationImage.Use.EXAM:
        require_images(row)


def grant(*, qualification: Qualification, worker: Actor, by: Actor) -> QualificationGrant:
    """Give a worker the qualification without an exam; repeating is harmless. Raises StaffCannotWork, NotFound."""
    new = QualificationGrant(
        qualification=qualification,
        worker=worker,
        source=QualificationGrant.Source.MANAGER,
        granted_by=by,
        granted_at=database_now(),
    )
    if insert_unless_exists(new):
        return new
    return QualificationGrant.objects.get(qualification=qualification, worker=worker, revoked_at=None)


def revoke(*, qualification: Qualification, worker: Actor, by: Actor) -> bool:
    """Take the qualification away; return whether the worker had it. A set in progress can be finished."""
    rows = QualificationGrant.objects.filter(qualification=qualification, worker=worker, revoked_at=None)
    return bool(rows.update(revoked_by=by, revoked_at=ClockTimestamp()))


@transaction.atomic
def set_requirements(*, project: Project, by: Actor, qualifications: Collection[Qualification]) -> list[Requirement]:
    """Locks the project. Have it require exactly these qualifications. Workers without them get no new sets.

    Raises QualificationNotInProject for one of another organization, and QualificationNotReady for a draft, which
    nobody could pass.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    present = {row.qualification_id: row for row in Requirement.objects.filter(project=project)}
    wanted = {each.pk: each for each in qualifications}
    for each in wanted.values():
        if each.organisation_id != project.organisation_id:
            raise QualificationNotInProject
        if each.state == Qualification.State.DRAFT and each.pk not in present:
            raise QualificationNotReady(f"“{each.name}” is a draft, which nobody can pass. Open it first.")
    Requirement.objects.filter(project=project).exclude(qualification__in=wanted).delete()
    Requirement.objects.bulk_create(
        Requirement(project=project, qualification=each, created_by=by)
        for pk, each in wanted.items()
        if pk not in present
    )
    if set(wanted) != set(present):
        names = sorted(each.name for each in wanted.values())
        record_event(project_id=project.pk, kind="qualifications.required", data={"names": names})
    return list(Requirement.objects.filter(project=project).select_related("qualification"))


def _apply(row: Qualification, values: Mapping[str, Any]) -> None:
    for field, value in read_values(values).items():
        setattr(row, field, value)
    if "skill" in values:
        name = str(values["skill"] or "").strip()
        row.skill = skill_named(organisation=row.organisation, name=name) if name else None


def read_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as numbers. Raises QualificationRefused with the name and the range of one that is wrong."""
    values: dict[str, Any] = {}
    for name, (label, low, high) in NUMBERS.items():
        if name in raw:
            values[name] = _whole(raw[name], label, low, high)
    if "pass_mark" in raw:
        values["pass_mark"] = _share(raw["pass_mark"])
    return values


def _whole(raw: object, label: str, low: int, high: int) -> int:
    text = str(raw).strip()
    if isinstance(raw, bool) or not (text.isascii() and text.isdigit() and len(text) < 8 and low <= int(text) <= high):
        raise QualificationRefused(f"{label} must be a whole number from {low:,} to {high:,}.")
    return int(text)


def _share(raw: object) -> float:
    try:
        value = float(str(raw).strip())
    except ValueError:
        value = 0.0
    if isinstance(raw, bool) or not 0 < value <= 1:
        raise QualificationRefused("The pass mark must be above 0 and at most 1. For example, 0.8 is eight of ten.")
    return value


def _name(raw: str) -> str:
    name = " ".join(raw.split())
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise QualificationRefused(f"A qualification needs a name of at most {MAX_NAME} characters.")
    return name
