"""Starts the parts in order, restarts what dies, stops all of it in the opposite order.

Two processes stand watch, so that killing either leaves nothing behind (docs/decisions/0001-embedded-runtime.md):

    keeper        what a person started; subreaper; holds the write end of the lifeline
      supervisor  this module; subreaper; ends everything when the lifeline closes
        parts     each in a session of its own, asking the kernel for a signal when the supervisor dies
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from annotary.runtime import linux_processes as processes
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.process import Service, rotate

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
# A part that lived this long was well; its next death is a new story.
WELL_AFTER = 60.0
# Deaths in a row before the first readiness that end the start.
TRIES_AT_START = 3


class StopRequestedError(Exception):
    """Somebody asked for the end: a signal, or the lifeline closed."""


@dataclass
class Part:
    """A service and its present process."""

    service: Service
    process: "subprocess.Popen[bytes] | None" = None
    identity: Identity | None = None
    started: float = 0.0
    deaths: int = 0
    restart_at: float | None = None
    was_ready: bool = False


@dataclass
class Supervisor:
    lifeline: int
    changed: Callable[[dict[str, Identity]], None] = lambda children: None
    parts: dict[str, Part] = field(default_factory=dict)
    # In the environment of every part, where its children keep it: a later start knows them by it (leftovers.py).
    marks: dict[str, str] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _lifelines: set[int] = field(default_factory=set)
    _stop: bool = False
    _next_rotation: float = 0.0

    def watch(self) -> None:
        """Begin to listen: signals and children wake the loop through a pipe, the lifeline by closing."""
        processes.become_subreaper()
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(reader, selectors.EVENT_READ)
        self._lifelines.add(self.lifeline)
        self._selector.register(self.lifeline, selectors.EVENT_READ)

    def also_ends_with(self, pipe: int) -> None:
        """Another pipe whose closing asks for the end, held by a program that started this one."""
        os.set_inheritable(pipe, False)
        self._lifelines.add(pipe)
        self._selector.register(pipe, selectors.EVENT_READ)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self._stop = True

    def start(self, services: Iterable[Service]) -> None:
        """Start them side by side and return when all are ready; those that run already are only waited for."""
        wanted = list(services)
        self.launch(wanted)
        for service in wanted:
            self._wait_ready(self.parts[service.name])

    def launch(self, services: Iterable[Service]) -> None:
        """Start them and return at once."""
        for service in services:
            if service.name not in self.parts:
                self.parts[service.name] = Part(service)
                self._launch(self.parts[service.name])

    def _launch(self, part: Part) -> None:
        part.restart_at = None
        part.process = part.service.start(self.marks)
        part.identity = Identity.of(part.process.pid)
        part.started = time.monotonic()
        self._announce()

    def _announce(self) -> None:
        self.changed({name: part.identity for name, part in self.parts.items() if part.identity is not None})

    def _wait_ready(self, part: Part) -> None:
        service = part.service
        deadline = time.monotonic() + service.start_patience
        while not (part.process is not None and service.ready()):
            if part.deaths >= TRIES_AT_START:
                raise EmbeddedError(f"Could not start {service.title}; {service.log} ends with: {service.last_words()}")
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Waited {service.start_patience:.0f} seconds in vain for {service.title}; "
                    f"{service.log} ends with: {service.last_words()}"
                )
            self.tick(0.03)
        part.was_ready = True

    def run_once(self, service: Service) -> None:
        """Run to its end a step that the others need; EmbeddedError when it fails."""
        part = self.parts[service.name] = Part(service)
        self._launch(part)
        process = part.process
        while process is not None and process.returncode is None:
            self.tick(0.1, once=service.name)
        del self.parts[service.name]
        self._announce()
        if process is not None and process.returncode != 0:
            raise EmbeddedError(f"{service.title.capitalize()} failed; {service.log} ends with: {service.last_words()}")

    def forever(self) -> None:
        while True:
            due = [part.restart_at - time.monotonic() for part in self.parts.values() if part.restart_at is not None]
            self.tick(max(0.01, min([5.0, *due])))

    def tick(self, timeout: float, *, once: str = "") -> None:
        """One look at signals, lifeline and children. `once` names a part that may end without being restarted."""
        for key, _ in self._selector.select(timeout):
            if key.fd in self._lifelines:
                self._stop = True
            else:
                with suppress(BlockingIOError):
                    while os.read(key.fd, 512):
                        pass
        if self._stop:
            raise StopRequestedError
        for pid, code in processes.reap():
            self._ended(pid, code, once)
        now = time.monotonic()
        for part in self.parts.values():
            if part.restart_at is not None and part.restart_at <= now:
                self._launch(part)
        if now >= self._next_rotation:
            self._next_rotation = now + 60
            for part in self.parts.values():
                rotate(part.service.log)

    def _ended(self, pid: int, code: int, once: str) -> None:
        for name, part in self.parts.items():
            process = part.process
            if process is None or process.pid != pid:
                continue
            process.returncode = code
            # Its own children stay behind in its group (a web worker kept the port and served on): end them too.
            _kill_group(pid)
            if name != once:
                if time.monotonic() - part.started > WELL_AFTER:
                    part.deaths = 0
                delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0**part.deaths)
                part.deaths += 1
                part.process, part.identity = None, None
                part.restart_at = time.monotonic() + delay
                self._announce()

    def stop(self) -> None:
        """End the parts, last started first, then whatever else descends from here."""
        for part in reversed(self.parts.values()):
            part.restart_at = None
            process = part.process
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, part.service.stop_signal)
                # Web, websockets and jobs end side by side; the stores wait until those are gone.
                if part.service.name in {"valkey", "postgres"}:
                    self._await_end([p for p in self.parts.values() if p.service.name not in {"valkey", "postgres"}])
                    self._await_end([part])
        self._await_end(list(self.parts.values()))
        processes.end_descendants(os.getpid())

    def _await_end(self, parts: list[Part]) -> None:
        deadline = time.monotonic() + max((part.service.patience for part in parts), default=0)
        while True:
            for pid, code in processes.reap():
                for part in self.parts.values():
                    if part.process is not None and part.process.pid == pid:
                        part.process.returncode = code
            left = [part.process for part in parts if part.process is not None and part.process.returncode is None]
            if not left:
                return
            if time.monotonic() > deadline:
                for process in left:
                    _kill_group(process.pid)
                deadline = time.monotonic() + 2
            time.sleep(0.02)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
