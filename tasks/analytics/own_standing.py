"""What a worker reads about themselves: standing, answers, pay and what is left to them, by project.

Only what the worker may know: counts of own answers (check images like work), rejections that are shown already,
entries of the ledger, advice that was shown. Not what is measured of them, nor the stage that follows from it: see
docs/decisions/0041-what-workers-see-of-work-and-standing.md.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any

from django.db.models import Max

from accounts.models import Actor, Organisation
from projects.models import Project
from tasks.assignment.caps import Allowance, allowances_of
from tasks.assignment.models import Hand
from tasks.pay.selectors import Balance
from tasks.pay.statements import PaySums, WaitingSet, sums_in_projects, waiting_sets
from tasks.qualification.models import QualificationGrant
from tasks.qualification.skill_models import SkillValue
from tasks.review.appeal_lists import appealable_by_project, count_rejected
from tasks.standing.models import Standing
from tasks.standing.selectors import standings_of
from tasks.workers.models import WorkerPace

#: With fewer answers a worker counts as new.
NEW_UNTIL = 20


class Stage(StrEnum):
    """How a worker stands in a project, as far as they are told. WORKING says nothing of how right the answers are."""

    NEW = auto()
    WORKING = auto()
    PAUSED = auto()


@dataclass(frozen=True, slots=True)
class OwnStanding:
    """A worker in one project; money in `Balance.currency`, times in seconds.

    answers: those given, `in_set` of them in a set that is not submitted; `waiting` and `approved` by their pay.
    rejected: those that the worker sees. appealable: of these, the ones that can be appealed, the first until
    `appeal_until`. seconds: measured. advised_at: when the last set ended with advice.
    """

    standing: Standing
    answers: int
    in_set: int
    waiting: int
    rejected: int
    appealable: int
    appeal_until: datetime | None
    money: tuple[Balance, ...]
    sums: tuple[PaySums, ...]
    seconds: float
    advised_at: datetime | None
    allowance: Allowance

    @property
    def project(self) -> Project:
        return self.standing.project

    @property
    def approved(self) -> int:
        return self.answers - self.waiting

    @property
    def stage(self) -> Stage:
        if self.standing.state == Standing.State.PAUSED:
            return Stage.PAUSED
        return Stage.NEW if self.answers < NEW_UNTIL else Stage.WORKING


@dataclass(frozen=True, slots=True)
class Held:
    """A qualification that a worker has, and since when; `value` of a skill that the worker's exam set."""

    name: str
    organisation: Organisation
    since: datetime
    value: float | None = None


def own_standings(*, worker: Actor, organisation: Organisation | None = None) -> list[OwnStanding]:
    """Return the worker's projects, newest first, in one organization or in all; not those they were removed from.

    The number of statements does not depend on the number of projects, but for sets in progress that are paid by time
    or objects.
    """
    rows = standings_of(worker=worker)
    standings = list(rows if organisation is None else rows.filter(project__organisation=organisation))
    projects = [each.project for each in standings]
    sums = sums_in_projects(worker=worker, organisation=organisation)
    live = {each.project_id: each for each in waiting_sets(worker=worker)}
    rejected = count_rejected(worker=worker)
    appealable = {each["project"]: each for each in appealable_by_project(worker=worker)}
    paces = dict(WorkerPace.objects.filter(worker=worker, project__in=projects).values_list("project_id", "seconds"))
    advised, allowances = _advised(worker, projects), allowances_of(worker=worker, projects=projects)
    return [
        _own(
            each,
            tuple(sums.get(each.project_id, ())),
            live.get(each.project_id),
            rejected=rejected.get(each.project_id, 0),
            appealable=appealable.get(each.project.public_id, {"count": 0, "until": None}),
            seconds=paces.get(each.project_id, 0.0),
            advised_at=advised.get(each.project_id),
            allowance=allowances[each.project_id],
        )
        for each in standings
    ]


def held_qualifications(*, worker: Actor, organisation: Organisation | None = None) -> list[Held]:
    """Return what the worker has passed or was granted, by name."""
    grants = QualificationGrant.objects.filter(worker=worker, revoked_at=None)
    if organisation is not None:
        grants = grants.filter(qualification__organisation=organisation)
    found = grants.select_related("qualification__organisation").order_by("qualification__name")
    return [Held(row.qualification.name, row.qualification.organisation, row.granted_at) for row in found]


def exam_skills(*, worker: Actor, organisation: Organisation | None = None) -> list[Held]:
    """Return the skills that the worker's own exams have set, by name.

    Not those of a manager or a file: their values may come from check images.
    """
    values = SkillValue.objects.filter(worker=worker, is_current=True, source=SkillValue.Source.EXAM)
    if organisation is not None:
        values = values.filter(skill__organisation=organisation)
    found = values.exclude(value=None).select_related("skill__organisation").order_by("skill__name")
    return [Held(row.skill.name, row.skill.organisation, row.created_at, row.value) for row in found]


def _advised(worker: Actor, projects: Collection[Project]) -> dict[int, datetime]:
    hands = Hand.objects.filter(worker=worker, project__in=projects, advised=True, settled_at__isnull=False)
    return dict(hands.order_by().values_list("project_id").annotate(Max("settled_at")))


def _own(
    standing: Standing,
    sums: tuple[PaySums, ...],
    live: WaitingSet | None,
    *,
    rejected: int,
    appealable: dict[str, Any],
    seconds: float,
    advised_at: datetime | None,
    allowance: Allowance,
) -> OwnStanding:
    in_set = live.answers if live else 0
    return OwnStanding(
        standing=standing,
        answers=sum(each.answers for each in sums) + in_set,
        in_set=in_set,
        waiting=sum(each.waiting_answers for each in sums) + in_set,
        rejected=rejected,
        appealable=appealable["count"],
        appeal_until=appealable["until"],
        money=_money(sums, live),
        sums=sums,
        seconds=seconds,
        advised_at=advised_at,
        allowance=allowance,
    )


def _money(sums: tuple[PaySums, ...], live: WaitingSet | None) -> tuple[Balance, ...]:
    zero = Decimal(0)
    in_set = {live.currency: live.amount} if live else {}
    found = {each.currency: each for each in sums}
    return tuple(
        Balance(
            currency,
            waiting=(found[currency].waiting if currency in found else zero) + in_set.get(currency, zero),
            approved=found[currency].unpaid - found[currency].waiting if currency in found else zero,
            paid=found[currency].paid if currency in found else zero,
        )
        for currency in sorted({*found, *in_set})
    )
