"""The simulated reviewer: compares the least confident labels with the ground truth, and approves or fixes them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotary.demo.errors import DemoError
from annotary.demo.ground_truth import GroundTruth
from annotary.demo.manager import Manager, ProgressCallback
from annotary.demo.scoring import score
from annotary_core.labels.answer import Answer

# Attempts per label: it sometimes changes during review, but not so often that no review succeeds.
TRIES = 20


@dataclass
class ReviewResult:
    """Source keys of the images whose labels were approved and of those that were fixed; `labels_before` holds the
    labels of both as they were before review."""

    approved: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    labels_before: dict[str, Answer] = field(default_factory=dict)


def least_sure(labels: Sequence[Mapping[str, Any]], share: float) -> list[Mapping[str, Any]]:
    """Return the given share of the labels, rounded up, least confident first."""
    return sorted(labels, key=lambda label: label["confidence"])[: math.ceil(share * len(labels))]


def review(
    manager: Manager,
    labels: Sequence[Mapping[str, Any]],
    ground_truth: GroundTruth,
    *,
    share: float,
    on_progress: ProgressCallback,
) -> ReviewResult:
    """Review a share of the labels. Those without ground truth are left to the approval of their batch."""
    result = ReviewResult()
    known = [label for label in labels if label["source_key"] in ground_truth.answers]
    selected = least_sure(known, share)
    for number, label in enumerate(selected, start=1):
        answer, is_right = _review_label(manager, label["task"], ground_truth.answers[label["source_key"]])
        result.labels_before[label["source_key"]] = answer
        (result.approved if is_right else result.fixed).append(label["source_key"])
        on_progress(number, len(selected))
    return result


def _review_label(manager: Manager, task: str, truth: Answer) -> tuple[Answer, bool]:
    """Approve or fix the label; return it as it was before review, and whether it was correct."""
    for _ in range(TRIES):
        label = manager.label_now(task)
        answer = Answer.from_json(label["body"])
        is_right = bool(score(answer, truth).exact)
        verdict = {"verdict": "approve"} if is_right else {"verdict": "fix", "answer": truth.to_json()}
        if manager.review(task, {"label_hash": label["content_hash"], **verdict}):
            return answer, is_right
    raise DemoError("Could not review a label: it changed between reading and review every time.")
