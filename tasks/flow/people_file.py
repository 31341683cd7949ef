"""Reads files of people: a column of addresses, and others that say what each of them gets. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tasks.flow.errors import PeopleFileRefused
from tasks.ingest.errors import TableRefused
from tasks.ingest.tables import read_rows
from tasks.qualification.skills import is_skill_name, read_value

MAX_BYTES, MAX_LINES = 500_000, 2_000
ADDRESS_COLUMNS = ("email", "mail", "e-mail", "address", "email address")
SKILL_PREFIX = "skill."
MAX_EMAIL = 254


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A line of a file: the address in lower case, what the person gets, and what is wrong, if anything is.

    `grants` are as in `people_grants`, but with the name of the team in place of its id.
    The header is line 1.
    """

    line: int
    email: str
    grants: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def read_people(content: bytes, *, most: int = MAX_LINES) -> list[PersonLine]:
    """Parse a CSV file of people. Raises PeopleFileRefused for a file that cannot be read at all."""
    try:
        rows = list(read_rows(content, max_bytes=MAX_BYTES))
    except TableRefused as error:
        raise PeopleFileRefused(error.detail) from error
    if not rows:
        raise PeopleFileRefused("The file is empty. Its first line must name the columns, one of them email.")
    headings = _headings(rows[0][1])
    if len(rows) == 1:
        raise PeopleFileRefused("The file has a header and no people. Add a line for each person.")
    if len(rows) - 1 > most:
        raise PeopleFileRefused(f"The file has {len(rows) - 1:,} people, and at most {most:,} go at once. Split it.")
    people = [_person(number, headings, cells) for number, cells in rows[1:]]
    return _without_repeats(people)


def _headings(cells: Sequence[str]) -> list[str]:
    headings = [cell.strip().lower() for cell in cells]
    if "@" in "".join(headings):
        raise PeopleFileRefused("The first line must name the columns. Put the word email above the addresses.")
    headings = ["email" if heading in ADDRESS_COLUMNS else heading for heading in headings]
    named = [heading for heading in headings if heading]
    if "email" not in named:
        raise PeopleFileRefused("No column contains the addresses. Name that column email.")
    if len(set(named)) != len(named):
        raise PeopleFileRefused("Two columns have the same name. Rename or remove one of them.")
    unknown = [each for each in named if each not in KNOWN and not is_skill_column(each)]
    if unknown:
        raise PeopleFileRefused(
            f"The column “{unknown[0][:60]}” is unknown. Remove it; possible are email, team and skill.NAME,"
            " where NAME is lower-case letters, digits and _."
        )
    return headings


def is_skill_column(heading: str) -> bool:
    return heading.startswith(SKILL_PREFIX) and is_skill_name(heading.removeprefix(SKILL_PREFIX))


KNOWN = frozenset({"email", "team"})


def _person(number: int, headings: Sequence[str], cells: Sequence[str]) -> PersonLine:
    row = {heading: cell.strip() for heading, cell in zip(headings, cells, strict=False) if heading}
    email = row.get("email", "").lower()
    if any(cell.strip() for cell in cells[len(headings) :]):
        return PersonLine(number, email, problem="This line has more cells than the header. Remove the last ones.")
    if problem := _address_problem(email):
        return PersonLine(number, email[:MAX_EMAIL], problem=problem)
    skills: dict[str, float | None] = {}
    for heading, cell in row.items():
        if heading.startswith(SKILL_PREFIX) and cell:
            problem, value = read_value(cell)
            if problem:
                return PersonLine(number, email, problem=f"{heading}: {problem}")
            skills[heading.removeprefix(SKILL_PREFIX)] = value
    grants: dict[str, Any] = {"skills": skills} if skills else {}
    return PersonLine(number, email, {**grants, "team": row["team"]} if row.get("team") else grants)


def _address_problem(email: str) -> str:
    if not email:
        return "This line has no address. Fill it in or remove the line."
    try:
        validate_email(email)
    except ValidationError:
        return "This is not an email address. Write it like jo@example.org, without a name."
    return "" if len(email) <= MAX_EMAIL else "This address is too long. Check it."


def _without_repeats(people: Sequence[PersonLine]) -> list[PersonLine]:
    first: dict[str, int] = {}
    checked = []
    for each in people:
        line = first.setdefault(each.email, each.line) if not each.problem else each.line
        repeats = f"The same address is in line {line}. Remove one of the two."
        checked.append(each if line == each.line else PersonLine(each.line, each.email, each.grants, repeats))
    return checked
