"""The HTML report of a run: one self-contained file, stored next to the release."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.template import Context, Engine

from annotary.demo.pictures import Drawing, Picture
from annotary_core.labels.matching import SAME_OBJECT
from annotary_core.wording import format_count

HERE = Path(__file__).parent
KIND_WORDS = {"careful": "Careful", "average": "Average", "careless": "Careless", "spammer": "Spammers"}
STEP_WORDS = {
    "single_workers": "One worker alone",
    "agreed_before_review": "The crowd together",
    "release": "The release, after review",
}
REVIEW_WORDS = {
    "by policy": "confident, and approved with their batch",
    "reviewed": "checked by the reviewer and correct",
    "fixed by a reviewer": "corrected by the reviewer",
    "answered by the owner": "known in advance (check images)",
}
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
# CSS pixels: the frame of a sample image on a wide screen, and the font size of its captions.
FRAME, SMALL_LETTERS = (320, 240), 11.5
# Setup steps are shown separately: they happen once, not once per job.
SETUP = frozenset({"Draw scenes", "Start Annotary", "Read images and labels"})


def render(summary: Mapping[str, Any], pictures: Sequence[Picture]) -> str:
    """Render the report as HTML."""
    engine = Engine(dirs=[str(HERE / "templates")], autoescape=True)
    context = {
        "css": (HERE / "templates" / "report.css").read_text(encoding="utf-8"),
        "mark": (HERE / "templates" / "mark.svg").read_text(encoding="utf-8"),
        "when": datetime.now().astimezone().strftime("%B %d, %Y, %H:%M %Z"),
        "summary": summary,
        "pictures": [_picture(picture) for picture in pictures],
        "objects": summary["objects"],
        "same_object": _percent(SAME_OBJECT, 0),
        "measure": f"{summary['objects']['one']} F1"
        if summary["objects"]
        else "the share of images with the correct class",
        "steps": _steps(summary),
        "kinds": _kinds(summary),
        "stages": _bars(summary["seconds"].items(), apart=SETUP),
        "job_seconds": _seconds(sum(v for name, v in summary["seconds"].items() if name not in SETUP)),
        "tiles": _tiles(summary),
        "splits": _parts(summary["release"]["counts"]["splits"], SPLIT_WORDS),
        "reviews": _parts(summary["release"]["counts"]["review"], REVIEW_WORDS),
        "classes": _classes(summary),
        "exports": [_export(form, export, summary["objects"]) for form, export in summary["exports"].items()],
        "agreement": _percent(summary["agreement_between_workers"]),
        "confidence": _percent(summary["confidence"]),
        "caught": _caught(summary),
    }
    return engine.get_template("report.html").render(Context(context))


def headline(figures: Mapping[str, Any]) -> float | None:
    """Return F1 if objects are labeled, else class accuracy."""
    value = figures.get("f1", figures.get("accuracy"))
    return None if value is None else float(value)


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{int(value // 60)} min {int(value % 60)} s"


def _steps(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, words in STEP_WORDS.items():
        figures = summary["quality"][name]
        value = headline(figures)
        rows.append(
            {
                "words": words,
                "width": round(100 * (value or 0), 2),
                "value": _percent(value),
                "precision": _percent(figures.get("precision")),
                "recall": _percent(figures.get("recall")),
                "f1": _percent(figures.get("f1")),
                "similarity": _percent(figures.get("mean_similarity")),
                "accuracy": _percent(figures.get("accuracy")),
                "exact": _percent(figures["exact"] / figures["images"] if figures["images"] else None),
                "certified": name == "release",
            }
        )
    return rows


def _kinds(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "words": words,
            "kind": kind,
            "value": _percent(headline(summary["quality"]["by_kind"][kind])),
            "people": [_person(each) for each in summary["workers"] if each["kind"] == kind],
        }
        for kind, words in KIND_WORDS.items()
        if kind in summary["quality"]["by_kind"]
    ]


def _person(person: Mapping[str, Any]) -> dict[str, Any]:
    right = person["right"]
    return {
        "name": person["name"].replace("-", " ").capitalize(),
        "width": round(100 * (right or 0), 2),
        "value": _percent(right, 0),
        "answers": person["answers"],
        "checks": f"{person['checks_right']} of {format_count(person['checks_seen'], 'check')}",
        "paused": person["paused"],
    }


def _caught(summary: Mapping[str, Any]) -> dict[str, Any]:
    caught = summary["caught_by_check_images"]
    spammers = sum(person["kind"] == "spammer" for person in summary["workers"])
    return {
        "people": [person["name"].replace("-", " ") for person in caught],
        "spammers": sum(person["kind"] == "spammer" for person in caught),
        "of": spammers,
        "others": sum(person["kind"] != "spammer" for person in caught),
    }


def _bars(rows: Iterable[tuple[str, float]], *, apart: frozenset[str]) -> list[dict[str, Any]]:
    listed = list(rows)
    longest = max((value for _, value in listed), default=1) or 1
    return [
        {"words": name, "width": round(100 * value / longest, 2), "value": _seconds(value), "apart": name in apart}
        for name, value in listed
    ]


def _tiles(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    counts, money, quality = summary["counts"], summary["money"], summary["quality"]
    return [
        {"value": _percent(headline(quality["release"])), "words": "accuracy of the release", "gold": "1"},
        {"value": _percent(headline(quality["single_workers"])), "words": "accuracy of one worker alone"},
        {"value": f"{counts['answers_per_image'] or 0:.2f}", "words": "answers per image"},
        {
            "value": f"{float(money['spent']):.2f} {money['currency']}",
            "words": f"spent on {format_count(counts['answers'], 'answer')}",
        },
    ]


def _parts(counts: Mapping[str, int], words: Mapping[str, str]) -> list[dict[str, Any]]:
    total = sum(counts.values()) or 1
    return [
        {"words": words.get(name, name.replace("_", " ")), "count": count, "width": round(100 * count / total, 3)}
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
    ]


def _classes(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = summary["released_by_class"]
    most = max(counts.values(), default=1)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"words": name, "count": count, "width": round(100 * count / most, 2)} for name, count in ordered]


def _export(form: str, export: Mapping[str, Any], words: Mapping[str, str] | None) -> dict[str, Any]:
    report = export["report"]
    return {
        "form": form,
        "title": {"coco": "COCO JSON", "imagenet": "ImageNet style"}.get(form, form),
        "images": report["images"],
        "objects": report["objects"],
        "words": "" if words is None else words["one" if report["objects"] == 1 else "many"],
        "size": f"{export['size'] / 1_000_000:.1f} MB",
        "sha256": export["sha256"],
        "left_out": [{"count": entry["count"], "why": entry["why"]} for entry in report["left_out"].values()],
    }


def _picture(picture: Picture) -> dict[str, Any]:
    # Text is sized in image pixels; this many of them match the page's small font size.
    font = SMALL_LETTERS * max(picture.width / FRAME[0], picture.height / FRAME[1])
    return {
        "it": picture,
        "confidence": _percent(picture.confidence, 0),
        "font": round(font, 2),
        "tags": [_tag(drawing, picture.width, font) for drawing in picture.agreed],
    }


def _tag(drawing: Drawing, width: int, font: float) -> dict[str, Any]:
    """Place the class name above its object, or below it at the top edge; right-aligned at the right edge."""
    left, top, right, bottom = drawing.bounds
    at_top = top < 1.4 * font
    at_right = left + 0.62 * font * len(drawing.name) > width
    return {
        "name": drawing.name,
        "x": round(right if at_right else left, 2),
        "y": round(bottom + 1.1 * font if at_top else top - 0.4 * font, 2),
        "anchor": "end" if at_right else "start",
    }
