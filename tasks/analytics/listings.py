"""Reads that several figures of one page need at once. Nothing here decides anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import Actor, Membership, Role, User
from accounts.selectors import COVERS
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing

IMAGE_STATES = {"": "All", "open": "Waiting", "answered": "Answered", "approved": "Approved", "check": "Check images"}


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A line of the list of projects. `role` is the reader's own; `spent` is in the project's currency."""

    project: Project
    role: str
    images: int
    answered: int
    approved: int
    workers: int
    spent: Decimal

    @property
    def is_manager(self) -> bool:
        return Role.MANAGER in COVERS[self.role]


def project_rows(*, actor: Actor, projects: Sequence[Project]) -> list[ProjectRow]:
    """Three grouped reads for the whole page, however many projects stand on it."""
    roles = dict(Membership.objects.filter(actor=actor).values_list("organisation_id", "role"))
    tasks = {
        row["project_id"]: row
        for row in Task.objects.filter(project__in=projects)
        .values("project_id")
        .annotate(
            images=Count("pk"),
            answered=Count("pk", filter=~Q(state=Task.State.OPEN)),
            approved=Count("pk", filter=Q(state=Task.State.APPROVED)),
        )
    }
    workers = _by_project(
        Standing.objects.filter(project__in=projects).exclude(state=Standing.State.REMOVED), Count("pk")
    )
    earned = LedgerEntry.objects.filter(project__in=projects).exclude(kind=LedgerEntry.Kind.PAYOUT)
    spent = _by_project(earned, Sum("amount"))
    empty = {"images": 0, "answered": 0, "approved": 0}
    rows = []
    for project in projects:
        counts = tasks.get(project.pk, empty)
        rows.append(
            ProjectRow(
                project=project,
                role=roles[project.organisation_id],
                images=counts["images"],
                answered=counts["answered"],
                approved=counts["approved"],
                workers=workers.get(project.pk, 0),
                spent=spent.get(project.pk) or Decimal(0),
            )
        )
    return rows


def _by_project(rows: QuerySet[Any], total: Any) -> dict[int, Any]:
    return dict(rows.values("project_id").annotate(total=total).values_list("project_id", "total"))


def images_in(*, project: Project, state: str, name: str, batch: Batch | None = None) -> QuerySet[Image]:
    """The dataset's images whose task is in `state` (a key of IMAGE_STATES) and in `batch`, and whose name holds
    `name`."""
    images = Image.objects.filter(dataset_id=project.dataset_id)
    if batch is not None:
        images = images.filter(pk__in=Task.objects.filter(batch=batch).values("image_id"))
    if state == "check":
        golds = Gold.objects.filter(project=project, state=Gold.State.ACTIVE)
        images = images.filter(pk__in=golds.values("image_id"))
    elif state:
        images = images.filter(pk__in=Task.objects.filter(project=project, state=state).values("image_id"))
    if name:
        images = images.filter(source_key__icontains=name)
    return images.order_by("id")


def image_cards(*, project: Project, images: Sequence[Image]) -> list[dict[str, Any]]:
    """Each image with its task, and whether it is a check image."""
    tasks = {task.image_id: task for task in Task.objects.filter(project=project, image__in=images)}
    active = Gold.objects.filter(project=project, image__in=images, state=Gold.State.ACTIVE)
    checks = set(active.values_list("image_id", flat=True))
    return [{"image": image, "task": tasks.get(image.pk), "is_check": image.pk in checks} for image in images]


def free_for_checks(*, project: Project) -> QuerySet[Image]:
    """Images that no worker has been given and that are no check image: the ones an owner may answer."""
    golds = Gold.objects.filter(project=project, state=Gold.State.ACTIVE)
    tasks = Task.objects.filter(project=project, state=Task.State.OPEN, taken=0, wanted__gt=0, assignments__isnull=True)
    return Image.objects.filter(pk__in=tasks.values("image_id")).exclude(pk__in=golds.values("image_id")).order_by("id")


def names_of(*, actors: Sequence[Any]) -> dict[str, str]:
    """{public id: name}: what a person is called, or a word for a pseudonym whose person was erased."""
    ids = [str(actor) for actor in actors]
    people = User.objects.filter(actor__public_id__in=ids).values_list("actor__public_id", "name")
    known = {str(public_id): name for public_id, name in people if name}
    return {public_id: known.get(public_id) or f"Worker {public_id[:4]}" for public_id in ids}
