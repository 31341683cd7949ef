"""What changes a label: the rule for labels in general, and the narrower one for approved labels.

A label is replaced by other content only if the posterior is clearly for it. In a tie the label in place stays, however
the tie would be broken now, and so do objects that moved invisibly. An approved label is also not replaced unless
people answered its task again: new estimates of the workers, models and gold only propose a change, which a manager
decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import numpy as np

from annotary_core.aggregation.consolidate import RELEASE_THRESHOLD, objects_confidence
from annotary_core.aggregation.consolidated import ClassShares, ImagePosterior
from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.arrays import BoolArray
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.matching import LOOKS_THE_SAME, LOOKS_THE_SAME_PIXELS, Comparison, assign, same_classes
from tasks.consensus.label_evidence import ComputedLabel, LabelEvidence
from tasks.consensus.label_methods import SET_BY_PEOPLE, SINGLE
from tasks.consensus.models import ConsensusLabel

#: Another content must be this many times as likely as the label's; below, they are tied, and the label stays.
CLEAR_ODDS = 1.25

_DIGITS = 6


class Decision(Enum):
    """keep: the label stays. replace: write a new version. propose: the label stays until a manager decides."""

    KEEP = auto()
    REPLACE = auto()
    PROPOSE = auto()


def decide(
    result: ComputedLabel, label: ConsensusLabel | None, *, is_approved: bool, has_new_answers: bool
) -> Decision:
    """Decide what a newly computed result does to the task's current label.

    has_new_answers: whether the counting answers of people to this task changed since the label was last computed.
    A redo replaces the label even by equal content, so that it is reviewed again; a label that a person set in this
    round stays.
    """
    if label is None or LabelEvidence.from_json(label.evidence).round != result.evidence.round:
        return Decision.REPLACE
    if label.method in SET_BY_PEOPLE or label.content_hash == content_hash(result.answer):
        return Decision.KEEP
    if not is_clear_change(result, Answer.from_json(label.body), exact=has_new_answers):
        return Decision.KEEP
    return Decision.PROPOSE if is_approved and not has_new_answers else Decision.REPLACE


def is_clear_change(result: ComputedLabel, label: Answer, *, exact: bool = False) -> bool:
    """Whether the result differs from the label by a decision that is not tied, or by an object that visibly moved.

    exact: any difference between geometries counts, however small.
    """
    if "cannot_tell" in (result.answer.verdict, label.verdict):
        return result.answer.verdict != label.verdict
    if result.method == SINGLE:
        return not looks_the_same(result.answer, label, exact=exact)
    return _has_other_class(result, label) or _has_other_objects(result, label, exact=exact)


def is_clear(new: float, old: float) -> bool:
    """Whether something is likelier than the label by more than a tie; new, old: probabilities."""
    return new > CLEAR_ODDS * old


def looks_the_same(a: Answer, b: Answer, *, exact: bool = False) -> bool:
    """Whether the answers have the same class, and objects of the same classes that look the same."""
    if (a.verdict, a.image.class_number) != (b.verdict, b.image.class_number) or len(a.objects) != len(b.objects):
        return False
    same_class = same_classes(a.objects, b.objects)
    return len(_same_objects(a.objects, b.objects, exact=exact, eligible=same_class)) == len(a.objects)


def confidence_in(label: Answer, result: ComputedLabel) -> float:
    """The confidence that the result's posterior gives to the label: that of its weakest decision, as in `consolidate`.

    The label may also contradict the result: an object that only the label has is not there, and one that only the
    result has is missing.
    """
    if "cannot_tell" in (result.answer.verdict, label.verdict):
        return float(result.answer.verdict == label.verdict)
    decisions = []
    if label.image.class_number is not None or result.posterior.get("class"):
        decisions.append(_share(result.posterior.get("class", {}), label.image.class_number))
    decisions += _objects_confidence(label, result)
    return round(min(decisions, default=1.0), _DIGITS)


def _objects_confidence(label: Answer, result: ComputedLabel) -> list[float]:
    items, pairs = _matched_objects(result, label, exact=False)
    matched = dict(pairs)
    kept = [0.0] * (len(label.objects) - len(pairs))
    left_out: list[float] = []
    missing: list[float] = []
    for index, item in enumerate(items):
        exists, shares = _object_posterior(result, item)
        old = matched.get(index)
        if old is not None:
            kept.append(exists * _share(shares, label.objects[old].class_number))
        else:
            (missing if exists >= RELEASE_THRESHOLD else left_out).append(1 - exists)
    confidence = objects_confidence(kept=kept, left_out=left_out)
    return missing if confidence is None else [*missing, confidence]


def posterior_with_label_ids(result: ComputedLabel, label: ConsensusLabel | None, decision: Decision) -> ImagePosterior:
    """The posterior, with its objects under the ids of the label if the label is kept."""
    objects = result.posterior.get("objects")
    if not objects or label is None or decision is Decision.REPLACE:
        return result.posterior
    new, old = (_detected_objects(each) for each in (result.evidence, LabelEvidence.from_json(label.evidence)))
    label_ids = {new[row].id: old[column].id for row, column in _same_objects(new, old)}
    return {**result.posterior, "objects": {label_ids.get(key, key): value for key, value in objects.items()}}


def _has_other_class(result: ComputedLabel, label: Answer) -> bool:
    new, old = result.answer.image.class_number, label.image.class_number
    if new == old:
        return False
    shares = result.posterior.get("class", {})
    return new is None or old is None or is_clear(_share(shares, new), _share(shares, old))


def _has_other_objects(result: ComputedLabel, label: Answer, *, exact: bool) -> bool:
    items, pairs = _matched_objects(result, label, exact=exact)
    if len(pairs) < len(label.objects):
        return True
    matched = dict(pairs)
    return any(
        _is_clear_addition(result, item)
        if index not in matched
        else _is_clear_correction(result, item, label.objects[matched[index]])
        for index, item in enumerate(items)
    )


def _is_clear_addition(result: ComputedLabel, item: LabelObject) -> bool:
    exists, _ = _object_posterior(result, item)
    return is_clear(exists, 1 - exists)


def _is_clear_correction(result: ComputedLabel, item: LabelObject, labeled: LabelObject) -> bool:
    """Whether the labeled object clearly does not exist, or is of another class."""
    exists, shares = _object_posterior(result, item)
    return is_clear(1 - exists, exists) or is_clear(max(shares.values()), _share(shares, labeled.class_number))


def _share(shares: ClassShares, number: int | None) -> float:
    return shares.get(str(number), 0.0)


def _object_posterior(result: ComputedLabel, item: LabelObject) -> tuple[float, ClassShares]:
    posterior = result.posterior["objects"][item.id]
    return posterior["existence"], posterior["class"]


def _matched_objects(
    result: ComputedLabel, label: Answer, *, exact: bool
) -> tuple[list[LabelObject], list[tuple[int, int]]]:
    """All objects in the answers, released or not, and which of them are which objects of the label."""
    items = _detected_objects(result.evidence)
    return items, _same_objects(items, label.objects, exact=exact)


def _same_objects(
    new: Sequence[LabelObject], old: Sequence[LabelObject], *, exact: bool = False, eligible: BoolArray | None = None
) -> list[tuple[int, int]]:
    """The (new, old) indices of the objects that look the same, matched one to one."""
    compared = Comparison.of(new, old)
    if exact:
        same = np.array([[a.geom == b.geom for b in old] for a in new], np.bool_).reshape(compared.similarity.shape)
    else:
        same = (compared.similarity >= LOOKS_THE_SAME) | (compared.displacement() <= LOOKS_THE_SAME_PIXELS)
    rows, columns = assign(compared.similarity, same if eligible is None else same & eligible)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _detected_objects(evidence: LabelEvidence) -> list[LabelObject]:
    return [each.as_object for each in evidence.objects or ()]
