"""Skills of workers: set by an exam, a manager or a CSV file, with every earlier value kept."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Actor, Organisation
from kernel.clock import database_now
from kernel.locks import lock_named
from kernel.statements import insert_unless_exists
from tasks.ingest.errors import TableRefused
from tasks.ingest.tables import read_rows
from tasks.qualification.errors import SkillRefused
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.standing.models import Standing

MAX_SKILLS = 200
MAX_ROWS, MAX_BYTES = 10_000, 1_000_000
LARGEST = 1_000_000.0
COLUMNS = ("worker", "skill", "value")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a line of a file; the first line below the header is 2."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class SkillReport:
    """How many values a file set; with problems, none."""

    rows: int
    changed: int
    problems: tuple[RowProblem, ...]


def skill_named(*, organisation: Organisation, name: str) -> Skill:
    """Return the organization's skill of this name, which is created if there is none. Raises SkillRefused."""
    found = Skill.objects.filter(organisation=organisation, name=name).first()
    if found is not None:
        return found
    if not _NAME.fullmatch(name):
        raise SkillRefused("A skill's name begins with a lower-case letter and has letters, digits and _, at most 40.")
    if Skill.objects.filter(organisation=organisation).count() >= MAX_SKILLS:
        raise SkillRefused(f"An organization has at most {MAX_SKILLS} skills. Use one of them.")
    insert_unless_exists(Skill(organisation=organisation, name=name))
    return Skill.objects.get(organisation=organisation, name=name)


@transaction.atomic
def set_skill(*, skill: Skill, worker: Actor, value: float | None, source: str, by: Actor | None) -> SkillValue | None:
    """Locks the worker's values of the skill. Set a value, or take the skill away with None; the old one stays as
    history. Returns None if nothing changes. Raises SkillRefused for what is no number."""
    if value is not None and not (math.isfinite(value) and abs(value) <= LARGEST):
        raise SkillRefused(f"A skill's value is a number from {-LARGEST:,.0f} to {LARGEST:,.0f}.")
    lock_named(f"skill:{skill.pk}:{worker.pk}")
    current = SkillValue.objects.filter(skill=skill, worker=worker, is_current=True)
    before = current.first()
    is_same = before is not None and before.value == value and source != SkillValue.Source.EXAM
    if is_same or (before is None and value is None):
        return None
    current.update(is_current=False)
    return SkillValue.objects.create(
        skill=skill, worker=worker, value=value, source=source, set_by=by, created_at=database_now()
    )


@transaction.atomic
def import_skills(*, organisation: Organisation, content: bytes, by: Actor) -> SkillReport:
    """Set skills from a CSV file with the columns worker (id), skill and value; an empty value takes the skill away.

    All of its rows, or none if one has a problem. Raises SkillRefused for a file that cannot be read at all.
    """
    lines = _read(content)
    workers = _workers_of(organisation, [line[0] for _, line in lines])
    problems: list[RowProblem] = []
    rows: list[tuple[Actor, str, float | None]] = []
    seen: dict[tuple[str, str], int] = {}
    for number, (worker_id, name, raw) in lines:
        worker = workers.get(worker_id.lower())
        problem, value = _check(worker, name, raw)
        first = seen.setdefault((worker_id.lower(), name), number)
        if not problem and first != number:
            problem = f"The same skill and worker are in line {first} already. Remove one of the two."
        if problem or worker is None:
            problems.append(RowProblem(number, problem))
        else:
            rows.append((worker, name, value))
    if problems:
        return SkillReport(len(lines), 0, tuple(problems))
    skills = {name: skill_named(organisation=organisation, name=name) for name in sorted({row[1] for row in rows})}
    # In one order, or two files at once could wait for each other.
    ordered = sorted(rows, key=lambda row: (skills[row[1]].pk, row[0].pk))
    set_values = [
        set_skill(skill=skills[name], worker=worker, value=value, source=SkillValue.Source.CSV, by=by)
        for worker, name, value in ordered
    ]
    return SkillReport(len(lines), sum(each is not None for each in set_values), ())


def skills_of_organisation(*, organisation: Organisation) -> QuerySet[Skill]:
    """Return the organization's skills by name."""
    return Skill.objects.filter(organisation=organisation).order_by("name")


def current_skills(*, organisation: Organisation, worker: Actor) -> QuerySet[SkillValue]:
    """Return the worker's skills by name."""
    rows = SkillValue.objects.filter(skill__organisation=organisation, worker=worker, is_current=True)
    return rows.exclude(value=None).select_related("skill").order_by("skill__name")


def skill_history(*, organisation: Organisation, worker: Actor) -> QuerySet[SkillValue]:
    """Return every value that the worker has had, newest first."""
    rows = SkillValue.objects.filter(skill__organisation=organisation, worker=worker)
    return rows.select_related("skill", "set_by").order_by("-pk")


def _read(content: bytes) -> list[tuple[int, tuple[str, str, str]]]:
    try:
        rows = list(read_rows(content, max_bytes=MAX_BYTES))
    except TableRefused as error:
        raise SkillRefused(error.detail) from error
    if not rows or tuple(cell.strip().lower() for cell in rows[0][1]) != COLUMNS:
        raise SkillRefused(f"The first line must name the columns: {','.join(COLUMNS)}.")
    if len(rows) - 1 > MAX_ROWS:
        raise SkillRefused(
            f"This file has {len(rows) - 1:,} rows, and at most {MAX_ROWS:,} are read at once. Split it."
        )
    padded = [(number, [*(cell.strip() for cell in row[:3]), "", "", ""]) for number, row in rows[1:]]
    return [(number, (row[0], row[1], row[2])) for number, row in padded]


def _workers_of(organisation: Organisation, ids: Sequence[str]) -> dict[str, Actor]:
    known = []
    for each in ids:
        try:
            known.append(UUID(each))
        except ValueError:
            continue
    rows = Standing.objects.filter(project__organisation=organisation, worker__public_id__in=known)
    return {str(row.worker.public_id): row.worker for row in rows.select_related("worker")}


def _check(worker: Actor | None, name: str, raw: str) -> tuple[str, float | None]:
    """Return what is wrong with a row, or nothing, and its value."""
    if worker is None:
        return "No worker of your organization has this id. Copy it from the list of workers.", None
    if not _NAME.fullmatch(name):
        return "The skill's name must be lower-case letters, digits and _, beginning with a letter.", None
    if not raw:
        return "", None
    return read_value(raw)


def read_value(raw: str) -> tuple[str, float | None]:
    """Return what is wrong with a skill's value in a file, or nothing, and the value."""
    try:
        value = float(raw)
    except ValueError:
        return "The value must be a number, with a point for decimals, or empty to take the skill away.", None
    if not (math.isfinite(value) and abs(value) <= LARGEST):
        return f"The value must be from {-LARGEST:,.0f} to {LARGEST:,.0f}.", None
    return "", value


def is_skill_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
