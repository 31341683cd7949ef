"""How much gold a project needs for the work that is left, and how long what it has will last."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from django.db.models import Case, Count, F, IntegerField, Q, Sum, When

from kernel.clock import database_now
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.batching.selectors import answers_per_approved, count_open_slots
from tasks.gold.models import Gold
from tasks.standing.models import Standing

WINDOW = timedelta(hours=1)
#: A project is warned while what is left lasts for less than this part of the work that is left.
SCARCE = 0.5


@dataclass(frozen=True, slots=True)
class GoldSupply:
    """The gold of a project, and what the work that is left needs.

    unused: gold that no worker has seen. views_left: how many more answers its gold may get. answers_left: answers that
    the work still needs. workers: active ones. needed: how much unused gold that work needs, so that no check image is
    seen more often than an image of work; each of the `workers` then gets `gold_each`, and each gold `per_image`
    answers. hours: how long it lasts at the pace of the last hour, None without a pace. lasts_answers: for how many
    answers of workers it lasts. without_limit: gold from before views were limited, which more people may have seen.
    had: how many check images the project has ever had; one that works without is not warned.
    """

    unused: int
    views_left: int
    answers_left: int
    workers: int
    gold_each: int
    per_image: float
    needed: int
    hours: float | None
    lasts_answers: int
    without_limit: int
    suspended: int
    had: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.unused)

    @property
    def is_out(self) -> bool:
        return not self.unused and not self.without_limit

    @property
    def is_scarce(self) -> bool:
        """Whether more gold should be made soon."""
        return not self.without_limit and self.unused < SCARCE * self.needed


def gold_supply(*, project: Project) -> GoldSupply:
    """Return the project's supply, with six queries; none reads more rows than there is gold, workers and batches."""
    golds = Gold.objects.filter(project=project)
    active = golds.filter(state=Gold.State.ACTIVE)
    counts = golds.aggregate(
        unused=Count("pk", filter=Q(state="active", views_wanted__isnull=False, site=None) & _IS_OPEN),
        without_limit=Count("pk", filter=Q(state="active", views_wanted=None)),
        suspended=Count("pk", filter=Q(state="suspended")),
        had=Count("pk"),
    )
    # Gold with a place is seen by whoever gets that task from now on.
    places = active.filter(site__isnull=False, is_set_aside=False).aggregate(
        left=Sum(
            Case(
                When(
                    Q(site__state=Task.State.OPEN) | Q(site__asked_again=True),
                    then=F("site__wanted") - F("site__taken"),
                ),
                default=0,
                output_field=IntegerField(),
            ),
            default=0,
        )
    )["left"]
    per_image = answers_per_approved(project=project) or float(project.answers_min)
    answers_left = count_open_slots(project=project)
    workers = Standing.objects.filter(project=project, state=Standing.State.ACTIVE).count()
    rate = project.gold_rate
    views_left = places + round(counts["unused"] * per_image)
    views_needed = max(0.0, answers_left * rate / (1 - rate) - places)
    return GoldSupply(
        unused=counts["unused"],
        views_left=views_left,
        answers_left=answers_left,
        workers=workers,
        gold_each=ceil(answers_left * rate / (1 - rate) / workers) if workers else 0,
        per_image=round(per_image, 1),
        needed=ceil(views_needed / per_image),
        hours=_hours(project, views_left),
        lasts_answers=round(views_left / rate) if rate else 0,
        without_limit=counts["without_limit"],
        suspended=counts["suspended"],
        had=counts["had"],
    )


# Gold without a place can get one while there is work left in its batch.
_IS_OPEN = Q(batch=None) | Q(batch__taken__lt=F("batch__wanted")) & ~Q(batch__state=Batch.State.APPROVED)


def _hours(project: Project, views: int) -> float | None:
    """Return for how many hours these views last at the pace of the last hour; None if nobody answered gold in it."""
    recent = Assignment.objects.filter(project=project, submitted_at__gt=database_now() - WINDOW, gold__isnull=False)
    seen = recent.count()
    return round(views / seen * (WINDOW.total_seconds() / 3600), 1) if seen else None
