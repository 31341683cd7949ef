"""The stages of a project's review, as a manager sets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from accounts.models import Actor, Membership, Role
from annotary_core.wording import format_count
from kernel.events import record_event
from projects.errors import PolicyRefused
from projects.models import Project
from projects.policies import read_money
from projects.selectors import lock_unless_closed
from tasks.qualification.errors import WorkerFilterRefused
from tasks.qualification.worker_filters import check_filter
from tasks.review.errors import StageRefused
from tasks.review.models import ReviewStage
from tasks.review.stages import stages_of

MOST_STAGES, MOST_MEMBERS = 6, 200
Labels = ReviewStage.Labels


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage as a manager sends it. `id`: of the stage that it changes, None for a new one."""

    name: str
    id: UUID | None = None
    role: str = ReviewStage.Who.REVIEWER
    members: Sequence[UUID] = field(default=())
    people_filter: str = ""
    labels: str = Labels.ALL
    share: float = 1.0
    price: object = "0"


@transaction.atomic
def set_stages(*, project: Project, specs: Sequence[StageSpec], by: Actor) -> list[ReviewStage]:
    """Locks the project. Set all stages, in this order; those that are not among them are taken out.

    Labels that wait go on with the new stages: what they have passed stays passed. Raises StageRefused with what is
    wrong and in which stage, ProjectClosed and ProjectArchived, and then changes nothing.
    """
    lock_unless_closed(project_id=project.pk)
    if len(specs) > MOST_STAGES:
        raise StageRefused(f"A project has at most {format_count(MOST_STAGES, 'stage')} of review.")
    present = {stage.public_id: stage for stage in stages_of(project=project)}
    names = [spec.name.strip().casefold() for spec in specs]
    rows: list[ReviewStage] = []
    for position, spec in enumerate(specs, start=1):
        if names.count(names[position - 1]) > 1:
            raise StageRefused(f"Two stages are named “{spec.name.strip()}”. Give each a name of its own.")
        row = present.pop(spec.id, None) if spec.id else ReviewStage(project=project)
        if row is None:
            raise StageRefused(f"Stage {position} is not a stage of this project any more. Reload the page.")
        _fill(row, spec, position, project)
        rows.append(row)
    for gone in present.values():
        gone.is_current = False
        gone.save(update_fields=["is_current"])
    for row in rows:
        row.save()
    data = {"stages": [row.name for row in rows], "by": str(by.public_id)}
    record_event(project_id=project.pk, kind="review.stages_changed", data=data)
    return rows


def _fill(row: ReviewStage, spec: StageSpec, position: int, project: Project) -> None:
    row.name, row.position = spec.name.strip(), position
    if not row.name or len(row.name) > 40 or not row.name.isprintable():
        raise StageRefused(f"Give stage {position} a name of 1 to 40 characters.")
    if spec.role not in ReviewStage.Who.values or spec.labels not in Labels.values:
        raise StageRefused(f"“{row.name}” needs a role and labels that exist.")
    if spec.labels == Labels.REJECTED and position == 1:
        raise StageRefused(f"“{row.name}” is the first stage, so there is none before it that rejects labels.")
    if not 0 < spec.share <= 1:
        raise StageRefused(f"The share or confidence of “{row.name}” must be above 0 and at most 1.")
    row.role, row.labels, row.share = spec.role, spec.labels, spec.share
    row.members = _members(row, spec, project)
    row.people_filter = spec.people_filter.strip()
    try:
        check_filter(project=project, text=row.people_filter)
        row.price = read_money(spec.price, label=f"The price of “{row.name}”")
    except (WorkerFilterRefused, PolicyRefused) as error:
        raise StageRefused(f"“{row.name}”: {error.detail}") from error


def _members(row: ReviewStage, spec: StageSpec, project: Project) -> list[str]:
    if len(spec.members) > MOST_MEMBERS:
        raise StageRefused(f"“{row.name}” names more than {MOST_MEMBERS} people. Use a role or a filter.")
    staff = Membership.objects.filter(organisation=project.organisation_id).exclude(role=Role.WORKER)
    known = set(staff.filter(actor__public_id__in=spec.members).values_list("actor__public_id", flat=True))
    if set(spec.members) - known:
        raise StageRefused(f"“{row.name}” names somebody who is not in the team. Invite them first.")
    return sorted(str(each) for each in known)
