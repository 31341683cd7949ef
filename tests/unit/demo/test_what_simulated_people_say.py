"""Answers of simulated people: accepted by the server, reproducible, and as accurate as their kind."""

import hashlib
import json
from collections.abc import Sequence

import pytest

from annotary.demo.answer_model import answer, seeded_random
from annotary.demo.scoring import Score, score, total
from annotary.demo.skills import AVERAGE, CAREFUL, CARELESS, SKILLS, SPAMMER, Skill
from annotary_core.labels.answer import Answer
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import LabelClass, Schema
from annotary_core.labels.shapes import SHAPES
from tests.unit.demo.makers import a_question, boxes, drawn, of_class

ITEMS = ((1, 10, 10, 80, 60), (2, 200, 100, 120, 90), (3, 0, 250, 50, 50))
TRUTH = boxes(*ITEMS)
#: Of box answers: a seed gives the same crowd in every version.
ANSWERS_SHA256 = "d56a5f955bfdbe29c6c31cff07d42faf5b3793db5d6758da3d02ed8a4bda7796"
CLASSES = tuple(LabelClass(number, f"class {number}") for number in (1, 2, 3))


def parsed(raw: object, tools: Sequence[str]) -> Answer:
    return parse_answer(raw, schema=Schema(CLASSES, tuple(tools)), width=400, height=300)


def score_many(skill: Skill, truth: Answer, tools: tuple[str, ...], images: int = 300) -> Score:
    question = a_question(truth, tools=tools)
    rows = (answer(question, skill, seeded_random(1, skill.kind, f"{at}.jpg")) for at in range(images))
    return total(score(parsed(row, tools), truth) for row in rows)


@pytest.mark.parametrize("skill", SKILLS.values(), ids=list(SKILLS))
@pytest.mark.parametrize(
    "tools", [("class",), *((shape,) for shape in SHAPES), *(("class", shape) for shape in SHAPES)]
)
def test_every_answer_is_accepted_by_the_server(skill: Skill, tools: tuple[str, ...]) -> None:
    objects = drawn(tools[-1], *ITEMS).objects if tools[-1] in SHAPES else ()
    truth = Answer("labels", of_class(2 if "class" in tools else None).image, objects)
    for known in (truth, None):
        for at in range(200):
            raw = answer(a_question(known, tools=tools), skill, seeded_random(3, "wren", f"{at}.jpg"))
            parsed(raw, tools)


def test_answers_depend_only_on_seed_name_and_image() -> None:
    def answer_of(seed: int, name: str, image: str) -> object:
        return answer(a_question(TRUTH), CARELESS, seeded_random(seed, name, image))

    assert answer_of(7, "careless-1", "a.jpg") == answer_of(7, "careless-1", "a.jpg")
    assert len({str(answer_of(*who)) for who in [(7, "a", "x"), (8, "a", "x"), (7, "b", "x"), (7, "a", "y")]}) == 4


def test_box_answers_stay_the_same() -> None:
    rows = [
        answer(a_question(TRUTH), skill, seeded_random(seed, skill.kind, f"{seed}.jpg"))
        for skill in SKILLS.values()
        for seed in range(300)
    ]
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest() == ANSWERS_SHA256


@pytest.mark.parametrize("shape", SHAPES)
def test_objects_get_worse_from_careful_to_average_to_careless_to_spammer(shape: str) -> None:
    truth = drawn(shape, *ITEMS)
    scores = [score_many(skill, truth, (shape,)) for skill in (CAREFUL, AVERAGE, CARELESS, SPAMMER)]
    f1 = [each.f1 or 0 for each in scores]
    assert f1 == sorted(f1, reverse=True)
    assert f1[0] > 0.9
    assert f1[3] < 0.1
    similarity = [each.mean_similarity or 0 for each in scores[:3]]
    assert similarity == sorted(similarity, reverse=True)
    assert similarity[0] > 0.9


def test_classes_get_worse_from_careful_to_average_to_careless_to_spammer() -> None:
    right = [
        score_many(skill, of_class(2), ("class",)).accuracy or 0 for skill in (CAREFUL, AVERAGE, CARELESS, SPAMMER)
    ]
    assert right == sorted(right, reverse=True)
    assert right[0] > 0.95
    assert 0.2 < right[3] < 0.5


def test_without_truth_an_honest_person_cannot_tell() -> None:
    assert answer(a_question(None), CAREFUL, seeded_random(1, "wren", "x"))["verdict"] == "cannot_tell"


def test_an_empty_image_is_mostly_answered_empty() -> None:
    rows = [answer(a_question(boxes()), AVERAGE, seeded_random(1, "wren", str(at)))["verdict"] for at in range(100)]
    assert rows.count("empty") > 85
