"""Runs transactions interleaved statement by statement, in an order that a seed decides, and kills their processes.

Each actor is a thread with a connection of its own. It stops before every statement, before every commit and after it,
and goes on when the schedule says so; so exactly one statement runs at a time. One that waits for a lock is left
waiting, and another actor goes on. At any stop an actor may be killed, as a process is: PostgreSQL ends its connection,
nothing of what it had not committed remains, and if it had committed, nobody hears of it.

The same seed gives the same schedule: random numbers of the services and of PostgreSQL are seeded for each actor, and
time is the virtual clock.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from structlog.contextvars import bind_contextvars

from tests.virtual_clock import VirtualClock

#: Seconds within which a statement has usually ended; only then PostgreSQL is asked whether it waits for a lock.
USUAL = 0.003
#: An actor is killed at this share of its stops, but not more often than this.
KILLED, MOST_KILLS = 0.02, 3
STUCK = 30.0
BLOCKED = "SELECT pid FROM unnest(%s::int[]) AS pid WHERE cardinality(pg_blocking_pids(pid)) > 0"


class Killed(BaseException):
    """The process is dead. Not an Exception: nothing handles it."""


class State(Enum):
    RUNNING = auto()
    STOPPED = auto()
    ENDED = auto()


class RandomOfThread(random.Random):
    """Random numbers of the services: those of the actor that draws them."""

    _own = threading.local()

    def seed_thread(self, seed: int) -> None:
        self._own.numbers = random.Random(seed)

    def random(self) -> float:
        return float(self._own.numbers.random())

    def getrandbits(self, k: int, /) -> int:
        return int(self._own.numbers.getrandbits(k))


class Actor:
    """A process that runs `work`, one statement at a time. `work` gets the actor, to make its calls through `call`."""

    def __init__(self, name: str, seed: int, work: Callable[[Actor], None], numbers: RandomOfThread) -> None:
        self.name, self.seed, self.work = name, seed, work
        self.state, self.stop = State.RUNNING, "starts"
        self.dead, self.given_up, self.waits = False, False, False
        self.error: BaseException | None = None
        self.pid, self.kills = 0, 0
        self.turn = threading.Semaphore(0)
        self._numbers, self._watched = numbers, False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._thread.start()

    def join(self) -> None:
        self._thread.join(STUCK)
        assert not self._thread.is_alive(), f"{self.name} did not end"

    def call(self, call: Callable[[], Any]) -> Any:
        """Make the call, as a client that repeats it until it gets a response; raises the error of the response."""
        while True:
            try:
                with self._stops():
                    return call()
            except BaseException:
                # Whatever a dead process raised, nobody heard it.
                if not self.dead or self.given_up:
                    raise
                self._connect()

    def _run(self) -> None:
        try:
            bind_contextvars(request_id="simulation")
            self._numbers.seed_thread(self.seed)
            self._connect()
            self.call(partial(self._stop, "begins"))
            self.work(self)
        except BaseException as error:
            self.error = error
        finally:
            _drop_connection()
            self.state = State.ENDED
            self._schedule.arrived.put(self)

    def _connect(self) -> None:
        """Connect as a new process, whose statements stop."""
        _drop_connection()
        self.dead = False
        connection.ensure_connection()
        self.pid = connection.connection.info.backend_pid
        self._schedule.clock.use()
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(%s)", [(self.seed + self.kills) % 1000 / 1000])
        connection.execute_wrappers.append(self._execute)
        wrapped: Any = connections[DEFAULT_DB_ALIAS]
        commit = wrapped._commit

        def stop_and_commit() -> None:
            self._stop("COMMIT")
            commit()
            self._stop("has committed")

        wrapped._commit = stop_and_commit

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.dead and not sql.startswith(("ROLLBACK", "RELEASE")):
            raise Killed
        if not self.dead:
            # The name of a savepoint is another one in each run.
            self._stop("SAVEPOINT" if "SAVEPOINT" in sql else " ".join(sql.split())[:60])
        result = execute(sql, params, many, context)
        if not connection.in_atomic_block:
            self._stop("has committed")
        return result

    @contextmanager
    def _stops(self) -> Iterator[None]:
        self._watched = True
        try:
            yield
        finally:
            self._watched = False

    def _stop(self, what: str) -> None:
        """Wait for the schedule. Raises Killed if it kills the actor here."""
        if not self._watched:
            return
        if self.dead:
            raise Killed
        self.stop, self.state = what, State.STOPPED
        self._schedule.arrived.put(self)
        self.turn.acquire()
        if self.dead:
            raise Killed


class Schedule:
    """The order in which the actors go on. `trace` has a line for each step."""

    def __init__(self, seed: int, clock: VirtualClock, actors: Sequence[Actor]) -> None:
        self.clock, self.actors = clock, list(actors)
        self.random = random.Random(seed)
        # From turns at every statement to whole transactions that are interrupted now and then.
        self.patience = self.random.choice([0.0, 0.5, 0.8, 0.95])
        self.arrived: SimpleQueue[Actor] = SimpleQueue()
        self.trace: list[str] = []

    def run(self) -> None:
        """Let the actors work until all have ended. Raises what an actor raised, and AssertionError for a deadlock."""
        for actor in self.actors:
            actor.start(self)
        last: Actor | None = None
        while True:
            self._wait_until_nobody_runs()
            stopped = [actor for actor in self.actors if actor.state is State.STOPPED]
            if not stopped:
                break
            stays = last in stopped and self.random.random() < self.patience
            last = last if stays and last is not None else self.random.choice(stopped)
            self._go_on(last)
        self._end()

    def _go_on(self, actor: Actor) -> None:
        if actor.kills < MOST_KILLS and self.random.random() < KILLED:
            self._kill(actor)
        self.trace.append(f"{actor.name}: {'is killed before: ' if actor.dead else ''}{actor.stop}")
        actor.state, actor.waits = State.RUNNING, False
        actor.turn.release()

    def _kill(self, actor: Actor) -> None:
        """End the actor's connection, and wait until its locks are free."""
        actor.kills, actor.dead = actor.kills + 1, True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [actor.pid])

    def _wait_until_nobody_runs(self) -> None:
        """Return when each actor has stopped, has ended, or waits for a lock."""
        while running := [actor for actor in self.actors if actor.state is State.RUNNING]:
            try:
                self.arrived.get(timeout=0 if all(actor.waits for actor in running) else USUAL)
            except Empty:
                self._look(running)
                if all(actor.waits for actor in running):
                    return

    def _look(self, running: Sequence[Actor]) -> None:
        """Which of these wait for a lock of another: PostgreSQL knows, and a clock does not."""
        with connection.cursor() as cursor:
            cursor.execute(BLOCKED, [[actor.pid for actor in running]])
            blocked = {pid for (pid,) in cursor.fetchall()}
        for actor in running:
            actor.waits = actor.pid in blocked

    def _end(self) -> None:
        waiting = [actor for actor in self.actors if actor.state is State.RUNNING]
        for actor in waiting:
            actor.given_up = True
        for actor in waiting:
            self._kill(actor)
            actor.turn.release()  # it may have got its lock, and have stopped
        for actor in self.actors:
            actor.join()
        assert not waiting, f"{[actor.name for actor in waiting]} wait for each other forever"
        errors = [actor.error for actor in self.actors if actor.error is not None]
        if errors:
            raise errors[0]


def _drop_connection() -> None:
    """Forget the thread's connection, in whatever state it is."""
    raw = connections[DEFAULT_DB_ALIAS].connection
    if raw is not None:
        raw.close()
    del connections[DEFAULT_DB_ALIAS]
