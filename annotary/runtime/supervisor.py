"""Starts the services in order, restarts those that die, and stops all of them in reverse order.

Two processes watch, so that killing either leaves nothing behind (docs/decisions/0001-embedded-runtime.md):

    launcher      the process that the user started; subreaper; holds the write end of the lifeline
      supervisor  this module; subreaper; stops everything when the lifeline closes
        services  each in a session of its own, with a parent-death signal from the kernel if the supervisor dies
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

from annotary.runtime import files, linux_processes
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.process import Service, rotate

FIRST_DELAY = 0.5
# Short enough that everything works again within a minute of the end of its cause, such as a full disk.
LONGEST_DELAY = 15.0
# After running this long a service counts as healthy, and its restart delay is reset.
HEALTHY_AFTER = 60.0
# A service that dies this often in a row before it is first ready fails the start.
TRIES_AT_START = 3
# These stop after everything else, one by one: the front passes on the last answers, and the stores take them.
STOP_LAST = ("front", "valkey", "postgres")
PROGRESS_SECONDS = 10.0
# A start that fails with less room than this fails for lack of it: PostgreSQL writes its log ahead in pieces of 16 MB.
FULL_BELOW_MB = 32


class StopRequestedError(Exception):
    """A signal arrived or the lifeline closed: stop everything."""


@dataclass
class Part:
    """A service and its current process."""

    service: Service
    process: "subprocess.Popen[bytes] | None" = None
    identity: Identity | None = None
    started: float = 0.0
    deaths: int = 0
    # The last run ended with an error code, not with a signal.
    failed: bool = False
    restart_at: float | None = None
    # A step that ends by itself and is not restarted.
    once: bool = False


@dataclass
class Supervisor:
    lifeline: int
    on_change: Callable[[dict[str, Identity]], None] = lambda children: None
    say: Callable[[str], None] = lambda text: None
    parts: dict[str, Part] = field(default_factory=dict)
    # Added to the environment of every service and inherited by its children: identifies orphans to a later start.
    extra_environment: dict[str, str] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _lifelines: set[int] = field(default_factory=set)
    _stop: bool = False
    _next_rotation: float = 0.0
    # When to repeat an announcement that failed, because the disk is full.
    _announce_at: float | None = None

    def watch(self) -> None:
        """Start listening: signals and exiting children wake the loop through a pipe, the lifeline by closing."""
        linux_processes.become_subreaper()
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(reader, selectors.EVENT_READ)
        self._lifelines.add(self.lifeline)
        self._selector.register(self.lifeline, selectors.EVENT_READ)

    def watch_lifeline(self, pipe: int) -> None:
        """Also stop when this pipe closes; the program that started this one holds its other end."""
        os.set_inheritable(pipe, False)
        self._lifelines.add(pipe)
        self._selector.register(pipe, selectors.EVENT_READ)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True

    def start(self, services: Iterable[Service]) -> None:
        """Start services in parallel and return when all are ready; services that already run are only waited for."""
        requested = list(services)
        self.launch(requested)
        for service in requested:
            self._wait_ready(self.parts[service.name])

    def launch(self, services: Iterable[Service]) -> None:
        """Start services and return without waiting for them."""
        for service in services:
            if service.name not in self.parts:
                self.parts[service.name] = Part(service)
                self._launch(self.parts[service.name])

    def _launch(self, part: Part) -> None:
        part.restart_at = None
        part.started = time.monotonic()
        try:
            part.service.prepare(part.failed)
            part.process = part.service.start(self.extra_environment)
        except (OSError, subprocess.SubprocessError):
            # No memory, no process ids, no disk: like a service that died at once.
            self._restart_later(part)
            return
        part.identity = Identity.from_pid(part.process.pid)
        self.announce()

    def announce(self) -> None:
        """Publish which processes run. Best effort: while the disk is full, it is repeated every few seconds."""
        try:
            self.on_change({name: part.identity for name, part in self.parts.items() if part.identity is not None})
        except OSError:
            self._announce_at = time.monotonic() + 2
        else:
            self._announce_at = None

    def _wait_ready(self, part: Part) -> None:
        service = part.service
        deadline, progress, next_line = time.monotonic() + service.start_timeout, "", 0.0
        while not (part.process is not None and service.is_ready(part.process.pid)):
            if part.deaths >= TRIES_AT_START:
                raise _start_error(service, f"Could not start {service.title}.")
            now, latest = time.monotonic(), service.recovery()
            if latest != progress:
                progress, deadline = latest, now + service.start_timeout
                if now >= next_line:
                    next_line = now + PROGRESS_SECONDS
                    self.say(latest)
            if now > deadline:
                was = f"{service.title.capitalize()} was not ready within {service.start_timeout:.0f} seconds."
                raise _start_error(service, was)
            self.tick(0.03)

    def run_once(self, service: Service) -> None:
        """Run a step that the services need, and wait for it to finish. Raises EmbeddedError if it fails."""
        self.launch_once(service)
        self.finish(service)

    def launch_once(self, service: Service) -> None:
        """Start such a step and return without waiting for it; `finish` must follow."""
        part = self.parts[service.name] = Part(service, once=True)
        self._launch(part)

    def finish(self, service: Service) -> None:
        process = self.parts[service.name].process
        while process is not None and process.returncode is None:
            self.tick(0.1)
        del self.parts[service.name]
        self.announce()
        if process is None or process.returncode != 0:
            raise _start_error(service, f"{service.title.capitalize()} failed.")

    def run_forever(self) -> None:
        while True:
            due = [part.restart_at - time.monotonic() for part in self.parts.values() if part.restart_at is not None]
            self.tick(max(0.01, min([5.0, *due])))

    def tick(self, timeout: float) -> None:
        """Handle signals, lifeline and children once."""
        for key, _ in self._selector.select(timeout):
            if key.fd in self._lifelines:
                self._stop = True
            else:
                with suppress(BlockingIOError):
                    while os.read(key.fd, 512):
                        pass
        if self._stop:
            raise StopRequestedError
        for pid, code in linux_processes.reap():
            self._handle_exit(pid, code)
        now = time.monotonic()
        for part in self.parts.values():
            if part.restart_at is not None and part.restart_at <= now:
                self._launch(part)
        if self._announce_at is not None and self._announce_at <= now:
            self.announce()
        if now >= self._next_rotation:
            self._next_rotation = now + 60
            for part in self.parts.values():
                rotate(part.service.log)

    def _handle_exit(self, pid: int, code: int) -> None:
        for part in self.parts.values():
            process = part.process
            if process is None or process.pid != pid:
                continue
            process.returncode = code
            # Its children survive in its group (a web worker once kept the port and kept serving): kill them too.
            _kill_group(pid)
            if not part.once:
                part.failed = code > 0
                self._restart_later(part)

    def _restart_later(self, part: Part) -> None:
        if time.monotonic() - part.started > HEALTHY_AFTER:
            part.deaths = 0
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0**part.deaths)
        part.deaths += 1
        part.process, part.identity = None, None
        part.restart_at = time.monotonic() + delay
        self.announce()

    def stop(self) -> None:
        """Stop web, websockets and jobs in parallel, then those of STOP_LAST, then kill any other descendants."""
        for part in self.parts.values():
            part.restart_at = None
        last = [self.parts[name] for name in STOP_LAST if name in self.parts]
        for group in ([part for part in self.parts.values() if part not in last], *([part] for part in last)):
            for part in group:
                if part.process is not None and part.process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.kill(part.process.pid, part.service.stop_signal)
            self._await_exit(group)
        linux_processes.end_descendants(os.getpid())

    def _await_exit(self, parts: list[Part]) -> None:
        deadline = time.monotonic() + max((part.service.stop_timeout for part in parts), default=0)
        while True:
            for pid, code in linux_processes.reap():
                for part in self.parts.values():
                    if part.process is not None and part.process.pid == pid:
                        part.process.returncode = code
            running = [part.process for part in parts if part.process is not None and part.process.returncode is None]
            if not running:
                return
            if time.monotonic() > deadline:
                for process in running:
                    _kill_group(process.pid)
                deadline = time.monotonic() + 2
            time.sleep(0.02)


def _start_error(service: Service, what: str) -> EmbeddedError:
    for folder in (service.folder, service.log.parent):
        files.require_space(folder, FULL_BELOW_MB)
    return EmbeddedError(f"{what} {service.log} ends with: {service.last_log_line()}")


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
