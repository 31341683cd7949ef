"""The rule for what changes a label: ties do not, nor invisible moves; approved labels need new answers of people."""

from dataclasses import replace
from typing import Any

import pytest

from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.schema import Schema
from tasks.consensus.label_evidence import ComputedLabel, LabelEvidence
from tasks.consensus.label_methods import GOLD, REVIEW, SINGLE
from tasks.consensus.label_stability import CLEAR_ODDS, Decision, confidence_in, decide, is_clear_change, looks_the_same
from tasks.consensus.models import ConsensusLabel
from tests.factories import a_schema_body, box_answer, class_answer

CAT, DOG = 1, 2
KEEP, REPLACE, PROPOSE = Decision.KEEP, Decision.REPLACE, Decision.PROPOSE
JUST_TIED, JUST_CLEAR = CLEAR_ODDS - 0.01, CLEAR_ODDS + 0.01


def class_result(odds: float, *, method: str = "blend") -> ComputedLabel:
    """A result for cat, which is `odds` times as likely as dog."""
    p = odds / (1 + odds)
    evidence = LabelEvidence(method=method, round=1)
    return ComputedLabel(Answer.from_json(class_answer(CAT)), {"class": {"1": p, "2": 1 - p}}, evidence, p)


def a_label(body: dict[str, Any], *, method: str = "blend", round_: int = 1) -> ConsensusLabel:
    return ConsensusLabel(
        body=Answer.from_json(body).to_json(),
        content_hash=content_hash(Answer.from_json(body)),
        method=method,
        evidence={"round": round_},
    )


def boxes_result(
    *answers: dict[str, Any], existence: float | None = None, classes: dict[str, float] | None = None
) -> ComputedLabel:
    """The consensus of these answers; with the first object's posterior overridden."""
    result = consolidate(
        [WorkerAnswer(number, Answer.from_json(body)) for number, body in enumerate(answers, start=1)],
        schema=Schema.from_json(a_schema_body(tools=("box",))),
    )
    first = next(iter(result.posterior["objects"].values()))
    first["existence"] = first["existence"] if existence is None else existence
    first["class"] = classes or first["class"]
    evidence = replace(LabelEvidence.from_json(result.evidence), round=1)
    return ComputedLabel(result.answer, result.posterior, evidence, result.confidence)


def answer(*boxes: tuple[int, float, float, float, float]) -> Answer:
    return Answer.from_json(box_answer(*boxes))


@pytest.mark.parametrize(
    ("odds", "is_approved", "has_new_answers", "decision"),
    [
        (JUST_TIED, False, False, KEEP),
        (JUST_TIED, False, True, KEEP),
        (JUST_TIED, True, False, KEEP),
        (JUST_TIED, True, True, KEEP),
        (JUST_CLEAR, False, False, REPLACE),
        (JUST_CLEAR, False, True, REPLACE),
        (JUST_CLEAR, True, False, PROPOSE),
        (JUST_CLEAR, True, True, REPLACE),
    ],
)
def test_another_class(odds: float, is_approved: bool, has_new_answers: bool, decision: Decision) -> None:
    label = a_label(class_answer(DOG))
    assert decide(class_result(odds), label, is_approved=is_approved, has_new_answers=has_new_answers) is decision


def test_equal_content_a_missing_label_and_a_redo() -> None:
    result = class_result(9.0)
    options: dict[str, Any] = {"is_approved": False, "has_new_answers": True}
    assert decide(result, a_label(class_answer(CAT)), **options) is KEEP
    assert decide(result, None, **options) is REPLACE
    assert decide(result, a_label(class_answer(CAT), round_=0), **options) is REPLACE


@pytest.mark.parametrize("method", [REVIEW, GOLD])
def test_a_label_set_by_a_person_stays_in_its_round(method: str) -> None:
    options: dict[str, Any] = {"is_approved": True, "has_new_answers": True}
    assert decide(class_result(99.0), a_label(class_answer(DOG), method=method), **options) is KEEP
    assert decide(class_result(99.0), a_label(class_answer(DOG), method=method, round_=0), **options) is REPLACE


def test_a_single_answer_is_the_label_whatever_its_posterior() -> None:
    result = class_result(0.1, method=SINGLE)
    assert not is_clear_change(result, Answer.from_json(class_answer(CAT)))
    assert is_clear_change(result, Answer.from_json(class_answer(DOG)))


