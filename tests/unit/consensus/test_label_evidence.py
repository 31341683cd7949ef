"""Stored evidence of every kind and version reads the same; what is written names its version."""

import ast
from typing import Any

import pytest

from annotary.runtime.source_roots import ROOT
from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.labels.answer import Answer
from annotary_core.labels.schema import Schema
from tasks.consensus.label_evidence import VERSION, AnswerWeight, LabelEvidence
from tests.factories import a_schema_body, box_answer, class_answer

Json = dict[str, Any]

ANSWERS = [
    {"worker": "5f0c", "annotation": "a1", "weight": 0.75},
    {"worker": "77d2", "annotation": "a2", "weight": 0.5},
]
MODELS = [{"model": "owl-net", "annotation": "m1", "weight": 0.9}]
OBJECT = {
    "id": "agreed-0123456789abcdef",
    "class": 1,
    "geom": {"x": 10.0, "y": 10.0, "w": 80.5, "h": 60.0},
    "votes": 2,
    "seen": 3,
    "existence": 0.812345,
    "agreement": 1.0,
    "tied": False,
    "released": True,
}
COUNTS = {"n": 3, "cannot_tell": 0, "empty": 0}
OF_CLASSES = {"n": 3, "votes": {"1": 2, "2": 1}, "agreement": 0.333333, "tied": False}
REPLACED = {"label": "9b1e", "version": 2, "content_hash": "f" * 64, "method": "blend", "confidence": 0.93}

#: What every version of the code before evidence was typed has stored, by kind of label.
STORED: dict[str, Json] = {
    "classes": {**COUNTS, "method": "blend", "class": OF_CLASSES, "round": 1, "state_version": 4, "answers": ANSWERS},
    "models": {
        **COUNTS,
        "method": "blend",
        "class": OF_CLASSES,
        "round": 1,
        "state_version": 4,
        "answers": ANSWERS,
        "models": MODELS,
    },
    "no class in the answers": {**COUNTS, "method": "blend", "class": {"n": 0}, "round": 1, "answers": ANSWERS},
    "one worker": {
        "n": 1,
        "cannot_tell": 0,
        "empty": 0,
        "method": "single",
        "class": {"n": 1, "votes": {"2": 1}, "agreement": None, "tied": False},
        "round": 2,
        "state_version": 0,
        "answers": ANSWERS[:1],
    },
    "objects": {**COUNTS, "method": "blend", "objects": [OBJECT], "round": 1, "state_version": 0, "answers": ANSWERS},
    "no objects": {**COUNTS, "empty": 3, "method": "blend", "objects": [], "round": 1, "answers": ANSWERS},
    "cannot tell": {**COUNTS, "cannot_tell": 3, "method": "blend", "round": 1, "state_version": 0, "answers": ANSWERS},
    "a fix": {
        "reviewer": "c0de",
        "replaced": REPLACED,
        "n": 3,
        "answers": ANSWERS,
        "round": 1,
        "method": "review",
    },
    "a fix of a label without answers": {
        "reviewer": "c0de",
        "replaced": REPLACED,
        "n": 0,
        "answers": [],
        "round": 1,
        "method": "review",
    },
    "the owner's label": {"by": "ada", "source": "manager", "n": 1, "round": 1, "method": "gold"},
    "a proposal": {"answers": ANSWERS, "models": MODELS},
    "answers without weights": {"method": "majority", "answers": [{"worker": "5f0c", "annotation": "a1"}]},
}


def with_tools(stored: Json) -> Json:
    """The one thing that is read otherwise: objects of before had one shape, and did not name it."""
    if "objects" not in stored:
        return stored
    return {**stored, "objects": [{**item, "tool": item.get("tool", "box")} for item in stored["objects"]]}


@pytest.mark.parametrize("kind", STORED)
def test_evidence_without_a_version_keeps_every_figure(kind: str) -> None:
    assert LabelEvidence.from_json(STORED[kind]).figures() == with_tools(STORED[kind])


@pytest.mark.parametrize("kind", STORED)
def test_what_is_written_names_its_version_and_reads_the_same(kind: str) -> None:
    evidence = LabelEvidence.from_json(STORED[kind])
    written = evidence.to_json()
    assert written == {"version": VERSION, **with_tools(STORED[kind])}
    assert LabelEvidence.from_json(written) == evidence


@pytest.mark.parametrize("tools", [("class",), ("box",), ("class", "box")])
def test_what_the_library_returns_is_written_without_a_loss(tools: tuple[str, ...]) -> None:
    bodies = [box_answer((1, 10, 10, 80, 60), (2, 300, 200, 60, 60)), box_answer((1, 11, 10, 80, 60)), box_answer()]
    if "class" in tools:
        bodies = [
            body | {"image": class_answer(number)["image"]} for number, body in zip((1, 1, 2), bodies, strict=True)
        ]
    answers = [WorkerAnswer(n, Answer.from_json(body)) for n, body in enumerate(bodies, start=1)]
    result = consolidate(answers, schema=Schema.from_json(a_schema_body(tools=tools)))
    assert LabelEvidence.from_json(result.evidence).figures() == result.evidence


def test_the_readers_questions() -> None:
    assert LabelEvidence.from_json(STORED["models"]).annotations == {"a1", "a2", "m1"}
    assert LabelEvidence.from_json(STORED["the owner's label"]).annotations == frozenset()
    assert LabelEvidence.from_json(STORED["classes"]).answer_count == 3
    assert LabelEvidence.from_json(STORED["a proposal"]).answer_count == 2
    assert LabelEvidence.from_json(STORED["answers without weights"]).answers == (AnswerWeight("5f0c", "a1", None),)
    [item] = LabelEvidence.from_json(STORED["objects"]).objects or ()
    assert item.as_object.geom.to_json() == OBJECT["geom"]
    assert LabelEvidence.from_json({}) == LabelEvidence()


def test_evidence_of_a_later_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"of version 2; this code reads up to 1\. Update Annotary"):
        LabelEvidence.from_json({"version": 2})


def loose_reads(source: str) -> list[int]:
    """The lines that read a part of evidence without its type: `label.evidence["n"]`, `.evidence.get("n")`."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Subscript | ast.Call):
            continue
        read = node.value if isinstance(node, ast.Subscript) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"get", "items"}:
            read = node.func.value
        if isinstance(read, ast.Attribute) and read.attr == "evidence":
            lines.append(node.lineno)
    return lines


def test_nobody_reads_stored_evidence_without_its_type() -> None:
    assert loose_reads("label.evidence['n']\nlabel.evidence.get('n', 0)\nlabel.evidence") == [1, 2]
    files = [path for folder in ("tasks", "workers_ui", "annotary") for path in (ROOT / folder).rglob("*.py")]
    found = {path.as_posix(): loose_reads(path.read_text(encoding="utf-8")) for path in files}
    assert {path: lines for path, lines in found.items() if lines} == {}
