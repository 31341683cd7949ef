"""An important change of the instructions while workers claim: whoever claims after it has confirmed it."""

from functools import partial

import pytest
from django.db import transaction

from projects.services import write_instructions
from tasks.assignment.errors import InstructionsUnread
from tasks.assignment.instructions import confirm_instructions
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.standing.models import Standing
from tests import factories
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)


def test_claims_and_a_change_at_once() -> None:
    workers = [factories.a_worker(f"worker{n}") for n in range(6)]
    for turn in range(4):
        project = factories.a_project(f"Project {turn}", workers=workers, gold_rate=0, hand_size=2)
        factories.some_tasks(project, 20)
        write = partial(
            write_instructions, project=project, by=factories.ada(), body=f"Look {turn}.", is_important=True
        )
        results = together(write, *[partial(claim_hand, worker=worker, project=project) for worker in workers])
        assert all(isinstance(result, Hand | InstructionsUnread) for result in results[1:]), results
        confirmed = set(Standing.objects.filter(project=project, confirmed_version=2).values_list("worker", flat=True))
        new = Assignment.objects.filter(project=project, instructions__version=2)
        assert set(new.values_list("worker", flat=True)) <= confirmed


def test_a_confirmation_in_two_tabs_and_a_newer_version() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0)
    factories.some_tasks(project, 3)
    write_instructions(project=project, by=factories.ada(), body="Look twice.", is_important=True)
    confirm = partial(confirm_instructions, worker=wren, project=project, version=2)
    assert together(confirm, confirm) == [None, None]
    with transaction.atomic():
        write_instructions(project=project, by=factories.ada(), body="Look three times.", is_important=True)
        # It reads the version before this one, which it may still confirm; that does not confirm this one.
        BackgroundCall(confirm).wait_for_result()
    with pytest.raises(InstructionsUnread):
        claim_hand(worker=wren, project=project)
