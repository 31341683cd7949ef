"""Time of a set over the API: renewed by answers, extended by request, and refused in words."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.clock import ClockTimestamp, utc_now
from tasks.assignment.models import Assignment, Hand
from tests.api.api_fixtures import World
from tests.api.people import member, with_key

pytestmark = pytest.mark.django_db

ANSWER = {"answer": {"image": {"class": 1}, "verdict": "labels"}}


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"))


def set_time(hand: Hand, *, since_claim: float, left: float) -> None:
    now = ClockTimestamp()
    Hand.objects.filter(pk=hand.pk).update(
        created_at=now - timedelta(seconds=since_claim), expires_at=now + timedelta(seconds=left)
    )
    hand.refresh_from_db()
    Assignment.objects.filter(hand=hand, state="leased").update(expires_at=hand.expires_at)


def left(body: Any) -> float:
    return (datetime.fromisoformat(body["expires_at"]) - utc_now()).total_seconds()


def test_a_set_tells_its_end_and_until_when_it_may_be_extended(wren: APIClient, world: World) -> None:
    body = wren.get(f"/api/v1/hands/{world.hand.public_id}/").json()
    assert body["lease_seconds"] == 1800
    until = datetime.fromisoformat(body["extendable_until"])
    assert until == world.hand.created_at + timedelta(hours=2)


def test_an_answer_tells_the_new_end_for_gold_and_work_alike(wren: APIClient, world: World) -> None:
    ends = []
    for lease in Assignment.objects.filter(hand=world.hand):
        set_time(world.hand, since_claim=1500, left=300)
        url = f"/api/v1/assignments/{lease.public_id}/answer/"
        first = wren.put(url, ANSWER, format="json", headers={"Idempotency-Key": "k"})
        ends.append(left(first.json()))
        again = wren.put(url, ANSWER, format="json", headers={"Idempotency-Key": "k"})
        assert again.content == first.content
    assert ends == [pytest.approx(1800, abs=10)] * 2


def test_more_time_is_given_up_to_the_limit(wren: APIClient, world: World) -> None:
    url = f"/api/v1/hands/{world.hand.public_id}/extend/"
    set_time(world.hand, since_claim=1500, left=300)
    for _ in range(2):
        body = wren.post(url).json()
        assert left(body) == pytest.approx(1800, abs=10)
        assert set(body) == {"id", "expires_at", "extendable_until"}
    set_time(world.hand, since_claim=7100, left=100)
    refused = wren.post(url)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/time_limit_reached/")
    assert refused.json()["detail"].startswith("This set has had all of its extra time.")


def test_a_set_that_is_over_gets_no_more_time(wren: APIClient, world: World) -> None:
    set_time(world.hand, since_claim=1801, left=-1)
    refused = wren.post(f"/api/v1/hands/{world.hand.public_id}/extend/")
    assert (refused.status_code, refused.json()["type"]) == (410, "/problems/set_over/")
    nobodys = wren.post("/api/v1/hands/00000000-0000-4000-8000-000000000000/extend/")
    assert nobodys.status_code == 404
