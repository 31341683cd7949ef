"""Important changes of the instructions are confirmed before the next set, and nobody loses work in progress."""

import pytest

from kernel.models import Event
from projects.models import Project
from projects.services import write_instructions
from tasks.assignment.errors import InstructionsReplaced, InstructionsUnread
from tasks.assignment.instructions import confirm_instructions, count_confirmed, instructions_news
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand, release_hand
from tasks.flow.claim_any import claim_any
from tasks.standing.models import Standing
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = factories.a_project(workers=[factories.wren()], gold_rate=0, hand_size=2)
    factories.some_tasks(project, 8)
    return project


def write(project: Project, body: str, *, is_important: bool = True) -> None:
    write_instructions(project=project, by=factories.ada(), body=body, is_important=is_important)


def confirm(project: Project, version: int) -> None:
    confirm_instructions(worker=factories.wren(), project=project, version=version)


def standing(project: Project) -> Standing:
    rows = Standing.objects.select_related("project__instructions", "worker")
    return rows.get(project=project, worker=factories.wren())


def pinned_versions() -> set[int]:
    return set(Assignment.objects.values_list("instructions__version", flat=True))


def test_a_set_in_progress_goes_on_and_the_next_one_waits_for_the_confirmation(project: Project) -> None:
    wren = factories.wren()
    hand = worker_actions.take(wren, project)
    write(project, "Look twice.")
    assert claim_hand(worker=wren, project=project) == hand
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    with pytest.raises(InstructionsUnread):
        claim_hand(worker=wren, project=project)
    confirm(project, 2)
    worker_actions.take(wren, project)
    assert pinned_versions() == {1, 2}


def test_other_changes_are_shown_and_need_no_confirmation(project: Project) -> None:
    wren = factories.wren()
    worker_actions.settle(worker_actions.take(wren, project))
    write(project, "Look twice.", is_important=False)
    news = instructions_news(standing=standing(project))
    assert news is not None
    assert (news.is_new, news.must_confirm, news.since and news.since.version) == (True, False, 1)
    assert any(piece.text.strip() == "twice" for each in news.paragraphs for piece in each.pieces)
    worker_actions.take(wren, project)
    later = instructions_news(standing=standing(project))
    assert later is not None
    assert not later.is_new


def test_a_later_change_that_is_not_important_keeps_an_earlier_confirmation_due(project: Project) -> None:
    write(project, "Look twice.")
    write(project, "Look three times.", is_important=False)
    with pytest.raises(InstructionsUnread):
        claim_hand(worker=factories.wren(), project=project)
    with pytest.raises(InstructionsReplaced):
        confirm(project, 2)
    confirm(project, 3)
    worker_actions.take(factories.wren(), project)


def test_the_same_text_can_be_made_important_later(project: Project) -> None:
    write(project, "Look closely.")
    assert project.instructions is not None
    assert (project.instructions.version, project.version_to_confirm) == (1, 1)
    with pytest.raises(InstructionsUnread):
        claim_hand(worker=factories.wren(), project=project)


def test_images_given_back_come_after_the_confirmation(project: Project) -> None:
    wren = factories.wren()
    hand = worker_actions.take(wren, project)
    write(project, "Look twice.")
    release_hand(worker=wren, hand_id=hand.public_id)
    with pytest.raises(InstructionsUnread):
        claim_hand(worker=wren, project=project)
    confirm(project, 2)
    again = worker_actions.take(wren, project)
    assert {row.instructions_id for row in worker_actions.leases_of(again)} == {project.instructions_id}


def test_any_work_passes_over_a_project_to_confirm(project: Project) -> None:
    wren = factories.wren()
    write(project, "Look twice.")
    assert claim_any(worker=wren) is None
    other = factories.a_project("Other", workers=[wren], gold_rate=0)
    factories.some_tasks(other, 3)
    claimed = claim_any(worker=wren)
    assert claimed is not None
    assert claimed.hand.project == other


def test_confirming_twice_is_recorded_once_and_counted(project: Project) -> None:
    write(project, "Look twice.")
    factories.admitted(project, factories.finch())
    assert count_confirmed(project=project) == (0, 2)
    confirm(project, 2)
    confirm(project, 2)
    assert count_confirmed(project=project) == (1, 2)
    assert Event.objects.filter(kind="instructions.confirmed").count() == 1


def test_a_newcomer_reads_all_of_them(project: Project) -> None:
    write(project, "Look twice.")
    news = instructions_news(standing=standing(project))
    assert news is not None
    assert (news.since, news.must_confirm, news.paragraphs) == (None, True, [])
