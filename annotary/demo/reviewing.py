"""A reviewer who looks: the least sure labels are compared with the truth, approved when right and fixed when not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotary.demo.errors import DemoError
from annotary.demo.ground_truth import Knowledge
from annotary.demo.manager import Manager, Progress
from annotary.demo.scoring import score
from annotary_core.labels.answer import Answer

#: A label changes now and then while it is looked at, and not so often that it could not be decided on.
TRIES = 20


@dataclass
class Reviewed:
    """Source keys of the images whose labels the reviewer approved, and of those that needed a fix; `found` holds the
    labels of both as the crowd had left them."""

    approved: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    found: dict[str, Answer] = field(default_factory=dict)


def least_sure(labels: Sequence[Mapping[str, Any]], share: float) -> list[Mapping[str, Any]]:
    """That share of the labels, rounded up, the least sure first."""
    return sorted(labels, key=lambda label: label["confidence"])[: math.ceil(share * len(labels))]


def review(
    manager: Manager, labels: Sequence[Mapping[str, Any]], knowledge: Knowledge, *, share: float, told: Progress
) -> Reviewed:
    """Labels of images whose truth nobody knows are left to the approval of their batch."""
    done = Reviewed()
    known = [label for label in labels if label["source_key"] in knowledge.answers]
    chosen = least_sure(known, share)
    for number, label in enumerate(chosen, start=1):
        found, is_right = _judge(manager, label["task"], knowledge.answers[label["source_key"]])
        done.found[label["source_key"]] = found
        (done.approved if is_right else done.fixed).append(label["source_key"])
        told(number, len(chosen))
    return done


def _judge(manager: Manager, task: str, truth: Answer) -> tuple[Answer, bool]:
    """Approve the label or fix it; the label as it was found, and whether it was right."""
    for _ in range(TRIES):
        label = manager.label_now(task)
        found = Answer.from_json(label["body"])
        is_right = bool(score(found, truth).exact)
        verdict = {"verdict": "approve"} if is_right else {"verdict": "fix", "answer": truth.to_json()}
        if manager.review(task, {"label_hash": label["content_hash"], **verdict}):
            return found, is_right
    raise DemoError("Could not review a label: it changed each time between reading and deciding.")
