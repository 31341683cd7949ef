"""A project as its workers see it: whether they can take images, and what it offers them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.models import Actor
from annotary_core.labels.schema import LabelClass, Schema
from annotary_core.labels.shapes import SHAPES, action_of, noun_of
from annotary_core.labels.shapes.base import Noun
from annotary_core.wording import format_count
from kernel.errors import AnnotaryError
from projects.models import PayBy, Project
from tasks.analytics.project_cards import OfferDetails, offer_details_of
from tasks.assignment.caps import Allowance
from tasks.assignment.errors import ImagesTodayUsed, LiveSetsReached, ShareReached
from tasks.assignment.instructions import must_confirm
from tasks.assignment.selectors import LiveHand
from tasks.ingest.selectors import keeps_groups
from tasks.qualification.models import Qualification
from tasks.standing.models import Standing
from tasks.workers.pace import SetSize, expected_set_size, set_sizes_of

CLOSED_REASONS = {
    Project.State.DRAFT: "This project has not started yet. Check back later.",
    Project.State.PAUSED: "This project is paused. Check back later.",
    Project.State.CLOSED: "This project is finished. Thank you for your work. Find your pay under Earnings.",
}


CAP_TITLES: dict[type[AnnotaryError], str] = {
    ImagesTodayUsed: "That is all for today",
    LiveSetsReached: "Finish a set first",
    ShareReached: "You have done your share",
}


@dataclass(frozen=True, slots=True)
class ReachedCap:
    """A limit that keeps the worker from taking images, in words."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A worker in a project. `closed` says why no worker can take images, or is empty; `paused` and `capped` are about
    this one.

    `must_confirm`: the worker takes no set before they confirm the instructions. `missing` are the qualifications that
    the project requires and the worker lacks.
    `left` says how many images a limit leaves, and `take` what the next set is if it is not a whole one; or are empty.
    """

    project: Project
    live: LiveHand | None
    paused: bool
    reason: str
    awaits_decision: bool
    closed: str
    capped: ReachedCap | None
    must_confirm: bool
    left: str
    take: str
    missing: tuple[Qualification, ...] = ()

    @property
    def may_take(self) -> bool:
        return not self.must_confirm and self.is_open

    @property
    def is_open(self) -> bool:
        """Whether the worker may take images, or may once they have confirmed the instructions."""
        return not self.paused and not self.closed and self.capped is None and not self.missing


def project_card_for(
    standing: Standing,
    live: LiveHand | None,
    allowance: Allowance,
    *,
    offer: "ProjectOffer",
    now: datetime,
    missing: Sequence[Qualification] = (),
) -> ProjectCard:
    """Return the project of a standing; `live` is the worker's set in progress, `missing` what they have to pass."""
    project = standing.project
    refusal = allowance.refusal(now=now)
    paused = standing.state == Standing.State.PAUSED
    return ProjectCard(
        project=project,
        live=live,
        paused=paused,
        reason=standing.reason if paused else "",
        awaits_decision=paused and standing.awaits_decision,
        closed=CLOSED_REASONS.get(Project.State(project.state), ""),
        capped=ReachedCap(CAP_TITLES[type(refusal)], refusal.detail) if refusal else None,
        must_confirm=must_confirm(standing),
        left=left_for_you(allowance),
        take=_take(allowance, offer),
        missing=tuple(missing),
    )


def left_for_you(allowance: Allowance) -> str:
    """Return how many images a limit leaves to the worker, in words; empty without a limit, or if it leaves none."""
    today, in_project = allowance.caps.left_today, allowance.caps.left_of_share
    if today and (in_project is None or today <= in_project):
        return f"{format_count(today, 'image')} left for you today"
    return f"{format_count(in_project, 'image')} left for you in this project" if in_project else ""


