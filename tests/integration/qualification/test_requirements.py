"""Claims give sets only to workers who have what the project requires."""

import pytest

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.services import claim_hand
from tasks.flow.claim_any import claim_any
from tasks.qualification.errors import NotQualified, QualificationNotInProject, QualificationNotReady
from tasks.qualification.models import Qualification, Requirement
from tasks.qualification.selectors import count_unqualified, missing_by_project
from tasks.qualification.setup import change_qualification, grant, revoke, set_requirements
from tests import factories, worker_actions
from tests.qualifications import a_qualification, held, required, take_exam

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


@pytest.fixture
def project(wren: Actor) -> Project:
    project = factories.a_project(workers=[wren, factories.finch()], hand_size=2, gold_rate=0)
    factories.some_tasks(project, 6)
    return project


def test_who_has_not_passed_gets_no_set_until_they_have(project: Project, wren: Actor) -> None:
    row = a_qualification(project)
    required(project, row)
    with pytest.raises(NotQualified):
        claim_hand(worker=wren, project=project)
    assert claim_any(worker=wren) is None
    take_exam(wren, row)
    assert claim_hand(worker=wren, project=project) is not None
    with pytest.raises(NotQualified):
        claim_hand(worker=factories.finch(), project=project)


def test_all_that_are_required_are_needed(project: Project, wren: Actor) -> None:
    cats, boxes = a_qualification(project), a_qualification(project, "Boxes")
    required(project, cats, boxes)
    held(cats, wren)
    with pytest.raises(NotQualified):
        claim_hand(worker=wren, project=project)
    assert missing_by_project(worker=wren, projects=[project]) == {project.pk: [boxes]}
    held(boxes, wren)
    assert claim_hand(worker=wren, project=project) is not None


def test_it_holds_for_all_projects_of_the_organization(project: Project, wren: Actor) -> None:
    other = factories.a_project("Birds", workers=[wren], gold_rate=0)
    factories.some_tasks(other, 2)
    row = a_qualification(project)
    required(other, row)
    take_exam(wren, row)
    assert claim_hand(worker=wren, project=other) is not None


def test_a_set_in_progress_stays_and_can_be_found_again(project: Project, wren: Actor) -> None:
    row = a_qualification(project)
    required(project, row)
    held(row, wren)
    hand = worker_actions.take(wren, project)
    assert revoke(qualification=row, worker=wren, by=factories.ada())
    found = claim_hand(worker=wren, project=project)
    assert found is not None and found.pk == hand.pk
    worker_actions.answer_all(hand)
    assert worker_actions.settle(hand).answers == 2
    with pytest.raises(NotQualified):
        claim_hand(worker=wren, project=project)


def test_any_work_passes_over_projects_that_require_more(project: Project, wren: Actor) -> None:
    required(project, a_qualification(project))
    free = factories.a_project("Birds", workers=[wren], gold_rate=0)
    factories.some_tasks(free, 2)
    claimed = claim_any(worker=wren)
    assert claimed is not None and claimed.hand.project_id == free.pk


def test_a_manager_gives_and_takes_it_and_the_record_stays(project: Project, wren: Actor) -> None:
    row = a_qualification(project)
    assert grant(qualification=row, worker=wren, by=factories.ada()).pk == (
        grant(qualification=row, worker=wren, by=factories.ada()).pk
    )
    assert revoke(qualification=row, worker=wren, by=factories.ada())
    assert not revoke(qualification=row, worker=wren, by=factories.ada())
    grant(qualification=row, worker=wren, by=factories.ada())
    assert row.grants.count() == 2


def test_a_draft_and_one_of_others_cannot_be_required(project: Project) -> None:
    draft = a_qualification(project, state="draft")
    with pytest.raises(QualificationNotReady, match="draft"):
        set_requirements(project=project, by=factories.ada(), qualifications=[draft])
    theirs = a_qualification(project, "Theirs")
    Qualification.objects.filter(pk=theirs.pk).update(organisation=factories.an_organisation("Owen's own"))
    theirs.refresh_from_db()
    with pytest.raises(QualificationNotInProject):
        set_requirements(project=project, by=factories.ada(), qualifications=[theirs])
    assert not Requirement.objects.exists()


def test_who_would_be_shut_out_is_counted(project: Project, wren: Actor) -> None:
    row = a_qualification(project)
    assert count_unqualified(project=project, qualification=row) == 2
    held(row, wren)
    assert count_unqualified(project=project, qualification=row) == 1


def test_it_opens_with_twice_as_many_images_as_an_exam_has(project: Project) -> None:
    row = a_qualification(project, exam=7, state="draft")
    with pytest.raises(QualificationNotReady, match="Add 1 exam image"):
        change_qualification(qualification=row, values={}, state="open")
    opened = change_qualification(qualification=row, values={"exam_images": 3}, state="open")
    assert opened.state == "open"
    with pytest.raises(QualificationNotReady):
        change_qualification(qualification=row, values={"exam_images": 4})
