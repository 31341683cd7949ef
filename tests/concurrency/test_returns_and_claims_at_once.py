"""A claim that waits for the end of the previous set gets what was returned in it, not something new."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from tasks.assignment.models import Hand
from tasks.assignment.services import claim_or_find_hand, release_hand
from tasks.flow.revocation import sign_out_everywhere
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall

SIZE = 5


@pytest.fixture
def hand() -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=SIZE, gold_rate=0)
    factories.some_tasks(project, 4 * SIZE)
    return worker_actions.take(wren, project)


def release(hand: Hand) -> None:
    release_hand(worker=factories.wren(), hand_id=hand.public_id)


def sign_out(hand: Hand) -> None:
    sign_out_everywhere(user=factories.wren().user, revoke_keys=False)


def images(hand: Hand) -> set[UUID]:
    return {row.public_id for row in worker_actions.leases_of(hand)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [release, sign_out])
def test_a_claim_that_waited_gets_what_came_back(hand: Hand, end: Callable[[Hand], Any]) -> None:
    shown = images(hand)
    with transaction.atomic():
        end(hand)
        claim = BackgroundCall(lambda: claim_or_find_hand(worker=factories.wren(), project=hand.project))
        claim.wait_until_blocked()
    claimed = claim.wait_for_result()
    assert claimed is not None and claimed.fresh
    assert images(claimed.hand) == shown
    assert Standing.objects.get(worker=factories.wren()).returns == SIZE
