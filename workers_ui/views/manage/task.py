"""All that stands behind one image's label: the answers, what each counted, and how the label came to be."""

import uuid
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Role
from kernel.errors import NotFound
from projects.models import Project
from tasks.analytics.evidence_figures import Figures, answer_figures, drawn_by
from tasks.batching.models import Task
from tasks.consensus.evidence import task_evidence
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import ConsensusLabel
from tasks.review.models import Review
from tasks.review.selectors import verdicts_of
from workers_ui.views.manage.base import for_project, project_page
from workers_ui.views.manage.label_formatting import (
    Names,
    answer_words,
    changes_words,
    class_names,
    listed,
    many,
    method_words,
    name_of,
    pseudonym,
)

#: Classes with a bar of their own; the rest are one line.
BARS = 12
#: Label colours of the design tokens; answers beyond repeat them, and every one carries its number.
COLOURS = 8
VERDICT_WORDS = {
    Review.Verdict.APPROVE: ("Approved", "ok", "check"),
    Review.Verdict.FIX: ("Fixed and approved", "ok", "edit"),
    Review.Verdict.REJECT: ("Rejected", "bad", "x"),
}

Json = dict[str, Any]


@require_safe
@for_project(Role.REVIEWER)
def task(request: HttpRequest, project: Project, task_id: uuid.UUID) -> HttpResponse:
    found = Task.objects.select_related("image", "batch", "project").filter(project=project, public_id=task_id).first()
    if found is None:
        raise NotFound("This image is not in this project, or it was removed.")
    evidence = task_evidence(task=found)
    names = class_names(project=project)
    label = evidence["label"]
    answers = answer_rows(evidence["answers"], label, names, figures=answer_figures(found))
    objects = object_rows(evidence, answers, names)
    for row in answers:
        row["drew"] = drew_words(row["number"], row["boxes"], objects)
    context = {
        "task": found,
        "image": found.image,
        "label": label_card(label, evidence, names),
        "target": project.confidence_target,
        "shares": share_rows(evidence["posterior"].get("class") or {}, names),
        "objects": objects,
        "answers": answers,
        "wants_boxes": bool(project.schema and set(project.schema.body["tools"]) - {"class"}),
        "history": history(
            list(ConsensusLabel.objects.filter(task=found).order_by("-version")), list(verdicts_of(task=found)), names
        ),
        "desk": desk(project, found, label, answers, objects),
    }
    return project_page(request, project, "task.html", context, tab="review")


def label_card(label: Json | None, evidence: Json, names: Names) -> Json | None:
    if label is None:
        return None
    return {
        **label,
        "words": answer_words(label["body"], names),
        "how": method_words(label["method"]),
        "answers": len(evidence["answers"]),
        "by_people": label["method"] in SET_BY_PEOPLE,
    }


def answer_rows(
    answers: Sequence[Json], label: Json | None, names: Names, *, figures: Mapping[str, Figures]
) -> list[Json]:
    """One row a worker or model, numbered as on the image."""
    agreed = answer_words(label["body"], names) if label else ""
    rows = []
    for number, given in enumerate(answers, start=1):
        words = answer_words(given["answer"], names)
        rows.append(
            {
                **given,
                "number": number,
                "colour": (number - 1) % COLOURS + 1,
                "who": given.get("model") or pseudonym(given["worker"]),
                "known": figures.get(given["annotation"]),
                "moved": moved_words(given.get("influence")),
                "says": says_words(given.get("confusion"), label["body"]["image"]["class"] if label else None, names),
                "words": words,
                "differs": bool(agreed) and words != agreed,
                "boxes": sum(item["tool"] == "box" for item in given["answer"]["objects"]),
            }
        )
    return rows


def share_rows(shares: Mapping[str, float], names: Names) -> list[Json]:
    """The classes by falling share."""
    ordered = sorted(shares.items(), key=lambda item: (-item[1], int(item[0])))
    rows = [{"name": name_of(names, int(number)), "share": share} for number, share in ordered[:BARS]]
    rest = ordered[BARS:]
    if rest:
        rows.append({"name": many(len(rest), "more class", "more classes"), "share": sum(share for _, share in rest)})
    return rows


def moved_words(nats: float | None) -> str:
    """What an answer did to the odds of the agreed class: "3 times likelier", "5 times less likely"."""
    if nats is None:
        return ""
    times = exp(min(abs(nats), 12.0))
    if times < 1.05:
        return "hardly moved it"
    said = "over 1,000" if times > 1000 else f"{times:,.1f}" if times < 10 else f"{round(times):,}"
    return f"made it {said.removesuffix('.0')} times {'likelier' if nats > 0 else 'less likely'}"


def says_words(confusion: Mapping[str, float] | None, agreed: int | None, names: Names) -> str:
    """What a worker says of images of the agreed class, where that is known: "of “cat” says cat 70 %, dog 22 %"."""
    if not confusion or agreed is None:
        return ""
    most = sorted(confusion.items(), key=lambda item: -item[1])[:2]
    said = ", ".join(f"{name_of(names, int(number))} {round(100 * p)} %" for number, p in most if p >= 0.01)
    return f"of “{name_of(names, agreed)}” says {said}"


