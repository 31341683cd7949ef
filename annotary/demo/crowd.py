"""The simulated crowd: one thread per person, and the decision that the work is done."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from annotary.demo.errors import DemoError
from annotary.demo.skills import CAREFUL, Member
from annotary.demo.worker import Job, Record, Worker

POLL_SECONDS = 0.25
# When no one has found work for this many seconds, jobs that could open more tasks have run.
QUIET = 6.0
# So long may jobs compute labels after the last answer.
LONGEST_UPDATE = 300.0
# Workers who may join later, when the others are paused or have labeled everything.
MAX_HELPERS = 4


class WorkLeft(NamedTuple):
    """Images without a label, and how many answers they still need; none while jobs compute their labels."""

    images: int
    answers: int


@dataclass
class Crowd:
    """Shared by the threads. `count_left` asks the server; `on_progress` receives the number of answers so far; `quiet`
    is QUIET.
    """

    job: Job
    count_left: Callable[[], WorkLeft]
    on_progress: Callable[[int], None] = lambda answers: None
    quiet: float = QUIET
    stop: threading.Event = field(default_factory=threading.Event)
    records: list[Record] = field(default_factory=list)
    unfinished: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: set[str] = set()
        self._finished: set[str] = set()
        self._answers = 0
        self._last_work = time.monotonic()
        self._threads: list[threading.Thread] = []
        # Makes the email addresses of two crowds on one server distinct.
        self._tag = uuid.uuid4().hex[:8]

    def busy(self, name: str) -> None:
        with self._lock:
            self._idle.discard(name)
            self._last_work = time.monotonic()

    def idle(self, name: str) -> None:
        with self._lock:
            self._idle.add(name)

    def answered(self) -> None:
        with self._lock:
            self._answers += 1

    def run(self, members: Sequence[Member]) -> list[Record]:
        """Work until all images are answered or no one can answer more. Raises DemoError with the first error."""
        try:
            for member in members:
                self._add(member)
            self._monitor()
        finally:
            self.stop.set()
            for thread in self._threads:
                thread.join()
        self._raise_first()
        return self.records

    def _add(self, member: Member) -> None:
        record = Record(member, f"{member.name}.{self._tag}@crowd.example")
        worker = Worker(member, self.job, self, record)
        self.records.append(record)

        def work() -> None:
            try:
                worker.work()
            except Exception as error:
                record.error = str(error) if isinstance(error, DemoError) else f"{type(error).__name__}: {error}"
            finally:
                with self._lock:
                    self._finished.add(member.name)

        thread = threading.Thread(target=work, name=f"crowd-{member.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _monitor(self) -> None:
        helpers = 0
        while True:
            self.stop.wait(POLL_SECONDS)
            self.on_progress(self._answers)
            if self.stop.is_set() or any(record.error for record in self.records):
                return
            if not self._all_idle():
                continue
            left, idle = self.count_left(), time.monotonic() - self._last_work
            self.unfinished = left.images
            if left.images == 0:
                return
            if left.answers == 0 and idle < LONGEST_UPDATE:
                continue
            if self._all_finished() or idle > self.quiet:
                if helpers == MAX_HELPERS:
                    return
                helpers += 1
                self._add(Member(f"helper-{helpers}", CAREFUL))
                self._last_work = time.monotonic()

    def _all_idle(self) -> bool:
        with self._lock:
            return all(record.member.name in self._idle | self._finished for record in self.records)

    def _all_finished(self) -> bool:
        with self._lock:
            return len(self._finished) == len(self.records)

    def _raise_first(self) -> None:
        for record in self.records:
            if record.error:
                raise DemoError(f"{record.member.name} could not continue: {record.error}")
