"""Starts the sweeps, on the monotonic clock: Celery's own scheduler goes by the wall clock, and one that jumps back a
day would silence it for a day.
"""

import time
from datetime import timedelta
from typing import Any

import structlog
from celery.beat import ScheduleEntry, Scheduler, SchedulingError

from kernel.broker import BrokerUnavailable, messages_in
from kernel.queues import Queue

logger = structlog.get_logger(__name__)

#: After a sweep that could not be sent, which may be one that runs once a day.
RETRY_SECONDS = 5.0


class MonotonicScheduler(Scheduler):
    """Every sweep runs at the start and then at its interval. Any number of schedulers may run.

    A sweep is not sent while one message for each is still waiting: without workers they would pile up. Messages carry
    no time of expiry, because it would be compared with the clock of another machine.
    """

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)
        self._due = dict.fromkeys(self.schedule, time.monotonic())

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the seconds until the next."""
        for name, entry in self.schedule.items():
            if self._due[name] <= time.monotonic():
                pause = _interval(entry) if self._send(entry) else min(_interval(entry), RETRY_SECONDS)
                self._due[name] = time.monotonic() + pause
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _send(self, entry: ScheduleEntry) -> bool:
        """Send the sweep; return whether it was sent."""
        try:
            waiting = messages_in(Queue.SWEEPS)
        except BrokerUnavailable as error:
            logger.warning("sweep not sent: the broker is unavailable", sweep=entry.name, error=str(error))
            return False
        if waiting >= len(self.schedule):
            logger.warning("sweep not sent: no worker takes them", sweep=entry.name)
            return False
        try:
            self.apply_async(entry, producer=self.producer, advance=False)
        except SchedulingError as error:
            logger.warning("sweep not sent: the broker refuses it", sweep=entry.name, error=str(error))
            return False
        return True


def _interval(entry: ScheduleEntry) -> float:
    # An interval, and not a crontab, which goes by the wall clock.
    interval: timedelta = entry.schedule.run_every  # type: ignore[union-attr]  # the stubs do not know it
    return interval.total_seconds()
