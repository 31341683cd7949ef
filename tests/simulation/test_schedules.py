"""Seeded schedules of concurrent and interrupted transactions: no rule breaks, and no acknowledged answer is lost.

`python3 manage.py test tests/simulation/test_schedules.py --schedule-seeds 10000` simulates more of them, and
`--first-schedule-seed 137 --schedule-seeds 1` the one that a failure names.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from structlog.contextvars import bound_contextvars

from kernel.clock import ClockTimestamp
from kernel.idempotency import Call, Superseded, reserve, store
from tasks.annotation import acknowledged
from tasks.assignment import returned, slots
from tasks.assignment import services as assignment_services
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.flow import revocation
from tests.simulation.crowd_schedule import CrowdSchedule, seeded_services
from tests.simulation.schedule import RandomOfThread
from tests.virtual_clock import VirtualClock, virtual_clock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    # A process that is killed closes nothing.
    pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning"),
]

#: A fault is found by one of this many seeds.
SEEDS_FOR_A_FAULT = 200


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with virtual_clock() as clock, bound_contextvars(request_id="simulation"):
        yield clock


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[RandomOfThread]:
    with seeded_services(monkeypatch) as numbers:
        yield numbers


def test_the_rules_hold_after_each_schedule(
    schedule_seeds: range, clock: VirtualClock, numbers: RandomOfThread
) -> None:
    for seed in schedule_seeds:
        CrowdSchedule(seed, clock, numbers).run()


@pytest.mark.parametrize("seed", [3, 4])
def test_a_seed_gives_the_same_schedule_again(seed: int, clock: VirtualClock, numbers: RandomOfThread) -> None:
    traces = []
    for _ in range(2):
        simulated = CrowdSchedule(seed, clock, numbers)
        simulated.run()
        traces.append(simulated.schedule.trace)
    assert len(traces[0]) > 50
    assert traces[0] == traces[1]


def close_without_lock(
    *, assignment_ids: list[int], state: str, only_over: bool = False, skip_locked: bool = False
) -> dict[int, int]:
    """Reads the counters and then writes them, as if nobody else did."""
    leases = Assignment.objects.filter(pk__in=assignment_ids, state="leased")
    closed: Counter[int] = Counter()
    for lease in list(leases.filter(expires_at__lte=ClockTimestamp()) if only_over else leases):
        ended = {"state": state, "counts": False, "returned": True, "closed_at": ClockTimestamp()}
        if not leases.filter(pk=lease.pk).update(**ended):
            continue
        closed[lease.worker_id or 0] += 1
        if lease.counts and lease.task_id is not None:
            task = Task.objects.select_related("batch").get(pk=lease.task_id)
            Task.objects.filter(pk=task.pk).update(taken=task.taken - 1)
            Batch.objects.filter(pk=task.batch_id).update(taken=task.batch.taken - 1)
    return closed


def key_before_the_work(**call: Any) -> tuple[int, Any]:
    """Stores the response in a transaction of its own, before the work is done."""
    act = call.pop("act")
    with transaction.atomic():
        (record,) = reserve([Call(**call)])
        if record is not None:
            store([(record, 200, {"revision": 1})])
    if record is None:
        return 200, {"revision": 1}
    while True:
        with suppress(Superseded), transaction.atomic():
            return act()  # type: ignore[no-any-return]


def tasks_before_batches(*, batch_ids: list[int], task_ids: list[int]) -> None:
    list(Task.objects.select_for_update(no_key=True).filter(pk__in=task_ids).order_by("pk"))
    list(Batch.objects.select_for_update(no_key=True).filter(pk__in=batch_ids).order_by("pk"))


FAULTS: dict[str, tuple[list[tuple[object, str, Callable[..., object]]], str]] = {
    "counters are written without a lock": (
        [(module, "close_leases", close_without_lock) for module in (assignment_services, revocation)],
        "I2|taken_between|wait for each other",
    ),
    "a response is stored before the work is done": ([(acknowledged, "once", key_before_the_work)], "I3"),
    "tasks are locked before their batches": (
        [(slots, "lock_slots", tasks_before_batches), (returned, "lock_slots", tasks_before_batches)],
        "wait for each other",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_product_is_found(
    fault: str, clock: VirtualClock, numbers: RandomOfThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits, message = FAULTS[fault]
    for module, name, function in edits:
        monkeypatch.setattr(module, name, function)
    with pytest.raises(AssertionError, match=message) as found:
        for seed in range(SEEDS_FOR_A_FAULT):
            CrowdSchedule(seed, clock, numbers, decides=False).run()
    print(str(found.value).splitlines()[0])
