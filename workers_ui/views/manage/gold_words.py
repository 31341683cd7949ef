"""What a manager reads of a suspended check image: its accepted answers, and what workers answered instead."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from accounts.selectors import display_names_for
from projects.models import Project
from tasks.annotation.selectors import current_bodies
from tasks.gold.models import Gold, GoldResult
from tasks.gold.selectors import results_of
from workers_ui.views.base import actor_of
from workers_ui.views.manage.label_formatting import describe_answer

#: Answers that are shown of one check image.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer to a check image, in words, and the workers who gave it. `assignment` is what a form sends to accept
    it."""

    assignment: int
    workers: list[Person]
    said: str
    why: str
    correct: bool


@dataclass(frozen=True, slots=True)
class SuspendedGold:
    """A suspended check image with its accepted answers in words, and the answers given, wrong ones first."""

    gold: Gold
    accepted: str
    given: int
    failed: int
    answers: list[GivenAnswer]


def suspended_row(request: HttpRequest, project: Project, gold: Gold) -> SuspendedGold:
    names = {row["number"]: row["name"] for row in project.schema.body["classes"]} if project.schema else {}
    rows = list(results_of(gold=gold)[:SHOWN])
    return SuspendedGold(
        gold=gold,
        accepted=" or ".join(describe_answer(body, names) for body in gold.accepted),
        given=len(rows),
        failed=sum(not row.correct for row in rows),
        answers=_given(request, project, rows, names),
    )


def _given(
    request: HttpRequest, project: Project, rows: Sequence[GoldResult], names: Mapping[int, str]
) -> list[GivenAnswer]:
    bodies = current_bodies(assignment_ids=[row.assignment_id for row in rows])
    people = display_names_for(
        actor_of(request),
        organisation_id=project.organisation_id,
        actors={str(row.worker.public_id) for row in rows},
    )
    answers: dict[str, GivenAnswer] = {}
    for row in rows:
        body = bodies.get(row.assignment_id)
        if body is None:
            continue
        same = answers.setdefault(
            json.dumps(body, sort_keys=True),
            GivenAnswer(row.assignment_id, [], describe_answer(body, names), row.why, row.correct),
        )
        worker = str(row.worker.public_id)
        same.workers.append(Person(worker, people[worker]))
    return sorted(answers.values(), key=lambda answer: answer.correct)
