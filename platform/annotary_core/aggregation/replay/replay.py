"""Replay policies over complete answers: what labels would have cost with fewer answers.

Each task's answers arrive in random order. A policy takes a fixed number of them, or adds answers round by round while
the stopping rule asks for more (stopping.py), with the method fitted to the answers so far. The result is compared with
the ground truth, with the majority of the same answers, and with the method's result on all answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectConsensus
from annotary_core.aggregation.replay.classification import ClassReplayData
from annotary_core.aggregation.replay.objects import ObjectReplayData
from annotary_core.aggregation.replay.policies import Policy, PolicyResult, run_policy
from annotary_core.labels.shapes.base import Column

C = TypeVar("C", bound=Column)


def replay(
    answers: Answers, gold: Mapping[int, int] | None, policy: Policy, *, price: float | None = None
) -> PolicyResult:
    """Replay one policy. gold: task -> true class, used only for the accuracy. price: of one answer.

    Raises ValueError without answers and for an unknown method.
    """
    return replay_policies(answers, gold, [policy], price=price)[0]


def replay_policies(
    answers: Answers, gold: Mapping[int, int] | None, policies: Sequence[Policy], *, price: float | None = None
) -> list[PolicyResult]:
    """Replay several policies; the consensus of all answers is computed once per method."""
    plain = replace(answers, gold={})
    gold_classes = dict(gold or {})
    full_consensus: dict[str, Consensus] = {}
    return [
        run_policy(
            ClassReplayData(plain, gold_classes, policy.method, policy.seed, full_consensus), policy, price=price
        )
        for policy in policies
    ]


def replay_object_policies(
    answers: ObjectAnswers[C], gold: Mapping[int, C] | None, policies: Sequence[Policy], *, price: float | None = None
) -> list[PolicyResult]:
    """Replay policies on objects: accuracy is class-agnostic F1; the majority are those that half the observers drew.

    gold: task -> all of its true objects.
    """
    full_consensus: dict[str, ObjectConsensus[C]] = {}
    return [
        run_policy(ObjectReplayData(answers, gold, policy.method, policy.seed, full_consensus), policy, price=price)
        for policy in policies
    ]
