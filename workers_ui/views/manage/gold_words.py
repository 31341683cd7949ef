"""What a manager reads of a suspended check image: its accepted answers, and what workers answered instead."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from accounts.selectors import display_names_for
from projects.models import Project
from tasks.annotation.selectors import current_bodies
from tasks.gold.models import Gold
from tasks.gold.selectors import results_of
from workers_ui.views.base import actor_of
from workers_ui.views.manage.label_formatting import describe_answer

#: Answers that are shown of one check image.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """A worker's answer to a check image, in words. `assignment` is what a form sends to accept it."""

    assignment: int
    worker: str
    name: str
    said: str
    why: str
    correct: bool


@dataclass(frozen=True, slots=True)
class SuspendedGold:
    """A suspended check image with its accepted answers in words, and the answers given, wrong ones first."""

    gold: Gold
    accepted: str
    failed: int
    answers: list[GivenAnswer]


def suspended_row(request: HttpRequest, project: Project, gold: Gold) -> SuspendedGold:
    names = {row["number"]: row["name"] for row in project.schema.body["classes"]} if project.schema else {}
    answers = _given(request, project, gold, names)
    return SuspendedGold(
        gold=gold,
        accepted=" or ".join(describe_answer(body, names) for body in gold.accepted),
        failed=sum(not answer.correct for answer in answers),
        answers=answers,
    )


def _given(request: HttpRequest, project: Project, gold: Gold, names: Mapping[int, str]) -> list[GivenAnswer]:
    rows = list(results_of(gold=gold)[:SHOWN])
    bodies = current_bodies(assignment_ids=[row.assignment_id for row in rows])
    people = display_names_for(
        actor_of(request),
        organisation_id=project.organisation_id,
        actors={str(row.worker.public_id) for row in rows},
    )
    given = [
        GivenAnswer(
            assignment=row.assignment_id,
            worker=str(row.worker.public_id),
            name=people[str(row.worker.public_id)],
            said=describe_answer(bodies[row.assignment_id], names) if row.assignment_id in bodies else "",
            why=row.why,
            correct=row.correct,
        )
        for row in rows
    ]
    return sorted(given, key=lambda answer: answer.correct)
