"""The evidence for one image's label: the answers, how much each counted, and the label's history."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from math import exp
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Role
from accounts.selectors import display_names, display_names_for
from annotary_core.aggregation.consolidated import ImagePosterior
from annotary_core.wording import format_count
from projects.models import Project
from projects.selectors import class_names, object_tools_of
from tasks.analytics.evidence_figures import AnswerFigures, answer_figures, drawers_of
from tasks.batching.models import Task
from tasks.batching.selectors import task_for
from tasks.consensus.evidence import LabelWithEvidence, TaskEvidence, WeighedAnswer, task_evidence
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.label_proposals import open_proposal_of
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.selectors import label_versions
from tasks.review.models import Review, StagePass
from tasks.review.selectors import sent_back_by, verdicts_of
from tasks.review.stages import passes_of
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page
from workers_ui.views.manage.label_formatting import (
    Names,
    class_name,
    describe_answer,
    describe_changes,
    describe_method,
    join_shortened,
)

#: Classes with their own bar; the rest share one line.
MAX_BARS = 12
#: Label colors of the design tokens; further answers repeat them, and each carries its number.
COLORS = 8
VERDICT_CHIPS = {
    Review.Verdict.APPROVE: ("Approved", "ok", "check"),
    Review.Verdict.FIX: ("Fixed and approved", "ok", "edit"),
    Review.Verdict.REJECT: ("Rejected", "bad", "x"),
}


#: What a template shows of one thing: its figures, with their display texts.
Row = dict[str, Any]


@require_safe
@project_role_required(Role.REVIEWER)
def task(request: HttpRequest, project: Project, task_id: uuid.UUID) -> HttpResponse:
    image_task = task_for(project=project, public_id=task_id)
    evidence = task_evidence(task=image_task)
    names = class_names(project=project)
    label = evidence["label"]
    workers = display_names_for(
        actor_of(request),
        organisation_id=project.organisation_id,
        actors=[answer["worker"] for answer in evidence["answers"] if not answer["model"]],
    )
    answers = answer_rows(evidence["answers"], label, names, workers=workers, figures=answer_figures(image_task))
    objects = object_rows(label, evidence["posterior"], answers, names)
    for row in answers:
        row["drew"] = describe_drawing(row["number"], row["drawn"], objects)
    context = {
        "task": image_task,
        "image": image_task.image,
        "label": label_card(label, evidence, names),
        "proposed": proposed_label(image_task, names),
        "target": project.confidence_target,
        "shares": share_rows(evidence["posterior"].get("class", {}), names),
        "objects": objects,
        "answers": answers,
        "wants_objects": bool(object_tools_of(project=project)),
        "history": whole_history(image_task, names),
        "desk": desk(project, image_task, label, answers, objects),
    }
    return render_project_page(request, project, "task.html", context, tab="review")


def label_card(label: LabelWithEvidence | None, evidence: TaskEvidence, names: Names) -> Row | None:
    if label is None:
        return None
    return {
        **label,
        "words": describe_answer(label["body"], names),
        "how": describe_method(label["method"]),
        "answers": len(evidence["answers"]),
        "by_people": label["method"] in SET_BY_PEOPLE,
    }


def proposed_label(image_task: Task, names: Names) -> Row | None:
    """Return what the newest estimates support instead of the approved label."""
    row = open_proposal_of(task=image_task)
    if row is None:
        return None
    return {"words": describe_answer(row.body, names), "confidence": row.confidence, "now": row.label_confidence}


def answer_rows(
    answers: Sequence[WeighedAnswer],
    label: LabelWithEvidence | None,
    names: Names,
    *,
    workers: Mapping[str, str],
    figures: Mapping[str, AnswerFigures],
) -> list[Row]:
    """Return one row per worker or model, numbered as on the image; workers: {public id: name}."""
    rows = []
    for number, answer in enumerate(answers, start=1):
        rows.append(
            {
                **answer,
                "number": number,
                "color": (number - 1) % COLORS + 1,
                "who": answer["model"] or workers[answer["worker"]],
                "known": figures.get(answer["annotation"]),
                "moved": describe_influence(answer["influence"]),
                "says": describe_worker_confusion(
                    answer["confusion"], label["body"]["image"]["class"] if label else None, names
                ),
                "words": describe_answer(answer["answer"], names),
                "differs": join_shortened(answer["differences"] or (), separator="; "),
                "drawn": len(answer["answer"]["objects"]),
            }
        )
    return rows


def share_rows(shares: Mapping[str, float], names: Names) -> list[Row]:
    """Return the classes by descending share."""
    ordered = sorted(shares.items(), key=lambda item: (-item[1], int(item[0])))
    rows = [{"name": class_name(names, int(number)), "share": share} for number, share in ordered[:MAX_BARS]]
    rest = ordered[MAX_BARS:]
    if rest:
        rows.append(
            {"name": format_count(len(rest), "more class", "more classes"), "share": sum(share for _, share in rest)}
        )
    return rows


def describe_influence(nats: float | None) -> str:
    """Describe how an answer changed the odds of the agreed class: "3 times more likely", "5 times less likely"."""
    if nats is None:
        return ""
    times = exp(min(abs(nats), 12.0))
    if times < 1.05:
        return "almost no effect"
    factor = "over 1,000" if times > 1000 else f"{times:,.1f}" if times < 10 else f"{round(times):,}"
    return f"made it {factor.removesuffix('.0')} times {'more' if nats > 0 else 'less'} likely"


def describe_worker_confusion(confusion: Mapping[str, float] | None, agreed: int | None, names: Names) -> str:
    """Describe how a worker answers images of the agreed class, if known: "for “cat” answers cat 70%, dog 22%"."""
    if not confusion or agreed is None:
        return ""
    top = sorted(confusion.items(), key=lambda item: -item[1])[:2]
    answers = ", ".join(f"{class_name(names, int(number))} {round(100 * p)}%" for number, p in top if p >= 0.01)
    return f"for “{class_name(names, agreed)}” answers {answers}"


def describe_drawing(number: int, drawn: int, objects: Sequence[Row]) -> str:
    """Describe how much of an answer is in the label: "drew 2 of its 3 objects, and 1 that is not in it"."""
    agreed = [item for item in objects if item["released"]]
    hits = sum(any(drawer == number for drawer, _ in item["by"]) for item in agreed)
    if not objects:
        return ""
    extra = max(0, drawn - hits)
    words = f"drew {hits} of its {format_count(len(agreed), 'object')}"
    return f"{words}, and {extra:,} that {'is' if extra == 1 else 'are'} not in it" if extra else words


def object_rows(
    label: LabelWithEvidence | None, posterior: ImagePosterior, answers: Sequence[Row], names: Names
) -> list[Row]:
    """Return the detected objects: first those in the label, numbered as on the image, then those left out."""
    posteriors = posterior.get("objects", {})
    in_label = {item["id"]: number for number, item in enumerate(label["body"]["objects"], 1)} if label else {}
    detected = (LabelEvidence.from_json(label["evidence"]).objects or ()) if label else ()
    drawers = drawers_of(detected, answers)
    rows = []
    for index, item in enumerate(each.to_json() for each in detected):
        decided = posteriors.get(item["id"])
        shares = share_rows(decided["class"] if decided else {}, names)
        rows.append(
            {
                **item,
                "number": in_label.get(item["id"]),
                "name": class_name(names, item["class"]),
                "by": drawers[index],
                "others": join_shortened(_shares_in_words(shares[1:])),
                "share": shares[0]["share"] if shares else None,
            }
        )
    return sorted(rows, key=lambda row: (row["number"] is None, row["number"] or 0, -row["existence"]))


def _shares_in_words(shares: Sequence[Row]) -> list[str]:
    """Return "leaf 12%" for each share that is not 0% when rounded."""
    percents = [(row["name"], round(100 * row["share"])) for row in shares]
    return [f"{name} {percent}%" for name, percent in percents if percent]


def whole_history(task: Task, names: Names) -> list[Row]:
    """Return the label's versions, the verdicts on them and the stages that they passed, newest first."""
    versions, verdicts = list(label_versions(task=task)), list(verdicts_of(task=task))
    steps = history(versions, verdicts, names, sent_back=sent_back_by(task=task))
    return sorted([*steps, *stage_history(list(passes_of(task=task)))], key=lambda step: step["at"], reverse=True)


