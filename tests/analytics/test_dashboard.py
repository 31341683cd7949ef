"""The console's figures match the tables, and are None where there is no data."""

from decimal import Decimal

import pytest

from tasks.analytics.dashboard import project_figures
from tasks.analytics.forecast import forecast
from tasks.analytics.worker_figures import WorkerFigures
from tasks.consensus.models import ConsensusLabel
from tasks.flow.relabel import relabel
from tasks.review.services import approve_label, fix_label
from tests.factories import (
    a_credit,
    a_project,
    a_task,
    a_worker,
    ada,
    admitted,
    an_answer,
    box_answer,
    class_answer,
    finch,
    some_tasks,
    wren,
)

pytestmark = pytest.mark.django_db


def test_a_new_project_has_progress_and_no_shares() -> None:
    project = a_project(answers_min=2)
    some_tasks(project, 3)

    figures = project_figures(project=project)

    assert figures["progress"] == {
        "images": 3,
        "open": 3,
        "answered": 0,
        "approved": 0,
        "check_images": 0,
        "places_open": 6,
        "in_work": 0,
        "answers_left": 6,
    }
    assert figures["forecast"] is None
    assert (figures["quality"]["checks_share"], figures["quality"]["agreement"]) == (None, None)
    assert figures["cost"]["per_approved"] is None


def test_progress_quality_and_cost_follow_the_work() -> None:
    project = a_project(answers_min=3, answers_max=3, price=Decimal("0.10"), gold_rate=0)
    admitted(project, wren(), gold=(3, 1))
    robin = a_worker("robin")
    done, left = a_task(project), a_task(project)
    for worker, number in ((wren(), 1), (finch(), 1), (robin, 2)):
        a_credit(an_answer(done, worker, class_answer(number)))
    relabel(task_ids=[done.pk])
    approve_label(reviewer=ada(), task=done, label_hash=ConsensusLabel.objects.get().content_hash)
    an_answer(left, wren(), class_answer(1))

    figures = project_figures(project=project)

    assert (figures["progress"]["answered"], figures["progress"]["approved"]) == (1, 1)
    assert (figures["progress"]["answers_left"], figures["throughput"]["answers"]) == (2, 4)
    assert figures["quality"]["checks_share"] == 0.75
    assert figures["quality"]["agreement"] == pytest.approx(2 / 3)
    assert (figures["quality"]["reviewed"], figures["quality"]["agreement_answers"]) == (1, 3)
    assert figures["cost"] == {
        "earned": "0.300000",
        "paid": "0.000000",
        "answers_per_approved": 3.0,
        "per_approved": "0.300000",
        "expected": "0.500000",
        "price": "0.100000",
        "committed": "0.400000",
        "budget": None,
        "left": None,
    }


def test_agreement_is_measured_against_the_agreed_label_and_the_reviewers_fix() -> None:
    project = a_project(tools=("box",), answers_min=1, answers_max=1, gold_iou=0.5, workers=[wren(), finch()])
    right, wrong = a_task(project), a_task(project)
    a_credit(an_answer(right, wren(), box_answer((1, 10, 10, 50, 50))))
    a_credit(an_answer(wrong, finch(), box_answer((1, 10, 10, 50, 50))))
    relabel(task_ids=[right.pk, wrong.pk])
    for task, fixed in ((right, (1, 12, 10, 50, 50)), (wrong, (2, 10, 10, 50, 50))):
        label_hash = ConsensusLabel.objects.get(task=task, is_current=True).content_hash
        fix_label(reviewer=ada(), task=task, label_hash=label_hash, raw=box_answer(fixed))

    rows = {row["worker"]: row for row in WorkerFigures(project=project)}

    assert rows[str(wren().public_id)]["agreement"] == 1.0
    assert rows[str(finch().public_id)]["agreement"] == 0.0
    assert rows[str(finch().public_id)]["answers"] == 1
    assert rows[str(finch().public_id)]["earned"] == f"{project.price:.6f}"


def test_a_single_answer_has_no_agreement() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    task = a_task(project)
    a_credit(an_answer(task, wren(), class_answer(1)))
    relabel(task_ids=[task.pk])

    [row] = WorkerFigures(project=project)

    assert (row["agreement"], row["agreement_answers"], row["answers"]) == (None, 0, 1)


def test_the_forecast_interval_narrows_with_more_answers() -> None:
    few, many = forecast(left=1000, done=4, hours=1), forecast(left=1000, done=400, hours=1)

    assert few is not None and many is not None
    assert (few["hours"], many["hours"]) == (250.0, 2.5)
    assert few["high"] is not None and many["high"] is not None
    assert few["low"] < 120 and few["high"] > 700
    assert 2.2 < many["low"] < 2.5 < many["high"] < 2.8


def test_the_forecast_without_work_or_answers_is_zero_or_none() -> None:
    assert forecast(left=0, done=0, hours=1) == {"hours": 0.0, "low": 0.0, "high": 0.0, "answers_left": 0}
    assert forecast(left=5, done=0, hours=1) is None
    one = forecast(left=5, done=1, hours=1)
    assert one is not None and one["high"] is not None and one["high"] > 1000
