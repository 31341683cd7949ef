"""A budget: claims stop before it is overspent, no more answers are asked for than it covers, late answers are paid."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from kernel.models import Event
from projects.errors import PolicyRefused
from projects.models import Project
from tasks.assignment.budget import FOLD_ABOVE, committed, fold_commitments
from tasks.assignment.errors import NoMoneyLeft
from tasks.assignment.models import Assignment, Commitment, Hand
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.flow.expiry import expire_leases
from tasks.flow.policy_change import change_project_policy
from tasks.flow.relabel import relabel
from tasks.pay.budget import answers_affordable, budget_figures
from tasks.pay.models import LedgerEntry
from tests import factories, worker_actions
from tests.labeled import a_crowd

pytestmark = pytest.mark.django_db

PRICE = Decimal("0.02")


def a_project(budget: str | None, *, workers: int = 2, tasks: int = 20, **policy: Any) -> tuple[Project, list[Any]]:
    values = {"gold_rate": 0, "hand_size": 5, "answers_min": 2, "answers_max": 2, "price": PRICE, **policy}
    project = factories.a_project(budget=Decimal(budget) if budget else None, **values)
    crowd = a_crowd(project, workers)
    factories.some_tasks(project, tasks, wanted=project.answers_min)
    return project, crowd


def kinds() -> list[str]:
    return list(Event.objects.filter(kind__startswith="budget").order_by("pk").values_list("kind", flat=True))


def test_the_last_set_is_cut_to_what_is_left_and_then_workers_are_told_in_plain_words() -> None:
    project, (wren, finch) = a_project("0.14")
    assert len(worker_actions.leases_of(worker_actions.take(wren, project))) == 5
    assert kinds() == []
    assert len(worker_actions.leases_of(worker_actions.take(finch, project))) == 2
    assert kinds() == ["budget.reached"]
    assert committed(project=project) == Decimal("0.14")
    with pytest.raises(NoMoneyLeft) as error:
        claim_hand(worker=factories_third(project), project=project)
    assert error.value.detail == ("This project has no money left for more images right now. Check back later.")
    assert Hand.objects.count() == 2
    worker_actions.assert_invariants(project)


def factories_third(project: Project) -> Any:
    robin = factories.a_worker("robin")
    factories.admitted(project, robin)
    return robin


def test_without_images_there_is_no_work_rather_than_no_money() -> None:
    project, (wren, _) = a_project("0.02", tasks=1)
    worker_actions.take(wren, project)
    Task.objects.update(wanted=1)
    Batch.objects.update(wanted=1)
    assert claim_hand(worker=factories_third(project), project=project) is None


def test_a_live_set_is_found_again_whatever_is_left() -> None:
    project, (wren, _) = a_project("0.10")
    hand = worker_actions.take(wren, project)
    assert claim_hand(worker=wren, project=project) == hand


def test_raising_the_budget_makes_work_go_on_at_once() -> None:
    project, (wren, finch) = a_project("0.10")
    worker_actions.take(wren, project)
    with pytest.raises(NoMoneyLeft):
        claim_hand(worker=finch, project=project)
    change_project_policy(project=project, changes={"budget": "0.16"})
    assert len(worker_actions.leases_of(worker_actions.take(finch, project))) == 3
    assert kinds() == ["budget.reached", "budget.changed", "budget.reached"]


def test_what_is_given_back_and_what_runs_out_is_free_again() -> None:
    project, (wren, finch) = a_project("0.10")
    hand = worker_actions.take(wren, project)
    first, second, *_ = worker_actions.leases_of(hand)
    worker_actions.answer(first)
    skip_assignment(worker=wren, assignment_id=second.public_id)
    assert committed(project=project) == 4 * PRICE
    release_hand(worker=wren, hand_id=hand.public_id)
    assert committed(project=project) == PRICE
    worker_actions.settle(hand)
    other = worker_actions.take(finch, project)
    assert committed(project=project) == 5 * PRICE
    worker_actions.expire_hand(other)
    expire_leases()
    assert committed(project=project) == PRICE
    assert len(worker_actions.leases_of(worker_actions.take(finch, project))) == 4
    worker_actions.assert_invariants(project)


def test_images_that_come_back_are_paid_from_the_budget_too() -> None:
    project, (wren, finch) = a_project("0.10")
    hand = worker_actions.take(wren, project)
    release_hand(worker=wren, hand_id=hand.public_id)
    worker_actions.take(finch, project)
    with pytest.raises(NoMoneyLeft):
        claim_hand(worker=wren, project=project)


def test_late_answers_are_paid_even_beyond_the_budget() -> None:
    """The money of a lease that ran out is given to others; its answer is paid all the same, at most its own price."""
    project, (wren, finch) = a_project("0.10")
    late = worker_actions.take(wren, project)
    leases = worker_actions.leases_of(late)
    worker_actions.expire_hand(late)
    expire_leases()
    worker_actions.answer_all(worker_actions.take(finch, project))
    worker_actions.answer(leases[0])
    worker_actions.run_late_jobs()
    assert committed(project=project) == 6 * PRICE
    assert LedgerEntry.objects.filter(worker=wren).count() == 1
    with pytest.raises(NoMoneyLeft):
        claim_hand(worker=wren, project=project)
    worker_actions.assert_invariants(project)


def test_check_images_are_paid_from_the_budget_and_cut_like_work() -> None:
    project, crowd = a_project("0.42", workers=8, hand_size=5, gold_rate=0.4)
    for _ in range(10):
        factories.a_gold(project)
    sizes = []
    for worker in crowd:
        try:
            sizes.append(len(worker_actions.leases_of(worker_actions.take(worker, project))))
        except NoMoneyLeft:
            sizes.append(0)
    assert sum(sizes) == 21
    assert sizes == [5, 5, 5, 5, 1, 0, 0, 0]
    assert committed(project=project) == 21 * PRICE


def test_a_price_of_zero_needs_no_money() -> None:
    project, (wren, _) = a_project("0.10", price=Decimal(0))
    assert len(worker_actions.leases_of(worker_actions.take(wren, project))) == 5


def test_a_budget_below_what_is_promised_is_refused_with_the_amount() -> None:
    project, (wren, _) = a_project(None)
    worker_actions.take(wren, project)
    with pytest.raises(PolicyRefused, match=r"0.1 USD are already paid or promised to workers\. Set the budget to at"):
        change_project_policy(project=project, changes={"budget": "0.09"})
    assert Project.objects.get().budget is None
    change_project_policy(project=project, changes={"budget": "0.1"})
    assert Project.objects.get().budget == Decimal("0.1")


def test_corrections_count_and_payouts_do_not() -> None:
    project, (wren, _) = a_project("0.10")
    entry = {"project": project, "worker": wren, "currency": "USD"}
    LedgerEntry.objects.create(kind="correction", cause="bonus", amount=Decimal("0.06"), **entry)
    LedgerEntry.objects.create(kind="payout", amount=Decimal("-0.06"), **entry)
    assert len(worker_actions.leases_of(worker_actions.take(wren, project))) == 2
    worker_actions.assert_invariants(project)


def test_no_more_answers_are_asked_for_than_the_budget_covers_and_the_most_useful_come_first() -> None:
    project = factories.a_project(answers_min=2, answers_max=5, gold_rate=0, price=PRICE, confidence_target=0.99)
    crowd = a_crowd(project, 5)
    tasks = factories.some_tasks(project, 4, wanted=2)
    for number, task in enumerate(tasks):
        for worker, answer in zip(crowd, (1, 2 if number else 1), strict=False):
            factories.an_answer(task, worker, factories.class_answer(answer))
    agreed, *split = tasks
    # 8 answers are paid; one of the three more that are worth their price is covered.
    Project.objects.update(budget=9 * PRICE)
    relabel(task_ids=[task.pk for task in tasks])
    states = dict(Task.objects.values_list("pk", "wanted"))
    assert sorted(states[task.pk] for task in split) == [2, 2, 3]
    assert states[agreed.pk] == 2
    assert Task.objects.filter(state="answered").count() == 3
    assert answers_affordable(project=Project.objects.get()) == 0


def test_the_figures_of_a_budget() -> None:
    project, (wren, _) = a_project("0.90", gold_rate=0.2)
    worker_actions.take(wren, project)
    figures = budget_figures(project=project)
    assert (figures.committed, figures.left) == (5 * PRICE, Decimal("0.80"))
    taken = Assignment.objects.filter(task__isnull=False).count()
    assert figures.wanted == (40 - taken) * Decimal("0.025")
    assert figures.missing == figures.forecast - Decimal("0.90") > 0


def test_many_commitments_are_folded_into_one() -> None:
    project, (wren, _) = a_project(None)
    other = factories.a_project("Other")
    Commitment.objects.bulk_create(Commitment(project=project, amount=1) for _ in range(FOLD_ABOVE + 1))
    Commitment.objects.create(project=other, amount=3)
    assert fold_commitments() == 1
    assert list(Commitment.objects.values_list("project", "amount").order_by("amount")) == [
        (other.pk, Decimal(3)),
        (project.pk, Decimal(FOLD_ABOVE + 1)),
    ]
    Commitment.objects.bulk_create(Commitment(project=project, amount=0) for _ in range(FOLD_ABOVE + 1))
    Project.objects.update(budget=Decimal(1000))
    worker_actions.take(wren, project)
    assert Commitment.objects.filter(project=project).count() == 2
    assert committed(project=project) == FOLD_ABOVE + 1 + 5 * PRICE


def test_the_fill_of_the_migration_is_right_whenever_it_runs() -> None:
    from importlib import import_module

    migration = import_module("tasks.migrations.0025_budget_and_finished_images")
    project, (wren, finch) = a_project(None)
    worker_actions.take(wren, project)
    Commitment.objects.all().delete()
    worker_actions.take(finch, project)
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(migration.FILL)
        assert committed(project=project) == 10 * PRICE
