"""Networks and devices are kept as keyed hashes for thirty days, and named where accounts of a project share one."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.models import Trace
from accounts.services import erase_person
from accounts.traces import DEVICE_COOKIE, delete_old_traces, network_of, record_trace
from kernel.clock import ClockTimestamp
from tasks.analytics.worker_likeness import MOST_IN_COMMON, shared_flags
from tasks.analytics.worker_signals import flagged_workers
from tasks.standing.models import Standing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def a_request(address: str = "203.0.113.7", device: str = "a" * 32) -> Any:
    request = RequestFactory().get("/", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=address)
    request.COOKIES[DEVICE_COOKIE] = device
    return request


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("127.0.0.1", ""),
        ("local", ""),
    ],
)
def test_a_network_is_an_address_without_its_last_part(address: str, network: str) -> None:
    assert network_of(address) == network


def test_neither_the_address_nor_the_cookie_is_stored() -> None:
    record_trace(a_request(), actor=factories.wren())
    rows = list(Trace.objects.values_list("kind", "digest"))
    assert sorted(kind for kind, _ in rows) == ["device", "network"]
    assert not [digest for _, digest in rows if "203" in digest[:4] or "aaaa" in digest or len(digest) != 64]


def test_a_trace_is_written_once_in_hours(django_assert_num_queries: Any) -> None:
    record_trace(a_request(), actor=factories.wren())
    wren = factories.wren()
    with django_assert_num_queries(0):
        record_trace(a_request("203.0.113.9"), actor=wren)


def test_a_malformed_cookie_is_no_device() -> None:
    record_trace(a_request(device="x' OR 1"), actor=factories.wren())
    assert list(Trace.objects.values_list("kind", flat=True)) == ["network"]


def test_old_traces_and_those_of_erased_people_are_deleted() -> None:
    wren, finch = factories.a_user("wren"), factories.a_user("finch")
    for user in (wren, finch):
        record_trace(a_request(), actor=user.actor)
    Trace.objects.filter(actor=finch.actor).update(seen_at=ClockTimestamp() - timedelta(days=31))
    assert delete_old_traces() == 2
    erase_person(user=wren)
    assert not Trace.objects.exists()


def test_accounts_of_one_device_are_named_and_those_of_one_network_are_not() -> None:
    wren, finch, robin = factories.wren(), factories.finch(), factories.a_worker("robin")
    project = factories.a_project(workers=[wren, finch, robin])
    record_trace(a_request(), actor=wren)
    record_trace(a_request(), actor=finch)
    record_trace(a_request(device="b" * 32), actor=robin)
    flagged = {row["worker"]: row["flags"] for row in flagged_workers(project=project)["workers"]}
    assert set(flagged) == {str(wren.public_id), str(finch.public_id)}
    assert [flag["signal"] for flag in flagged[str(wren.public_id)]] == ["same_device", "same_network"]
    assert flagged[str(wren.public_id)][0]["worker"] == str(finch.public_id)


def test_a_device_of_many_accounts_says_nothing() -> None:
    workers = [factories.a_worker(f"w{number}") for number in range(MOST_IN_COMMON + 1)]
    project = factories.a_project(workers=workers)
    for worker in workers:
        record_trace(a_request(), actor=worker)
    standings = list(Standing.objects.filter(project=project).select_related("worker"))
    assert shared_flags(project=project, standings=standings) == {}


def test_the_page_of_a_worker_sets_the_cookie_once(client: Client) -> None:
    user = factories.a_user("wren")
    factories.a_project(workers=[user.actor])
    client.force_login(user)
    first = client.get("/work/").cookies[DEVICE_COOKIE]
    assert first["httponly"]
    assert first["samesite"] == "Lax"
    assert DEVICE_COOKIE not in client.get("/work/").cookies


def test_equal_coordinates_name_two_workers() -> None:
    workers = [factories.a_worker(name) for name in ("wren", "finch", "robin")]
    project = factories.a_project(tools=("box",), workers=workers)
    for number, task in enumerate(factories.some_tasks(project, 6, wanted=3)):
        factories.an_answer(task, workers[0], factories.box_answer((1, 10 + number, 10, 50, 50)))
        factories.an_answer(task, workers[1], factories.box_answer((1, 10 + number, 10, 50, 50)))
        factories.an_answer(task, workers[2], factories.box_answer((1, 11 + number, 12, 50, 51)))
    standings = list(Standing.objects.filter(project=project).select_related("worker"))
    flags = shared_flags(project=project, standings=standings)
    assert {name for name, each in flags.items() if any(flag.signal == "same_geometry" for flag in each)} == {
        str(worker.public_id) for worker in workers[:2]
    }
