"""What the tests of a worker's answers found: kept with the standing, as the evidence for its stage and its pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from tasks.standing.chance_test import ChanceTest


@dataclass(frozen=True, slots=True)
class Findings:
    """The newest result for one worker. Numbers of answers are since the last reset.

    gold_right of gold_seen, agreeing of compared: as in `ChanceTest`. fast of timed: answers that took less than a
    third of the time that others need. evidence: the log ratio of the chance test; limit: above it, the worker is
    paused. stage_gold: answers to gold that were counted when the stage last changed.
    """

    gold_right: float = 0.0
    gold_seen: int = 0
    agreeing: float = 0.0
    compared: int = 0
    fast: int = 0
    timed: int = 0
    evidence: float = 0.0
    limit: float = 0.0
    stage_gold: int = 0

    @classmethod
    def of(cls, test: ChanceTest, *, stage_gold: int) -> Self:
        return cls(
            gold_right=round(test.gold_right, 2),
            gold_seen=test.gold_seen,
            agreeing=round(test.agreeing, 2),
            compared=test.compared,
            fast=test.fast,
            timed=test.timed,
            evidence=round(test.log_ratio, 3),
            limit=test.limit,
            stage_gold=stage_gold,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Self:
        known = cls()
        return replace(known, **{name: value for name, value in (stored or {}).items() if name in cls.__slots__})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
