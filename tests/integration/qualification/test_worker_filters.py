"""Worker filters: what the language says, whom a filter lets in, and that claims ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Actor, User
from projects.models import Project
from tasks.assignment.services import claim_hand
from tasks.flow.claim_any import claim_any
from tasks.qualification.errors import NotLetIn, WorkerFilterRefused
from tasks.qualification.filter_language import MAX_CONDITIONS, MAX_DEPTH, MAX_LENGTH, FilterError, parse
from tasks.qualification.skill_models import SkillValue
from tasks.qualification.skills import set_skill, skill_named
from tasks.qualification.worker_filters import is_let_in, preview_filter, set_worker_filter
from tests import factories, worker_actions

ADA = factories.ada


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


@pytest.fixture
def project(wren: Actor) -> Project:
    project = factories.a_project(workers=[wren, factories.finch()], hand_size=2, gold_rate=0)
    factories.some_tasks(project, 6)
    return project


def skilled(project: Project, worker: Actor, name: str, value: float | None) -> None:
    skill = skill_named(organisation=project.organisation, name=name)
    set_skill(skill=skill, worker=worker, value=value, source=SkillValue.Source.MANAGER, by=factories.ada())


def lets_in(project: Project, worker: Actor, text: str) -> bool:
    return is_let_in(project_id=project.pk, worker_id=worker.pk, text=text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("skill.cats >= 0.8", True),
        ("skill.cats > 0.8", False),
        ("skill.cats == 0.8 and skill.cats<=1", True),
        ("skill.cats != 0.8", False),
        ("skill.cats", True),
        ("skill.dogs", False),
        ("skill.dogs < 1", False),
        ("not skill.dogs", True),
        ("skill.taken", False),
        ("country = de", True),
        ("country != DE", False),
        ("country in (AT, DE)", True),
        ("country not in (AT, CH)", True),
        ("language = en", True),
        ("language in (fr, it)", False),
        ("device = phone", True),
        ("device != phone or skill.cats >= 0.5", True),
        ("skill.dogs or skill.cats and country = FR", False),
        ("(skill.dogs or skill.cats) and not country = FR", True),
    ],
)
def test_what_an_expression_says_of_a_worker(project: Project, wren: Actor, text: str, expected: bool) -> None:
    User.objects.filter(actor=wren).update(country="DE", languages=["de", "en"], device="phone")
    skilled(project, wren, "cats", 0.2)
    skilled(project, wren, "cats", 0.8)
    skilled(project, wren, "taken", 1)
    skilled(project, wren, "taken", None)
    skilled(project, factories.finch(), "dogs", 1)
    assert lets_in(project, wren, text) is expected


@pytest.mark.django_db
def test_who_has_said_nothing_is_in_no_country_and_has_no_skill(project: Project) -> None:
    finch = factories.finch()
    assert not lets_in(project, finch, "country in (DE, FR)")
    assert lets_in(project, finch, "country != DE")
    assert not lets_in(project, finch, "language = de")
    assert not lets_in(project, finch, "skill.cats < 5")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("skill.cats >=", "Expected a number after >= instead of the end. (character 14)"),
        ("skill.Cats > 1", "“skill.Cats” is no skill"),
        ("cats > 1", "Expected a condition instead of “cats”: skill.NAME, country, language or device. (character 1)"),
        ("country = Germany", "“Germany” cannot be compared with country: a country is two letters"),
        ("device = watch", "a device is phone, tablet or desktop"),
        ("country > DE", "Expected =, != or “in” after country instead of “>”"),
        ("(skill.a and skill.b", "Expected ) to close the parenthesis instead of the end"),
        ("skill.a skill.b", "Expected “and” or “or” before “skill.b”. (character 9)"),
        ("skill.a; DROP TABLE x", "“;” means nothing here. Remove it. (character 8)"),
        ("skill.a = 'x'", "“'” means nothing here"),
        ("country in DE", "Expected ( to begin the list"),
        ("not", "Expected a condition instead of the end"),
        ("not " * (MAX_DEPTH + 2) + "skill.a", "nested 20 deep at most"),
        (" or ".join(["skill.a"] * (MAX_CONDITIONS + 1)), "at most 50 conditions"),
        ("a" * (MAX_LENGTH + 1), "at most 1,000 characters"),
    ],
)
def test_an_error_says_what_is_wrong_and_where(text: str, says: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert says in str(error.value)


@given(st.text(alphabet="skil.acountryde ()<>=!,0159notandorin%{}'\\\";-_\0é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        assert 1 <= error.position <= MAX_LENGTH + 1


@pytest.mark.django_db
def test_claims_ask_and_a_set_in_progress_stays(project: Project, wren: Actor) -> None:
    skilled(project, wren, "cats", 0.9)
    set_worker_filter(project=project, text="skill.cats >= 0.8", by=ADA())
    hand = worker_actions.take(wren, project)
    with pytest.raises(NotLetIn):
        claim_hand(worker=factories.finch(), project=project)
    assert claim_any(worker=factories.finch()) is None
    skilled(project, wren, "cats", 0.1)
    found = claim_hand(worker=wren, project=project)
    assert found is not None and found.pk == hand.pk
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    with pytest.raises(NotLetIn):
        claim_hand(worker=wren, project=project)


@pytest.mark.django_db
def test_a_preview_counts_and_a_bad_filter_changes_nothing(project: Project, wren: Actor) -> None:
    skilled(project, wren, "cats", 0.9)
    preview = preview_filter(project=project, text="skill.cats > 0.5")
    assert (preview.workers, preview.let_in) == (2, 1)
    set_worker_filter(project=project, text="skill.cats > 0.5", by=ADA())
    for bad in ("skill.cats >", "skill.owls > 1"):
        with pytest.raises(WorkerFilterRefused):
            set_worker_filter(project=project, text=bad, by=ADA())
    project.refresh_from_db()
    assert project.worker_filter == "skill.cats > 0.5"
