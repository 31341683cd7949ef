"""Several answers to one image become one, with its evidence."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.consolidate import Consolidated, WorkerAnswer, consolidate
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

PLACE = st.integers(0, 100)
SIZE = st.integers(5, 60)
BOX_ANSWER = st.one_of(
    st.just(CANNOT_TELL),
    st.lists(st.tuples(PLACE, PLACE, SIZE, SIZE, st.sampled_from([RACCOON, FOX])), max_size=4).map(
        lambda boxes: boxed(*boxes)
    ),
)


def agree(*answers: Answer, schema: Schema = BOX_SCHEMA, **more: Any) -> Consolidated:
    return consolidate(
        [WorkerAnswer(worker=index + 1, answer=answer) for index, answer in enumerate(answers)], schema=schema, **more
    )


def test_the_class_of_most_is_agreed_with_its_evidence() -> None:
    result = agree(classed(FOX), classed(RACCOON), classed(FOX), schema=CLASS_SCHEMA)
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


def test_one_answer_alone_is_the_result() -> None:
    assert agree(classed(FOX), schema=CLASS_SCHEMA).answer == classed(FOX)


def test_a_tie_says_so_and_falls_the_same_way_for_a_task() -> None:
    ties = [agree(classed(FOX), classed(RACCOON), schema=CLASS_SCHEMA, seed=task) for task in range(40)]
    again = [agree(classed(FOX), classed(RACCOON), schema=CLASS_SCHEMA, seed=task) for task in range(40)]
    assert ties == again
    assert all(tie.evidence["class"]["tied"] and tie.confidence == 0.5 for tie in ties)
    assert {tie.answer.image.class_number for tie in ties} == {FOX, RACCOON}


def test_trust_in_a_worker_outweighs_two_others() -> None:
    answers = [WorkerAnswer(1, classed(FOX), weight=3.0), *(WorkerAnswer(n, classed(RACCOON)) for n in (2, 3))]
    assert consolidate(answers, schema=CLASS_SCHEMA).answer == classed(FOX)


def test_a_box_that_half_of_those_who_saw_it_drew_is_released() -> None:
    result = agree(boxed((10, 10, 20, 20)), EMPTY)
    assert [item.geom for item in result.answer.objects] == [boxed((10, 10, 20, 20)).objects[0].geom]
    assert 0.5 < result.evidence["objects"][0]["existence"] < 0.8


def test_a_box_where_two_others_see_nothing_at_all_is_kept_as_evidence_alone() -> None:
    result = agree(boxed((10, 10, 20, 20)), EMPTY, EMPTY)
    assert result.answer == EMPTY
    (found,) = result.evidence["objects"]
    assert (found["released"], found["votes"], found["seen"]) == (False, 1, 3)
    assert found["existence"] < 0.5
    assert result.posterior["objects"][found["id"]]["existence"] == found["existence"]
    assert result.confidence == pytest.approx(1 - found["existence"])


def test_a_box_that_two_others_passed_over_is_released_unless_its_worker_is_careless() -> None:
    plain, more = boxed((10, 10, 20, 20)), boxed((10, 10, 20, 20), (200, 100, 20, 20))
    assert len(agree(more, plain, plain).answer.objects) == 2
    others = [WorkerAnswer(2, plain), WorkerAnswer(3, plain)]
    kept = consolidate([WorkerAnswer(1, more, weight=2 / 3), *others], schema=BOX_SCHEMA)
    dropped = consolidate([WorkerAnswer(1, more, weight=0.4), *others], schema=BOX_SCHEMA)
    assert (len(kept.answer.objects), len(dropped.answer.objects)) == (2, 1)


def test_learnt_rates_decide_about_a_lone_box() -> None:
    answers = [boxed((10, 10, 20, 20)), EMPTY, EMPTY]
    careful = DetectionRates(workers=np.array([1]), detection=np.array([0.9]), false_rate=np.array([0.001]))
    careless = DetectionRates(workers=np.array([1]), detection=np.array([0.3]), false_rate=np.array([0.5]))
    assert agree(*answers, rates=careful).answer.verdict == "labels"
    assert agree(answers[0], EMPTY, rates=careless).answer.verdict == "empty"


def test_another_threshold_releases_more() -> None:
    assert agree(boxed((10, 10, 20, 20)), EMPTY, EMPTY, release_threshold=0.2).answer.verdict == "labels"


def test_who_cannot_tell_has_not_seen_it() -> None:
    result = agree(boxed((10, 10, 20, 20)), CANNOT_TELL, CANNOT_TELL)
    assert result.evidence["objects"][0]["existence"] > 0.9
    assert (result.evidence["n"], result.evidence["cannot_tell"]) == (3, 2)


def test_when_nobody_can_tell_that_is_the_result() -> None:
    result = agree(CANNOT_TELL, CANNOT_TELL)
    assert (result.answer, result.posterior, result.confidence) == (CANNOT_TELL, {}, 1.0)


def test_when_all_say_empty_it_is_empty_for_certain() -> None:
    result = agree(EMPTY, EMPTY)
    assert (result.answer, result.confidence, result.evidence["empty"]) == (EMPTY, 1.0, 2)


def test_boxes_agree_on_the_place_between_them_and_on_the_class_of_most() -> None:
    result = agree(boxed((10, 10, 20, 20)), boxed((12, 10, 20, 20, FOX)), boxed((11, 10, 20, 20, FOX)))
    (item,) = result.answer.objects
    assert (item.geom, item.class_number) == (boxed((11, 10, 20, 20)).objects[0].geom, FOX)
    assert result.posterior["objects"][item.id]["class"] == {"1": 0.333333, "7": 0.666667}
    assert result.posterior["objects"][item.id]["existence"] > 0.99


def test_a_project_with_both_agrees_on_both() -> None:
    both = Answer(verdict="labels", image=ImageLabel(FOX), objects=boxed((10, 10, 20, 20)).objects)
    result = agree(both, both, classed(FOX), schema=BOTH_SCHEMA)
    assert result.answer.image.class_number == FOX and len(result.answer.objects) == 1
    existence = result.evidence["objects"][0]["existence"]
    assert existence > 0.75 and result.confidence == pytest.approx((1 + existence) / 2, abs=1e-6)


def test_object_ids_follow_from_the_content() -> None:
    ids = [item.id for item in agree(boxed((10, 10, 20, 20), (200, 10, 20, 20))).answer.objects]
    alone = [item.id for item in agree(boxed((200, 10, 20, 20)), boxed((200, 10, 20, 20))).answer.objects]
    assert alone[0] in ids and len(set(ids)) == 2


def test_twin_boxes_get_ids_of_their_own() -> None:
    ids = [item.id for item in agree(boxed((10, 10, 20, 20), (10, 10, 20, 20))).answer.objects]
    assert len(set(ids)) == 2


def test_what_cannot_be_consolidated_is_refused() -> None:
    with pytest.raises(ValueError, match="no answer to consolidate"):
        agree()
    with pytest.raises(ValueError, match="stands here twice"):
        consolidate([WorkerAnswer(1, EMPTY), WorkerAnswer(1, EMPTY)], schema=BOX_SCHEMA)
    with pytest.raises(ValueError, match="no consensus method"):
        agree(classed(FOX), schema=CLASS_SCHEMA, method="guess")


@given(st.lists(BOX_ANSWER, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_answers_changes_nothing(answers: list[Answer], dice: random.Random) -> None:
    given_answers = [WorkerAnswer(worker=index, answer=answer) for index, answer in enumerate(answers)]
    one = consolidate(given_answers, schema=BOX_SCHEMA)
    other = consolidate(dice.sample(given_answers, len(given_answers)), schema=BOX_SCHEMA)
    assert one == other
    assert content_hash(one.answer) == content_hash(other.answer)


@given(st.lists(BOX_ANSWER, min_size=1, max_size=5))
def test_the_result_is_itself_a_canonical_answer_with_json_evidence(answers: list[Answer]) -> None:
    result = agree(*answers)
    assert parse_answer(result.answer.to_json(), schema=BOX_SCHEMA, width=WIDTH, height=HEIGHT) == result.answer
    assert json.loads(json.dumps([result.posterior, result.evidence])) == [result.posterior, result.evidence]
    assert 0 <= result.confidence <= 1
    for found in result.posterior.get("objects", {}).values():
        assert sum(found["class"].values()) == pytest.approx(1, abs=1e-5)
