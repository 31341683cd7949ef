"""The scheduler starts the sweeps at their pace, whatever the wall clock does, and never more than workers take."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from celery.beat import Service

from kernel import beat
from kernel.beat import MonotonicScheduler
from kernel.queues import Queue
from tests.integration.kernel.broker import Broker

DAY = 86_400.0
FAST = {
    "fast": {"task": "tests.fast", "schedule": 0.2, "options": {"queue": "sweeps"}},
    "slow": {"task": "tests.slow", "schedule": 3600.0, "options": {"queue": "sweeps"}},
}


@pytest.fixture
def scheduler(broker: Broker) -> Iterator[MonotonicScheduler]:
    app: Any = current_app
    before = app.conf.beat_schedule
    app.conf.beat_schedule = FAST
    try:
        # As `celery beat` does without an option.
        found = Service(app, scheduler_cls=app.Beat(app=app).scheduler_cls).get_scheduler()
        assert isinstance(found, MonotonicScheduler), "the configured scheduler goes by the wall clock"
        yield found
        found.close()
    finally:
        app.conf.beat_schedule = before


def run(scheduler: MonotonicScheduler, broker: Broker, *, seconds: float) -> list[str]:
    """Tick as Celery does and take the messages as a worker does; returns the names of the sweeps, in order."""
    taken: list[str] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pause = scheduler.tick()
        for kind, _ in broker.messages(Queue.SWEEPS):
            taken.append(kind)
            broker.take(Queue.SWEEPS)
        time.sleep(min(pause, 0.05))
    return taken


def test_every_sweep_runs_at_the_start_and_then_at_its_interval(scheduler: MonotonicScheduler, broker: Broker) -> None:
    taken = run(scheduler, broker, seconds=1.5)
    assert taken.count("tests.slow") == 1
    assert taken.count("tests.fast") >= 3


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_wall_clock_that_jumps_changes_nothing(
    scheduler: MonotonicScheduler, broker: Broker, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(scheduler, broker, seconds=0.5)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    # What Celery's own schedules go by.
    monkeypatch.setattr(scheduler.app, "now", lambda: datetime.now(tz=UTC) + timedelta(seconds=jump))
    taken = run(scheduler, broker, seconds=1.5)
    assert taken.count("tests.fast") >= 3
    assert "tests.slow" not in taken


def test_sweeps_that_nobody_takes_do_not_pile_up(scheduler: MonotonicScheduler, broker: Broker) -> None:
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        time.sleep(min(scheduler.tick(), 0.05))
    assert len(broker.messages(Queue.SWEEPS)) == len(FAST)


def test_a_sweep_that_the_broker_refuses_is_sent_soon(
    scheduler: MonotonicScheduler, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk, where it answers but stores nothing. Here, something else than a queue has the name."""
    monkeypatch.setattr(beat, "RETRY_SECONDS", 0.2)
    broker.clear()
    with broker.refusing(Queue.SWEEPS):
        scheduler.tick()
    assert "tests.slow" in run(scheduler, broker, seconds=1.5)


def test_the_installed_schedule_sends_every_sweep_to_the_queue_of_sweeps() -> None:
    app: Any = current_app
    queues = {name: entry["options"]["queue"] for name, entry in app.conf.beat_schedule.items()}
    assert set(queues.values()) == {"sweeps"}
    assert {"resend-jobs", "expire-leases", "sweep-blobs", "prune"} <= set(queues)