def drew_words(number: int, boxes: int, objects: Sequence[Json]) -> str:
    """What of an answer is in the label: "drew 2 of its 3 objects, 1 that was left out"."""
    agreed = [item for item in objects if item["released"]]
    hits = sum(any(drawer == number for drawer, _ in item["by"]) for item in agreed)
    if not objects:
        return ""
    extra = max(0, boxes - hits)
    said = f"drew {hits} of its {many(len(agreed), 'object')}"
    return f"{said}, and {extra:,} that {'is' if extra == 1 else 'are'} not in it" if extra else said


def object_rows(evidence: Json, answers: Sequence[Json], names: Names) -> list[Json]:
    """The objects that were found, those of the label first and numbered as on the image; then those left out."""
    belief = evidence["posterior"].get("objects") or {}
    label = evidence["label"]
    in_label = {item["id"]: place for place, item in enumerate(label["body"]["objects"], 1)} if label else {}
    found = (label["evidence"].get("objects") or []) if label else []
    by = drawn_by([item["geom"] for item in found], answers)
    rows = []
    for place, item in enumerate(found):
        shares = share_rows((belief.get(item["id"]) or {}).get("class") or {}, names)
        rows.append(
            {
                **item,
                "number": in_label.get(item["id"]),
                "name": name_of(names, item["class"]),
                "by": by[place],
                "others": listed(f"{row['name']} {round(100 * row['share'])} %" for row in shares[1:]),
                "share": shares[0]["share"] if shares else None,
            }
        )
    return sorted(rows, key=lambda row: (row["number"] is None, row["number"] or 0, -row["existence"]))


def history(versions: Sequence[ConsensusLabel], verdicts: Sequence[Review], names: Names) -> list[Json]:
    """Versions of the label and verdicts on them, the newest first; `versions` come newest first too."""
    steps = []
    for place, version in enumerate(versions):
        before = versions[place + 1] if place + 1 < len(versions) else None
        steps.append(
            {
                "at": version.created_at,
                "title": f"Version {version.version}: {answer_words(version.body, names)}",
                "icon": "edit" if version.method in SET_BY_PEOPLE else "eye",
                "state": "",
                "text": _why(version, before, names),
                "confidence": None if version.method in SET_BY_PEOPLE else version.confidence,
                "how": method_words(version.method),
                "now": version.is_current,
            }
        )
    for verdict in verdicts:
        word, state, icon = VERDICT_WORDS[Review.Verdict(verdict.verdict)]
        steps.append(
            {
                "at": verdict.created_at,
                "title": f"{word}, version {verdict.label.version}",
                "icon": icon,
                "state": state if verdict.is_current else "",
                "text": verdict.reason or _verdict_note(verdict),
                "how": "",
                "confidence": None,
                "now": False,
            }
        )
    return sorted(steps, key=lambda step: step["at"], reverse=True)


def _why(version: ConsensusLabel, before: ConsensusLabel | None, names: Names) -> str:
    """What the version says otherwise, and which answers are new behind it or count no more."""
    now, then = (_answers_behind(each) for each in (version, before))
    if before is None:
        return f"From {many(len(now), 'answer')}." if now else ""
    fresh, gone = len(now.keys() - then.keys()), len(then.keys() - now.keys())
    weighed = sum(now[key] != then[key] for key in now.keys() & then.keys())
    is_redo = version.evidence.get("round") != before.evidence.get("round")
    said = [
        changes_words(before.body, version.body, names),
        "labelled again after a rejection" if is_redo else "",
        many(fresh, "new answer") if fresh else "",
        f"{many(gone, 'answer')} no longer counted" if gone and not is_redo else "",
        f"{many(weighed, 'answer')} counted differently" if weighed and not fresh and not gone else "",
    ]
    words = "; ".join(part for part in said if part)
    return f"{words[:1].upper()}{words[1:]}."


def _answers_behind(version: ConsensusLabel | None) -> dict[str, float]:
    behind = version.evidence.get("answers") or [] if version else []
    return {given["annotation"]: given.get("weight", 1.0) for given in behind}


def _verdict_note(verdict: Review) -> str:
    if verdict.by_policy:
        return "With its batch, by policy: nobody looked at it."
    return "" if verdict.is_current else "A later version or verdict has taken its place."


def desk(project: Project, found: Task, label: Json | None, answers: Sequence[Json], objects: Sequence[Json]) -> Json:
    """What the page's script draws: the image, the agreed objects, everybody's, and those left out."""
    return {
        "schema": project.schema.body if project.schema else None,
        "image": {
            "url": f"{reverse('api:image-file', args=[found.image.public_id])}?kind=rendition",
            "width": found.image.width,
            "height": found.image.height,
        },
        "objects": label["body"]["objects"] if label else [],
        "answers": [
            {"number": row["number"], "colour": row["colour"], "objects": row["answer"]["objects"]} for row in answers
        ],
        "left_out": [{"geom": item["geom"]} for item in objects if not item["released"]],
    }
