"""How much time of a set is paid: measured by the worker's device, and never more than has passed for one person. Pure.

A device says how long each answer took, and its clock may lie. What it says counts up to the most that the terms pay
for one answer, and only as far as the server saw time pass: an answer's time lies between its lease and its arrival,
and no moment is counted twice, for two answers, two sets or two projects of one worker. So somebody who works in two
tabs at once earns no more than in one, and answers sent again add nothing.

Answers that were written offline arrive together. Each takes the latest free time before its arrival, wherever that is
after the lease, so an honest worker without a network loses nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from projects.pay_terms import PayTerms

#: Time before this is not looked at. It is longer than all the time that is paid of the largest set.
LOOK_BACK = timedelta(days=14)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class MeasuredAnswer:
    """An answer to be paid. seconds: as the device measured them, None if it did not. objects: drawn in it."""

    assignment_id: int
    leased_at: datetime
    arrived_at: datetime
    seconds: float | None
    objects: int


@dataclass(frozen=True, slots=True)
class PaidTime:
    """seconds: {row id of an assignment: its paid time}. intervals: when that was, in ascending order, none overlap."""

    seconds: dict[int, Decimal]
    intervals: Sequence[Interval]


def window_of(answers: Sequence[MeasuredAnswer]) -> Interval:
    """Return when these answers may have been worked on."""
    end = max(answer.arrived_at for answer in answers)
    return Interval(max(min(answer.leased_at for answer in answers), end - LOOK_BACK), end)


def measure(
    answers: Iterable[MeasuredAnswer], *, terms: PayTerms, expected_seconds: int, taken: Iterable[Interval]
) -> PaidTime:
    """Return the time of the answers that is paid; `taken` is what was paid before of the same worker's time.

    An answer without a measured time, as from a program, counts like one that took as long as the manager expects.
    """
    busy = sorted(taken)
    seconds: dict[int, Decimal] = {}
    own: list[Interval] = []
    for answer in sorted(answers, key=lambda each: (each.arrived_at, each.assignment_id)):
        claimed = expected_seconds if answer.seconds is None else answer.seconds
        wanted = min(timedelta(seconds=claimed), timedelta(seconds=terms.paid_seconds))
        found = list(_latest_free(busy, answer, wanted))
        for interval in found:
            insort(busy, interval)
        own += found
        spent = sum((each.end - each.start for each in found), timedelta())
        seconds[answer.assignment_id] = Decimal(spent // _MICROSECOND) / 1_000_000
    return PaidTime(seconds, _joined(own))


def _latest_free(busy: Sequence[Interval], answer: MeasuredAnswer, wanted: timedelta) -> Iterator[Interval]:
    """Yield the latest free intervals between lease and arrival that add up to `wanted`, or to what there is."""
    first, end = max(answer.leased_at, answer.arrived_at - LOOK_BACK), answer.arrived_at
    for before in [*reversed(busy), Interval(first, first)]:
        if before.start >= end:
            continue
        start = max(before.end, first)
        if start < end and wanted > timedelta():
            took = min(end - start, wanted)
            yield Interval(end - took, end)
            wanted -= took
        end = min(end, before.start)
        if end <= first or wanted <= timedelta():
            return


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for each in sorted(intervals):
        if joined and joined[-1].end == each.start:
            joined[-1] = Interval(joined[-1].start, each.end)
        else:
            joined.append(each)
    return joined
