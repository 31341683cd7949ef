"""A project opens if there is work, changes state by compare-and-swap, and is visible only to those with access."""

import uuid

import pytest

from accounts.models import Actor
from kernel.errors import Forbidden, NotFound, TransitionRefused
from projects.errors import InstructionsRefused, PolicyRefused, ProjectNotReady
from projects.lifecycle import close_project, open_project, pause_project
from projects.models import Instructions, Project
from projects.selectors import project_for, projects_of
from projects.services import change_policy, write_instructions
from tests.concurrency_helpers import together
from tests.factories import a_project, a_task, ada, finch, wren

pytestmark = pytest.mark.django_db


def test_a_project_without_images_does_not_open() -> None:
    project = a_project(state="draft")
    with pytest.raises(ProjectNotReady, match="Import images first"):
        open_project(project=project)


def test_a_project_without_classes_does_not_open() -> None:
    project = a_project(state="draft")
    Project.objects.filter(pk=project.pk).update(schema=None)
    with pytest.raises(ProjectNotReady, match="no classes"):
        open_project(project=project)


def test_a_project_opens_pauses_and_closes_and_stays_closed() -> None:
    project = a_project(state="draft")
    a_task(project)
    assert open_project(project=project).state == "open"
    assert pause_project(project=project).state == "paused"
    with pytest.raises(TransitionRefused, match="The project is paused"):
        pause_project(project=project)
    assert open_project(project=project).state == "open"
    assert close_project(project=project).state == "closed"
    with pytest.raises(TransitionRefused, match="The project is closed"):
        open_project(project=project)


@pytest.mark.django_db(transaction=True)
def test_only_one_of_two_concurrent_pauses_succeeds() -> None:
    project = a_project(state="open")
    results = together(*[lambda: pause_project(project=project)] * 2)
    assert sorted(type(result).__name__ for result in results) == ["Project", "TransitionRefused"]


def test_policies_change_independently_and_the_currency_is_fixed_once_opened() -> None:
    project = a_project(state="open", answers_min=2)
    changed = change_policy(project=project, changes={"answers_min": 3, "price": "0.10"})
    assert (changed.answers_min, changed.answers_max, str(changed.price)) == (3, 5, "0.100000")
    with pytest.raises(PolicyRefused, match="currency stays"):
        change_policy(project=project, changes={"currency": "EUR"})


def test_instructions_are_versioned_and_identical_text_creates_no_version() -> None:
    project = a_project()
    write_instructions(project=project, by=ada(), body="Look twice.")
    write_instructions(project=project, by=ada(), body=" Look twice. \n")
    assert list(Instructions.objects.filter(project=project).values_list("version", flat=True)) == [1, 2]
    assert Project.objects.get(pk=project.pk).instructions_id == Instructions.objects.latest("id").pk
    for body in ("  ", "x" * 50_001):
        with pytest.raises(InstructionsRefused):
            write_instructions(project=project, by=ada(), body=body)


def test_outsiders_do_not_learn_that_a_project_exists_and_workers_may_not_manage() -> None:
    project = a_project(workers=[wren()])
    assert project_for(actor=ada(), public_id=project.public_id, role="manager") == project
    assert project_for(actor=wren(), public_id=str(project.public_id), role="worker") == project
    with pytest.raises(Forbidden):
        project_for(actor=wren(), public_id=project.public_id, role="manager")
    unknown: list[tuple[Actor, uuid.UUID | str]] = [
        (finch(), project.public_id),
        (ada(), uuid.uuid4()),
        (ada(), "no-uuid"),
    ]
    messages = set()
    for actor, public_id in unknown:
        with pytest.raises(NotFound) as caught:
            project_for(actor=actor, public_id=public_id, role="manager")
        messages.add((caught.value.code, caught.value.detail))
    assert len(messages) == 1


def test_projects_are_listed_by_role() -> None:
    project = a_project(workers=[wren()])
    assert list(projects_of(actor=ada(), role="reviewer")) == [project]
    assert list(projects_of(actor=wren(), role="manager")) == []
    assert list(projects_of(actor=wren())) == [project]
    assert list(projects_of(actor=finch())) == []


def test_answers_max_follows_answers_min_unless_it_is_given() -> None:
    project = a_project(state="open", answers_min=3, answers_max=5)
    for changes, most in (({"answers_min": 7}, 7), ({"answers_min": 1}, 1), ({"answers_min": 1, "answers_max": 4}, 4)):
        assert change_policy(project=project, changes=changes).answers_max == most
