"""What workers read of a project's work before they take a set: size, earnings, dates, and how much is left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Actor
from kernel.clock import utc_now
from projects.models import Project
from tasks.analytics.offer_figures import LEAST_WORKERS, OfferFigures, coarse
from tasks.analytics.reports import offer_reports
from tasks.pay.hourly import own_hourly
from tasks.pay.payouts import last_payouts
from tasks.standing.models import Standing

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class HourlyEarnings:
    """What an hour of measured time paid: the worker's own mean, or the range of at least `people` workers."""

    low: Decimal
    high: Decimal
    is_own: bool
    people: int = LEAST_WORKERS


@dataclass(frozen=True, slots=True)
class OfferDetails:
    """image_bytes: the mean size of an image. hourly: None while there are too few measured answers. images_left: at
    least this many for this worker, 0 for fewer than 100. None of the first three is known before a job has run.

    approved_at: when the pay of a set would be approved that is submitted now; None for at once. last_payout_at: when
    the organization last paid out; it does so by hand, so there is no schedule.
    """

    image_bytes: int | None
    hourly: HourlyEarnings | None
    images_left: int | None
    approved_at: datetime | None
    last_payout_at: datetime | None

    def set_bytes(self, images: int) -> int | None:
        """Return about how many bytes the images of a set of this size have."""
        return None if self.image_bytes is None else self.image_bytes * images


def offer_details_of(*, projects: Collection[Project], worker: Actor | None) -> dict[int, OfferDetails]:
    """Return {project id: details}, for this worker or for somebody who has not joined.

    The number of statements does not depend on the number of projects.
    """
    figures, now = offer_reports(projects=projects), utc_now()
    own = own_hourly(worker=worker, projects=projects) if worker else {}
    had = _images_had(worker, projects) if worker else {}
    paid = last_payouts(organisations={project.organisation_id for project in projects})
    details = {}
    for project in projects:
        found = figures.get(project.pk)
        details[project.pk] = OfferDetails(
            image_bytes=found["image_bytes"] if found else None,
            hourly=_hourly(own.get(project.pk), found),
            images_left=_images_left(project, had.get(project.pk, 0), found),
            approved_at=now + timedelta(days=project.approval_days) if project.approval_days else None,
            last_payout_at=paid.get(project.organisation_id),
        )
    return details


def _images_had(worker: Actor, projects: Collection[Project]) -> dict[int, int | None]:
    rows = Standing.objects.filter(worker=worker, project__in=projects)
    return dict(rows.values_list("project_id", "images"))


def _hourly(own: Decimal | None, figures: OfferFigures | None) -> HourlyEarnings | None:
    if own is not None:
        return HourlyEarnings(own.quantize(_CENT), own.quantize(_CENT), is_own=True)
    if figures is None or figures["hourly"] is None:
        return None
    low, high = figures["hourly"]
    return HourlyEarnings(Decimal(low), Decimal(high), is_own=False)


def _images_left(project: Project, had: int | None, figures: OfferFigures | None) -> int | None:
    """The answers that are wanted, and never more than the images that the worker has not had: both are counted so
    that check images do not show. Those of the second are among all images and among those that the worker had."""
    if figures is None:
        return None
    if project.images_count is None or had is None:
        return figures["answers_left"]
    return min(figures["answers_left"], coarse(project.images_count - had))