def _take(allowance: Allowance, offer: "ProjectOffer") -> str:
    left = allowance.caps.cut(offer.set_size)
    if allowance.has_returned:
        return "Take the images you gave back" if left == 0 else ""
    if not 0 < left < offer.set_size:
        return ""
    return f"Take {'' if offer.is_exact else 'about '}{format_count(left, 'image')}"


@dataclass(frozen=True, slots=True)
class ProjectOffer:
    """The work, the pay and the time: money in `currency`, times in seconds.

    The time per image is the worker's own as far as it is measured, and the manager's estimate before; `set_seconds` is
    estimated from it. `is_exact` says whether `set_size` is more than an estimate. `noun`, `action` and `how` say what
    to draw; see the protocol of shapes.

    price: per `unit`, such as "image" or "hour". hourly_floor: what an hour pays at least, None without a floor.
    paid_seconds: of an image at most, None if pay does not depend on the time. `set_price` is None if it depends on
    what there is to draw. details: what was measured, and when pay is approved.
    """

    price: Decimal
    unit: str
    hourly_floor: Decimal | None
    paid_seconds: int | None
    currency: str
    set_size: int
    is_exact: bool
    keeps_groups: bool
    image_seconds: int
    set_seconds: int
    set_price: Decimal | None
    lease_seconds: int
    classes: tuple[LabelClass, ...]
    chooses: bool
    draws: bool
    noun: Noun
    action: str
    how: tuple[str, ...]
    details: OfferDetails

    @property
    def set_bytes(self) -> int | None:
        return self.details.set_bytes(self.set_size)

    @property
    def images_left(self) -> str:
        """How much work is left, in words; empty while that is not known."""
        left = self.details.images_left
        if left is None:
            return ""
        return f"more than {format_count(left, 'image')} left" if left else "fewer than 100 images left"


def project_offers_for(projects: Collection[Project], *, worker: Actor) -> dict[int, ProjectOffer]:
    """Return {project id: what it offers this worker}."""
    sizes = set_sizes_of(worker_id=worker.pk, projects=projects)
    grouped = keeps_groups(projects=[project.pk for project in projects])
    details = offer_details_of(projects=projects, worker=worker)
    return {
        each.pk: _offer(each, sizes[each.pk], details[each.pk], keeps_groups=each.pk in grouped) for each in projects
    }


def project_offer_for(project: Project, *, worker: Actor | None = None) -> ProjectOffer:
    """Return what a project offers this worker, or somebody who has not joined."""
    if worker is not None:
        return project_offers_for([project], worker=worker)[project.pk]
    details = offer_details_of(projects=[project], worker=None)[project.pk]
    return _offer(project, expected_set_size(project), details, keeps_groups=bool(keeps_groups(projects=[project.pk])))


def _offer(project: Project, size: SetSize, details: OfferDetails, *, keeps_groups: bool) -> ProjectOffer:
    schema = Schema.from_json(project.schema.body) if project.schema else None
    tools = schema.object_tools if schema else ()
    terms = project.pay_terms
    noun = noun_of(tools)
    by_object = terms.pay_by == PayBy.OBJECT
    one = terms.expected_per_answer(size.seconds_per_answer)
    return ProjectOffer(
        price=terms.rate,
        unit={PayBy.ANSWER: "image", PayBy.OBJECT: noun.one, PayBy.HOUR: "hour"}[PayBy(terms.pay_by)],
        hourly_floor=terms.hourly_floor,
        paid_seconds=terms.paid_seconds if terms.pays_time else None,
        currency=project.currency,
        set_size=size.images,
        is_exact=not project.set_minutes and not keeps_groups,
        keeps_groups=keeps_groups,
        image_seconds=round(size.seconds_per_answer),
        set_seconds=size.seconds,
        set_price=None if by_object else one * size.images,
        lease_seconds=project.lease_seconds,
        classes=schema.classes if schema else (),
        chooses=bool(schema and schema.has_image_class),
        draws=bool(tools),
        noun=noun,
        action=action_of(tools),
        how=tuple(SHAPES[tool].how for tool in tools),
        details=details,
    )