def history(
    versions: Sequence[ConsensusLabel],
    verdicts: Sequence[Review],
    names: Names,
    *,
    sent_back: Collection[int] = (),
) -> list[Row]:
    """Return the label's versions and the verdicts on them, newest first; `versions` must be newest first too.

    sent_back: the row ids of the rejections that sent the image back.
    """
    steps = []
    for index, version in enumerate(versions):
        before = versions[index + 1] if index + 1 < len(versions) else None
        steps.append(
            {
                "at": version.created_at,
                "title": f"Version {version.version}: {describe_answer(version.body, names)}",
                "icon": "edit" if version.method in SET_BY_PEOPLE else "eye",
                "state": "",
                "text": _why(version, before, names),
                "confidence": None if version.method in SET_BY_PEOPLE else version.confidence,
                "how": describe_method(version.method),
                "now": version.is_current,
            }
        )
    for verdict in verdicts:
        word, state, icon = VERDICT_CHIPS[Review.Verdict(verdict.verdict)]
        steps.append(
            {
                "at": verdict.created_at,
                "title": f"{word}, version {verdict.label.version}",
                "icon": icon,
                "state": state if verdict.is_current else "",
                "text": _rejection(verdict, sent_back) if verdict.reason else _verdict_note(verdict),
                "how": "",
                "confidence": None,
                "now": False,
            }
        )
    return sorted(steps, key=lambda step: step["at"], reverse=True)


