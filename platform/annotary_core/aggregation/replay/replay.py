"""Replay policies over complete answers: what labels would have cost with fewer answers.

Each task's answers arrive in random order. A policy takes a fixed number of them, or adds answers round by round while
the stopping rule asks for more (stopping.py), with the method fitted to the answers so far. The result is compared with
the ground truth, with the majority of the same answers, and with the method's result on all answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.io.tables import BoxGold
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectConsensus
from annotary_core.aggregation.objects.geometry_types import Boxes
from annotary_core.aggregation.replay.boxes import BoxReplayData
from annotary_core.aggregation.replay.classification import ClassReplayData
from annotary_core.aggregation.replay.policies import Policy, PolicyResult, run_policy


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


def replay_box_policies(
    answers: ObjectAnswers[Boxes], gold: BoxGold | None, policies: Sequence[Policy], *, price: float | None = None
) -> list[PolicyResult]:
    """Replay box policies: accuracy is class-agnostic F1; majority boxes are those that half of the observers drew."""
    full_consensus: dict[str, ObjectConsensus[Boxes]] = {}
    return [
        run_policy(BoxReplayData(answers, gold, policy.method, policy.seed, full_consensus), policy, price=price)
        for policy in policies
    ]
