"""Gold is created from images with a known answer."""

from typing import Any

import pytest

from annotary_core.labels.answer import Answer
from kernel.errors import NotFound
from tasks.gold.errors import GoldExists, GoldRefused
from tasks.gold.models import Gold
from tasks.gold.selectors import gold_for, golds_of
from tasks.gold.services import create_gold, retire_gold
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def an_accepted_answer(number: int = 1) -> Answer:
    return Answer.from_json(factories.class_answer(number))


def test_gold_stores_its_accepted_answers_and_the_projects_tolerance() -> None:
    project = factories.a_project(gold_iou=0.7)
    gold = create_gold(
        project=project,
        task=factories.a_task(project),
        accepted=[an_accepted_answer(1), an_accepted_answer(2)],
        source="manager",
        views_wanted=3,
    )
    assert gold.accepted == [factories.class_answer(1), factories.class_answer(2)]
    assert (gold.tolerance, gold.state, gold.exposure) == ({"iou": 0.7}, "active", 0)
    assert gold_for(project=project, public_id=gold.public_id) == gold


def test_an_image_is_gold_once_and_retired_gold_is_revived_with_the_new_answer() -> None:
    project = factories.a_project()
    task = factories.a_task(project)
    manager: dict[str, Any] = {"task": task, "source": "manager", "views_wanted": 3}
    gold = create_gold(project=project, accepted=[an_accepted_answer(1)], **manager)
    with pytest.raises(GoldExists):
        create_gold(project=project, accepted=[an_accepted_answer(2)], **manager)
    retire_gold(gold=gold)
    assert gold.state == Gold.State.RETIRED
    again = create_gold(project=project, accepted=[an_accepted_answer(2)], **{**manager, "source": "truth"})
    assert (again.pk, again.state, again.accepted) == (gold.pk, "active", [factories.class_answer(2)])


def test_gold_without_an_answer_or_from_another_dataset_is_refused() -> None:
    project, other = factories.a_project(), factories.a_project("Other")
    with pytest.raises(GoldRefused):
        create_gold(project=project, task=factories.a_task(project), accepted=[], source="manager", views_wanted=3)
    with pytest.raises(GoldRefused):
        create_gold(
            project=project,
            task=factories.a_task(other),
            accepted=[an_accepted_answer()],
            source="manager",
            views_wanted=3,
        )


def test_the_manager_sees_how_often_gold_was_answered_and_how_often_correctly() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=2, gold_rate=0.5)
    factories.some_tasks(project, 2)
    gold = factories.a_gold(project)
    for worker, number in ((wren, 1), (finch, 2)):
        hand = worker_actions.take(worker, project)
        worker_actions.answer_all(hand, number)
        worker_actions.settle(hand)
    shown = golds_of(project=project, state="active").get(pk=gold.pk)
    assert (shown.seen, shown.correct, shown.exposure) == (2, 1, 2)
    with pytest.raises(NotFound):
        gold_for(project=factories.a_project("Other"), public_id=gold.public_id)
