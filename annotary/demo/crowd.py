"""The simulated crowd: one thread a person, and the decision that the work is done."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from annotary.demo.errors import DemoError
from annotary.demo.skills import CAREFUL, Member
from annotary.demo.worker import Job, Record, Worker

LOOK_EVERY = 0.25
# With nobody finding work for so many seconds, jobs that would open places have run.
QUIET = 6.0
# People who may be asked to help when the others are paused or have seen everything.
MOST_HELPERS = 4


@dataclass
class Crowd:
    """Shared by the threads. `left` asks the server how many images still want answers, `quiet` is QUIET.

    Raises DemoError from `run` with what the first worker met that a server must not do.
    """

    job: Job
    left: Callable[[], int]
    told: Callable[[int], None] = lambda answers: None
    quiet: float = QUIET
    stop: threading.Event = field(default_factory=threading.Event)
    records: list[Record] = field(default_factory=list)
    unfinished: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: set[str] = set()
        self._over: set[str] = set()
        self._answers = 0
        self._last_work = time.monotonic()
        self._threads: list[threading.Thread] = []
        # Two crowds on one server are different people.
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
        """Until every image has its answers, or nobody is left who could give one. Raises the first worker's error."""
        try:
            for member in members:
                self._hire(member)
            self._watch()
        finally:
            self.stop.set()
            for thread in self._threads:
                thread.join()
        self._raise_first()
        return self.records

    def _hire(self, member: Member) -> None:
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
                    self._over.add(member.name)

        thread = threading.Thread(target=work, name=f"crowd-{member.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self) -> None:
        helpers = 0
        while True:
            self.stop.wait(LOOK_EVERY)
            self.told(self._answers)
            if self.stop.is_set() or any(record.error for record in self.records):
                return
            if not self._nobody_works():
                continue
            self.unfinished = self.left()
            if self.unfinished == 0:
                return
            if self._everybody_over() or time.monotonic() - self._last_work > self.quiet:
                if helpers == MOST_HELPERS:
                    return
                helpers += 1
                self._hire(Member(f"helper-{helpers}", CAREFUL))
                self._last_work = time.monotonic()

    def _nobody_works(self) -> bool:
        with self._lock:
            return all(record.member.name in self._idle | self._over for record in self.records)

    def _everybody_over(self) -> bool:
        with self._lock:
            return len(self._over) == len(self.records)

    def _raise_first(self) -> None:
        for record in self.records:
            if record.error:
                raise DemoError(f"{record.member.name} could not go on: {record.error}")
