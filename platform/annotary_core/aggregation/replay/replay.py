"""What labels would have cost with fewer answers: policies played back over answers that were all given.

Each task's answers come in an order drawn by lot; a policy takes a fixed number of them, or asks round by round while
the stopping rule wants another (stopping.py), with the method fitted to what has come so far. The result is compared
with the known truth, with the majority of the same answers, and with what the method says of all answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.io.tables import BoxGold
from annotary_core.aggregation.objects.box_clustering import BoxAnswers, BoxConsensus
from annotary_core.aggregation.replay.boxes import BoxScene
from annotary_core.aggregation.replay.classification import ClassScene
from annotary_core.aggregation.replay.policies import Policy, Replayed, play


def replay(answers: Answers, gold: Mapping[int, int] | None, policy: Policy, *, price: float | None = None) -> Replayed:
    """Play one policy. gold: task -> true class, used for the accuracy alone. price: of one answer.

    Raises ValueError without answers and for an unknown method.
    """
    return curve(answers, gold, [policy], price=price)[0]


def curve(
    answers: Answers, gold: Mapping[int, int] | None, policies: Sequence[Policy], *, price: float | None = None
) -> list[Replayed]:
    """Play several; what all answers say is found once a method."""
    bare = replace(answers, gold={})
    known = dict(gold or {})
    whole: dict[str, Consensus] = {}
    return [
        play(ClassScene(bare, known, policy.method, policy.seed, whole), policy, price=price) for policy in policies
    ]


def box_curve(
    answers: BoxAnswers, gold: BoxGold | None, policies: Sequence[Policy], *, price: float | None = None
) -> list[Replayed]:
    """The same for boxes: accuracy is F1 without regard to class, the majority the boxes that half of all drew."""
    whole: dict[str, BoxConsensus] = {}
    return [
        play(BoxScene(answers, gold, policy.method, policy.seed, whole), policy, price=price) for policy in policies
    ]
