"""Skills: values with their history, from a manager, an exam and CSV."""

import pytest

from accounts.models import Actor
from projects.models import Project
from tasks.qualification.errors import SkillRefused
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.qualification.skills import MAX_ROWS, current_skills, import_skills, set_skill, skill_history, skill_named
from tests import factories
from tests.qualifications import a_qualification, take_exam

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


@pytest.fixture
def project(wren: Actor) -> Project:
    return factories.a_project(workers=[wren, factories.finch()])


def imported(project: Project, *lines: str, head: str = "worker,skill,value") -> object:
    content = "\r\n".join([head, *lines]).encode("utf-8-sig")
    return import_skills(organisation=project.organisation, content=content, by=factories.ada())


def values(project: Project, worker: Actor) -> dict[str, float | None]:
    return {row.skill.name: row.value for row in current_skills(organisation=project.organisation, worker=worker)}


def test_every_value_stays_in_the_history(project: Project, wren: Actor) -> None:
    skill = skill_named(organisation=project.organisation, name="cats")
    for value in (0.5, 0.7, 0.7, None):
        set_skill(skill=skill, worker=wren, value=value, source="manager", by=factories.ada())
    history = skill_history(organisation=project.organisation, worker=wren)
    assert [(row.value, row.is_current) for row in history] == [(None, True), (0.7, False), (0.5, False)]
    assert values(project, wren) == {}


def test_an_exam_sets_its_skill_whether_passed_or_not(project: Project, wren: Actor) -> None:
    row = a_qualification(project, skill=skill_named(organisation=project.organisation, name="cats"))
    take_exam(wren, row, wrong=4)
    assert values(project, wren) == {"cats": 0.0}
    take_exam(wren, row, wrong=1)
    assert values(project, wren) == {"cats": 0.75}
    assert set(SkillValue.objects.values_list("source", flat=True)) == {"exam"}


def test_a_file_sets_many(project: Project, wren: Actor) -> None:
    finch = factories.finch()
    report = imported(
        project, f"{wren.public_id},cats,0.9", f"{finch.public_id},dogs,-2", "", f"{wren.public_id},owls,"
    )
    assert (report.rows, report.changed, report.problems) == (3, 2, ())  # type: ignore[attr-defined]
    assert values(project, wren) == {"cats": 0.9}
    assert values(project, finch) == {"dogs": -2.0}


def test_a_file_with_a_problem_sets_nothing_and_names_the_lines(project: Project, wren: Actor) -> None:
    stranger = factories.a_worker("owen")
    report = imported(
        project,
        f"{wren.public_id},cats,0.9",
        f"{stranger.public_id},cats,0.9",
        f"{wren.public_id},=cmd(),1",
        f"{wren.public_id},dogs,much",
        f"{wren.public_id},dogs,nan",
        f"{wren.public_id},cats,0.1",
    )
    assert [row.line for row in report.problems] == [3, 4, 5, 6, 7]  # type: ignore[attr-defined]
    assert "in line 2 already" in report.problems[-1].problem  # type: ignore[attr-defined]
    assert not SkillValue.objects.exists() and not Skill.objects.exists()


@pytest.mark.parametrize(
    ("head", "lines", "says"),
    [
        ("id,skill", [], "must name the columns"),
        ("worker,skill,value", ["x,y,1"] * (MAX_ROWS + 1), "at most 10,000"),
        ("worker,skill,value", ['"x'], "CSV"),
        ("worker,skill,value", ["x" * 1_000_001], "kB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(project: Project, head: str, lines: list[str], says: str) -> None:
    with pytest.raises(SkillRefused, match=says):
        imported(project, *lines, head=head)


def test_names_and_values_are_checked(project: Project, wren: Actor) -> None:
    for name in ("Cats", "1cat", "cats and dogs", "x" * 41, ""):
        with pytest.raises(SkillRefused):
            skill_named(organisation=project.organisation, name=name)
    skill = skill_named(organisation=project.organisation, name="cats")
    for value in (float("nan"), float("inf"), 1e9):
        with pytest.raises(SkillRefused):
            set_skill(skill=skill, worker=wren, value=value, source="manager", by=factories.ada())