def stage_history(passes: Sequence[StagePass]) -> list[Row]:
    """Return what was decided in stages of review, and by whom."""
    people = display_names(actors={each.reviewer.public_id for each in passes})
    words = {"approve": "Passed", "fix": "Fixed in", "reject": "Rejected in"}
    return [
        {
            "at": each.created_at,
            "title": f"{words[each.verdict]} “{each.stage.name}”, version {each.label.version}",
            "icon": "seal",
            "state": "",
            "text": f"By {people[str(each.reviewer.public_id)]}.",
            "how": "",
            "confidence": None,
            "now": False,
        }
        for each in passes
    ]


def _why(version: ConsensusLabel, before: ConsensusLabel | None, names: Names) -> str:
    """Describe what changed in the version, and which answers were added or no longer count."""
    now, then = (_answer_weights(each) for each in (version, before))
    if before is None:
        return f"Based on {format_count(len(now), 'answer')}." if now else ""
    added, gone = len(now.keys() - then.keys()), len(then.keys() - now.keys())
    reweighted = sum(now[key] != then[key] for key in now.keys() & then.keys())
    is_redo = LabelEvidence.from_json(version.evidence).round != LabelEvidence.from_json(before.evidence).round
    parts = [
        describe_changes(before.body, version.body, names),
        "labeled again after a rejection" if is_redo else "",
        format_count(added, "new answer") if added else "",
        f"{format_count(gone, 'answer')} no longer counted" if gone and not is_redo else "",
        f"{format_count(reweighted, 'answer')} weighted differently" if reweighted and not added and not gone else "",
    ]
    sentence = "; ".join(part for part in parts if part)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _answer_weights(version: ConsensusLabel | None) -> dict[str, float]:
    answers = LabelEvidence.from_json(version.evidence).answers or () if version else ()
    return {each.annotation: 1.0 if each.weight is None else each.weight for each in answers}


def _rejection(verdict: Review, sent_back: Collection[int]) -> str:
    return f"{verdict.reason} Sent back to whoever gave this answer." if verdict.pk in sent_back else verdict.reason


def _verdict_note(verdict: Review) -> str:
    if verdict.by_policy:
        return "Approved with its batch, by policy. No one reviewed it."
    return "" if verdict.is_current else "Superseded by a later version or verdict."


def desk(
    project: Project, image_task: Task, label: LabelWithEvidence | None, answers: Sequence[Row], objects: Sequence[Row]
) -> Row:
    """Return what the page's script draws: the image, the agreed objects, each answer's objects, and those left out."""
    return {
        "schema": project.schema.body if project.schema else None,
        "image": {
            "url": f"{reverse('api:image-file', args=[image_task.image.public_id])}?kind=rendition",
            "width": image_task.image.width,
            "height": image_task.image.height,
        },
        "objects": label["body"]["objects"] if label else [],
        "answers": [
            {"number": row["number"], "color": row["color"], "objects": row["answer"]["objects"]} for row in answers
        ],
        "left_out": [{"tool": item["tool"], "geom": item["geom"]} for item in objects if not item["released"]],
    }
