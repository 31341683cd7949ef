"""Clients that take their time, and people who are at work meanwhile; for the fault tests and the benchmarks."""

import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from annotary.demo.manager import Manager
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import python_path

KINDS = ("header", "sign-in", "upload", "idle", "reader")
#: A large page, requested several times in a row: more than the kernel buffers for a client that does not read.
BIG, TIMES = "/api/v1/docs/", 20
#: Bytes that each sends, or reads, in a tick: twenty a second, so that no time between two bytes is long.
AT_ONCE, TICK = 5, 0.25
MAKE_MANAGER = """
import json, os
from annotary.demo.accounts import make_manager
made = make_manager(os.environ)
print(json.dumps([made.email, made.password, made.key]))
"""


@dataclass
class People:
    """A manager of a site, with a project, an API key and a browser that is signed in."""

    key: str
    project: dict[str, Any]
    browser: httpx.Client

    @property
    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())


@contextmanager
def sign_in(running: Running) -> Iterator[People]:
    """Create the manager and the project, and sign in as a browser does."""
    done = subprocess.run(
        [sys.executable, "-c", MAKE_MANAGER],
        env={**os.environ, **running.environment, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    email, password, key = json.loads(done.stdout)
    manager = Manager(running.url, key)
    project = manager.create_project({"name": "Boats", "classes": [{"name": "boat"}], "tools": ["box"]})
    manager.close()
    with httpx.Client(base_url=running.url, headers={"Origin": running.url}, timeout=30) as browser:
        browser.get("/account/login/")
        form = {"login": email, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/account/login/", data=form).status_code == 302
        yield People(key, project, browser)


def half_headers(port: int, count: int, address: str) -> list[socket.socket]:
    """Open sockets from an address: half send the start of a header, half send nothing."""
    sockets = []
    for number in range(count):
        one = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(address, 0))
        with suppress(OSError):  # it may have been refused already
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: local" if number % 2 else b"")
        one.setblocking(False)
        sockets.append(one)
    return sockets


def count_open(sockets: list[socket.socket]) -> int:
    """Return how many sockets the other side has not closed; all must be non-blocking."""
    count = 0
    for one in sockets:
        try:
            one.recv(1)
        except BlockingIOError:
            count += 1
        except OSError:
            continue
    return count


@contextmanager
def keep_full(port: int, count: int, address: str) -> Iterator[list[int]]:
    """Open that many half headers from an address, again and again, until the end of the block.

    Yields the number of sockets that stayed open, by round.
    """
    stop, held = threading.Event(), list[int]()

    def work() -> None:
        while not stop.is_set():
            sockets: list[socket.socket] = []
            with suppress(OSError):  # while the front is killed
                sockets = half_headers(port, count, address)
            stop.wait(0.5)
            held.append(count_open(sockets))
            # Longer than a header may take.
            end = time.monotonic() + 11
            while time.monotonic() < end and count_open(sockets) and not stop.wait(0.5):
                continue
            for one in sockets:
                one.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        stop.set()
        thread.join(30)


@contextmanager
def open_files(count: int) -> Iterator[None]:
    """Allow this process at least so many open files, often 1,024 otherwise, as far as the system permits."""
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard)
        )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@dataclass
class SlowSenders:
    """Sockets that are busy with one request for minutes, of all kinds in turn; those that are closed come back.

    `sent` counts the bytes of each kind. Use as a context manager.
    """

    running: Running
    people: People
    count: int
    seed: int
    kinds: tuple[str, ...] = KINDS
    sent: Counter[str] = field(default_factory=Counter)
    _sockets: dict[int, socket.socket] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "SlowSenders":
        self._random, self.port = random.Random(self.seed), self.running.state().port
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        for each in self._sockets.values():
            each.close()

    def kind(self, number: int) -> str:
        return self.kinds[number % len(self.kinds)]

    def all_at_work(self) -> bool:
        """Whether every socket is open and every kind that sends has sent for a while."""
        senders = set(self.kinds) - {"idle", "reader"}
        return len(self._sockets) == self.count and all(
            self.sent[kind] > 8 * AT_ONCE * self.count / len(self.kinds) for kind in senders
        )

    def _run(self) -> None:
        order = self._random.sample(range(self.count), self.count)
        while not self._stop.wait(TICK):
            for number in order:
                try:
                    if number not in self._sockets:
                        self._sockets[number] = self._connect(self.kind(number))
                    self._step(self.kind(number), self._sockets[number])
                except BlockingIOError:
                    continue
                except OSError:
                    with suppress(KeyError):
                        self._sockets.pop(number).close()

    def _connect(self, kind: str) -> socket.socket:
        client = socket.socket()
        if kind == "reader":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(5)
        try:
            client.connect(("127.0.0.1", self.port))
            client.sendall(self._request(kind))
        except OSError:
            client.close()
            raise
        client.setblocking(False)
        return client

    def _request(self, kind: str) -> bytes:
        if kind == "idle":
            return self._head("GET", "/healthz")
        if kind == "reader":
            return self._head("GET", BIG) * TIMES
        if kind == "header":
            return self._head("GET", "/account/login/")[:-2] + b"X-Slow: "
        length = f"Content-Length: {self._random.randrange(20_000, 200_000)}"
        if kind == "sign-in":
            return self._head("POST", "/account/login/", length, "Content-Type: application/x-www-form-urlencoded")
        return self._head(
            *("POST", f"/api/v1/projects/{self.people.project['id']}/imports/", length),
            *("Content-Type: multipart/form-data; boundary=x", f"Authorization: Bearer {self.people.key}"),
        )

    def _head(self, method: str, path: str, *more: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *more]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    def _step(self, kind: str, client: socket.socket) -> None:
        if kind == "reader":
            if not client.recv(AT_ONCE):
                raise ConnectionResetError
        elif kind != "idle":
            self.sent[kind] += client.send(b"a" * AT_ONCE)
