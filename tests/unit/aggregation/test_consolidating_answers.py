"""Several answers to one image become one consensus answer with its evidence."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.aggregation.consolidated import ConsolidatedAnswer
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.answer import Answer, ImageLabel
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import Schema
from tests.unit.labels.makers import (
    BOTH_SCHEMA,
    BOX_SCHEMA,
    CANNOT_TELL,
    CLASS_SCHEMA,
    EMPTY,
    FOX,
    HEIGHT,
    RACCOON,
    WIDTH,
    boxed,
    classed,
)

POSITION = st.integers(0, 100)
SIZE = st.integers(5, 60)
BOX_ANSWER = st.one_of(
    st.just(CANNOT_TELL),
    st.lists(st.tuples(POSITION, POSITION, SIZE, SIZE, st.sampled_from([RACCOON, FOX])), max_size=4).map(
        lambda boxes: boxed(*boxes)
    ),
)


def run(*answers: Answer, schema: Schema = BOX_SCHEMA, **more: Any) -> ConsolidatedAnswer:
    return consolidate(
        [WorkerAnswer(worker=index + 1, answer=answer) for index, answer in enumerate(answers)], schema=schema, **more
    )


def test_the_majority_class_is_the_consensus_with_its_evidence() -> None:
    result = run(classed(FOX), classed(RACCOON), classed(FOX), schema=CLASS_SCHEMA)
    assert result.answer == classed(FOX)
    assert result.posterior == {"class": {"1": 0.333333, "7": 0.666667}}
    assert result.evidence == {
        "n": 3,
        "cannot_tell": 0,
        "empty": 0,
        "method": "majority",
        "class": {"n": 3, "votes": {"1": 1, "7": 2}, "agreement": 0.333333, "tied": False},
    }
    assert result.confidence == 0.666667


def test_a_single_answer_is_the_result() -> None:
    assert run(classed(FOX), schema=CLASS_SCHEMA).answer == classed(FOX)


def test_a_tie_is_reported_and_broken_deterministically_per_task() -> None:
    ties = [run(classed(FOX), classed(RACCOON), schema=CLASS_SCHEMA, seed=task) for task in range(40)]
    again = [run(classed(FOX), classed(RACCOON), schema=CLASS_SCHEMA, seed=task) for task in range(40)]
    assert ties == again
    assert all(tie.evidence["class"]["tied"] and tie.confidence == 0.5 for tie in ties)
    assert {tie.answer.image.class_number for tie in ties} == {FOX, RACCOON}


def test_trust_in_a_worker_outweighs_two_others() -> None:
    answers = [WorkerAnswer(1, classed(FOX), weight=3.0), *(WorkerAnswer(n, classed(RACCOON)) for n in (2, 3))]
    assert consolidate(answers, schema=CLASS_SCHEMA).answer == classed(FOX)


def test_a_box_that_half_of_the_observers_drew_is_released() -> None:
    result = run(boxed((10, 10, 20, 20)), EMPTY)
    assert [item.geom for item in result.answer.objects] == [boxed((10, 10, 20, 20)).objects[0].geom]
    assert 0.5 < result.evidence["objects"][0]["existence"] < 0.8


def test_a_box_against_two_empty_answers_is_only_kept_as_evidence() -> None:
    result = run(boxed((10, 10, 20, 20)), EMPTY, EMPTY)
    assert result.answer == EMPTY
    (evidence,) = result.evidence["objects"]
    assert (evidence["released"], evidence["votes"], evidence["seen"]) == (False, 1, 3)
    assert evidence["existence"] < 0.5
    assert result.posterior["objects"][evidence["id"]]["existence"] == evidence["existence"]
    assert result.confidence == pytest.approx(1 - evidence["existence"])


def test_a_box_that_two_others_missed_is_released_unless_its_worker_is_careless() -> None:
    plain, more = boxed((10, 10, 20, 20)), boxed((10, 10, 20, 20), (200, 100, 20, 20))
    assert len(run(more, plain, plain).answer.objects) == 2
    others = [WorkerAnswer(2, plain), WorkerAnswer(3, plain)]
    kept = consolidate([WorkerAnswer(1, more, weight=2 / 3), *others], schema=BOX_SCHEMA)
    dropped = consolidate([WorkerAnswer(1, more, weight=0.4), *others], schema=BOX_SCHEMA)
    assert (len(kept.answer.objects), len(dropped.answer.objects)) == (2, 1)


def test_estimated_rates_decide_about_a_box_of_one_worker() -> None:
    answers = [boxed((10, 10, 20, 20)), EMPTY, EMPTY]
    careful = DetectionRates(workers=np.array([1]), detection=np.array([0.9]), false_rate=np.array([0.001]))
    careless = DetectionRates(workers=np.array([1]), detection=np.array([0.3]), false_rate=np.array([0.5]))
    assert run(*answers, rates=careful).answer.verdict == "labels"
    assert run(answers[0], EMPTY, rates=careless).answer.verdict == "empty"


def test_a_lower_threshold_releases_more() -> None:
    assert run(boxed((10, 10, 20, 20)), EMPTY, EMPTY, release_threshold=0.2).answer.verdict == "labels"


def test_cannot_tell_does_not_count_as_an_observation() -> None:
    result = run(boxed((10, 10, 20, 20)), CANNOT_TELL, CANNOT_TELL)
    assert result.evidence["objects"][0]["existence"] > 0.9
    assert (result.evidence["n"], result.evidence["cannot_tell"]) == (3, 2)


def test_unanimous_cannot_tell_is_the_result() -> None:
    result = run(CANNOT_TELL, CANNOT_TELL)
    assert (result.answer, result.posterior, result.confidence) == (CANNOT_TELL, {}, 1.0)


def test_unanimous_empty_has_confidence_one() -> None:
    result = run(EMPTY, EMPTY)
    assert (result.answer, result.confidence, result.evidence["empty"]) == (EMPTY, 1.0, 2)


def test_boxes_fuse_into_the_median_box_with_the_majority_class() -> None:
    result = run(boxed((10, 10, 20, 20)), boxed((12, 10, 20, 20, FOX)), boxed((11, 10, 20, 20, FOX)))
    (item,) = result.answer.objects
    assert (item.geom, item.class_number) == (boxed((11, 10, 20, 20)).objects[0].geom, FOX)
    assert result.posterior["objects"][item.id]["class"] == {"1": 0.333333, "7": 0.666667}
    assert result.posterior["objects"][item.id]["existence"] > 0.99


def test_a_schema_with_class_and_boxes_consolidates_both() -> None:
    both = Answer(verdict="labels", image=ImageLabel(FOX), objects=boxed((10, 10, 20, 20)).objects)
    result = run(both, both, classed(FOX), schema=BOTH_SCHEMA)
    assert result.answer.image.class_number == FOX and len(result.answer.objects) == 1
    existence = result.evidence["objects"][0]["existence"]
    assert existence > 0.75 and result.confidence == pytest.approx(existence, abs=1e-6)


def test_a_label_is_as_sure_as_its_weakest_object() -> None:
    sure, unsure = (10, 10, 20, 20), (100, 60, 20, 20)
    result = run(boxed(sure, unsure), *[boxed(sure)] * 2)
    objects = result.evidence["objects"]
    assert sorted(each["votes"] for each in objects if each["released"]) == [1, 3]
    weakest = min(each["existence"] for each in objects)
    assert weakest < 0.9 < max(each["existence"] for each in objects)
    assert result.confidence == pytest.approx(weakest, abs=1e-6)


def test_a_candidate_that_is_left_out_says_nothing_against_the_objects_of_a_label() -> None:
    once = run(*[boxed((10, 10, 20, 20))] * 6)
    result = run(*[boxed((10, 10, 20, 20))] * 5, boxed((10, 10, 20, 20), (100, 60, 20, 20)))
    assert [each["released"] for each in result.evidence["objects"]] == [True, False]
    assert len(result.answer.objects) == 1
    assert result.confidence == pytest.approx(once.confidence, abs=0.01)


def test_a_label_without_objects_is_as_sure_as_that_its_likeliest_candidate_does_not_exist() -> None:
    answers = boxed((10, 10, 20, 20)), boxed((100, 60, 20, 20)), *[EMPTY] * 4
    result = run(*answers)
    assert result.answer == EMPTY
    likeliest = max(each["existence"] for each in result.evidence["objects"])
    assert result.confidence == pytest.approx(1 - likeliest, abs=1e-6)


def test_object_ids_derive_from_the_content() -> None:
    ids = [item.id for item in run(boxed((10, 10, 20, 20), (200, 10, 20, 20))).answer.objects]
    alone = [item.id for item in run(boxed((200, 10, 20, 20)), boxed((200, 10, 20, 20))).answer.objects]
    assert alone[0] in ids and len(set(ids)) == 2


def test_identical_boxes_get_distinct_ids_in_the_evidence_and_are_one_object() -> None:
    result = run(boxed((10, 10, 20, 20), (10, 10, 20, 20)))
    assert len({each["id"] for each in result.evidence["objects"]}) == 2
    assert len(result.answer.objects) == 1


def test_invalid_input_is_rejected() -> None:
    with pytest.raises(ValueError, match="no answers to consolidate"):
        run()
    with pytest.raises(ValueError, match="appears twice"):
        consolidate([WorkerAnswer(1, EMPTY), WorkerAnswer(1, EMPTY)], schema=BOX_SCHEMA)
    with pytest.raises(ValueError, match="no consensus method"):
        run(classed(FOX), schema=CLASS_SCHEMA, method="guess")


@given(st.lists(BOX_ANSWER, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_answer_order(answers: list[Answer], rng: random.Random) -> None:
    given_answers = [WorkerAnswer(worker=index, answer=answer) for index, answer in enumerate(answers)]
    original = consolidate(given_answers, schema=BOX_SCHEMA)
    reordered = consolidate(rng.sample(given_answers, len(given_answers)), schema=BOX_SCHEMA)
    assert original == reordered
    assert content_hash(original.answer) == content_hash(reordered.answer)


def test_an_object_that_two_workers_have_twice_is_one_object_of_the_label() -> None:
    twice = boxed((1, 1, 9, 9), (1, 1, 9, 9), (40, 40, 9, 9))
    result, once = run(twice, twice, twice), run(*[boxed((1, 1, 9, 9), (40, 40, 9, 9))] * 3)
    assert [item.geom for item in result.answer.objects] == [item.geom for item in once.answer.objects]
    assert [each["released"] for each in result.evidence["objects"]].count(True) == 2
    assert result.confidence == pytest.approx(once.confidence, abs=0.05)


@given(st.lists(BOX_ANSWER, min_size=1, max_size=5))
def test_the_result_is_a_canonical_answer_with_json_evidence(answers: list[Answer]) -> None:
    result = run(*answers)
    assert parse_answer(result.answer.to_json(), schema=BOX_SCHEMA, width=WIDTH, height=HEIGHT) == result.answer
    assert json.loads(json.dumps([result.posterior, result.evidence])) == [result.posterior, result.evidence]
    assert 0 <= result.confidence <= 1
    for object_posterior in result.posterior.get("objects", {}).values():
        assert sum(object_posterior["class"].values()) == pytest.approx(1, abs=1e-5)