def test_cannot_tell_is_never_tied_with_a_label() -> None:
    unknown = Answer(verdict="cannot_tell")
    result = ComputedLabel(unknown, {}, LabelEvidence(method="blend"), 1.0)
    assert is_clear_change(result, Answer.from_json(class_answer(DOG)))
    assert is_clear_change(class_result(1.0), unknown)
    assert not is_clear_change(result, unknown)


BOX = (CAT, 100.0, 100.0, 50.0, 40.0)


@pytest.mark.parametrize(
    ("label", "is_clear"),
    [
        (answer(BOX), False),
        (answer((CAT, 101.0, 99.0, 50.0, 41.0)), False),  # 1 px is invisible
        (answer((CAT, 130.0, 100.0, 50.0, 40.0)), True),
        (answer((DOG, 100.0, 100.0, 50.0, 40.0)), True),
        (answer(BOX, (CAT, 300.0, 300.0, 20.0, 20.0)), True),
        (answer(), True),
    ],
)
def test_boxes_that_everyone_drew(label: Answer, is_clear: bool) -> None:
    result = boxes_result(*[box_answer(BOX)] * 3)
    assert is_clear_change(result, label) is is_clear


def test_a_tiny_box_that_moves_by_less_than_a_pixel_stays() -> None:
    result = boxes_result(*[box_answer((CAT, 10.0, 10.0, 4.0, 4.0))] * 3)
    moved = answer((CAT, 10.8, 10.0, 4.0, 4.0))
    assert not is_clear_change(result, moved)
    assert is_clear_change(result, moved, exact=True), "new answers refine a label"


@pytest.mark.parametrize(("existence", "is_clear"), [(0.54, False), (0.57, True)])
def test_a_box_whose_existence_is_a_tie_is_not_added(existence: float, is_clear: bool) -> None:
    result = boxes_result(box_answer(BOX), box_answer(BOX), existence=existence)
    assert is_clear_change(result, answer()) is is_clear


@pytest.mark.parametrize(("existence", "is_clear"), [(0.46, False), (0.43, True)])
def test_a_box_whose_existence_is_a_tie_is_not_removed(existence: float, is_clear: bool) -> None:
    result = boxes_result(box_answer(BOX), box_answer(BOX), existence=existence)
    assert is_clear_change(result, answer(BOX)) is is_clear


@pytest.mark.parametrize(("share", "is_clear"), [(0.54, False), (0.57, True)])
def test_a_box_whose_class_is_a_tie_keeps_its_class(share: float, is_clear: bool) -> None:
    result = boxes_result(box_answer(BOX), box_answer(BOX), classes={"1": share, "2": 1 - share})
    assert is_clear_change(result, answer((DOG, *BOX[1:]))) is is_clear


def test_contents_look_the_same_up_to_invisible_differences() -> None:
    near = answer((CAT, 100.5, 100.0, 50.0, 40.0))
    assert looks_the_same(answer(BOX), near)
    assert not looks_the_same(answer(BOX), near, exact=True)
    assert not looks_the_same(answer(BOX), answer((DOG, *BOX[1:])))
    assert not looks_the_same(answer(BOX), answer(BOX, BOX))
    assert not looks_the_same(Answer.from_json(class_answer(CAT)), Answer.from_json(class_answer(DOG)))


def test_the_confidence_of_a_label_under_another_posterior() -> None:
    assert confidence_in(Answer.from_json(class_answer(DOG)), class_result(4.0)) == pytest.approx(0.2)
    result = boxes_result(box_answer(BOX), box_answer(BOX), existence=0.8, classes={"1": 0.9, "2": 0.1})
    assert confidence_in(answer(BOX), result) == pytest.approx(0.72)
    assert confidence_in(answer((DOG, *BOX[1:])), result) == pytest.approx(0.08)
    assert confidence_in(answer(), result) == pytest.approx(0.2)
    assert confidence_in(answer((CAT, 300.0, 300.0, 9.0, 9.0)), result) == 0
    assert confidence_in(answer(BOX, (CAT, 300.0, 300.0, 9.0, 9.0)), result) == 0


def test_a_label_that_lacks_a_likely_object_is_not_sure_of_those_it_has() -> None:
    other = (CAT, 300.0, 300.0, 50.0, 40.0)
    result = boxes_result(box_answer(BOX, other), box_answer(BOX, other), existence=0.8, classes={"1": 0.9, "2": 0.1})
    assert confidence_in(answer(BOX, other), result) == pytest.approx(0.72)
    assert confidence_in(answer(BOX), result) < 0.02
