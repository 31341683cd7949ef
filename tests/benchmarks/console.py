"""Measure the live console: `python tests/benchmarks/console.py`; about six minutes, most of them to write the project.

First, the time from an event to the sockets of 1,000 open consoles: the database, the relay and the websocket server
run on the first core, the client with its sockets on the second. Then, in a project with 200,000 tasks, the time of a
worker's answer (Django's test client) while 0, 1 and 4 consoles do what their pages do: reload the activity every five
seconds and the board once a minute, or as often as `--board-every` says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVER_CORE, CLIENT_CORE = {0}, {1}
OPENING_AT_ONCE = 50
SETTLING = 5.0


@dataclass(slots=True)
class Latencies:
    """The seconds from each event after `since` to its arrival at each socket, and each socket's messages."""

    since: float = math.inf
    latencies: list[float] = field(default_factory=list)
    messages: Counter[int] = field(default_factory=Counter)

    def add(self, socket_number: int, text: str | bytes) -> None:
        now = time.time()
        times = [datetime.fromisoformat(event["at"]).timestamp() for event in json.loads(text).get("events", ())]
        after = [now - each for each in times if each > self.since]
        self.messages[socket_number] += bool(after)
        self.latencies.extend(after)


async def listen(
    url: str, cookie: str, number: int, received: Latencies, gate: asyncio.Semaphore
) -> asyncio.Task[None]:
    """Open a socket, and return the task that reads it until it is canceled."""
    from websockets import Origin
    from websockets.asyncio.client import connect

    async with gate:
        client = await connect(
            url, origin=Origin("http://127.0.0.1"), additional_headers={"Cookie": cookie}, open_timeout=120
        )

    async def read() -> None:
        async for text in client:
            received.add(number, text)

    return asyncio.create_task(read())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def client_process(url: str, cookie: str, sockets: int, seconds: float, server: int) -> None:
    """Run in a process of its own: open all sockets, then measure, and print the figures as JSON."""
    os.sched_setaffinity(0, CLIENT_CORE)
    received, used = Latencies(), 0.0

    async def run() -> None:
        nonlocal used
        gate = asyncio.Semaphore(OPENING_AT_ONCE)
        reading = await asyncio.gather(*[listen(url, cookie, number, received, gate) for number in range(sockets)])
        await asyncio.sleep(SETTLING)  # what happened while they opened
        received.since, before = time.time(), cpu_seconds(server)
        await asyncio.sleep(seconds)
        used = cpu_seconds(server) - before
        for task in reading:
            task.cancel()

    asyncio.run(run())
    latencies = sorted(received.latencies)
    figures = {
        "arrivals": len(latencies),
        "p50": statistics.median(latencies),
        "p99": latencies[int(len(latencies) * 0.99)],
        "messages": max(received.messages.values()),
        "cpu_of_message": used / received.messages.total(),
        "cpu_share": used / seconds,
    }
    print(json.dumps(figures))


def watch_process(url: str, cookie: str, sockets: int) -> None:
    """Run in a process of its own: open all sockets, say so, and read until terminated."""

    async def run() -> None:
        gate = asyncio.Semaphore(OPENING_AT_ONCE)
        reading = [listen(url, cookie, number, Latencies(), gate) for number in range(sockets)]
        tasks = await asyncio.gather(*reading)
        print("open", flush=True)
        await asyncio.gather(*tasks)

    asyncio.run(run())


@contextlib.contextmanager
def servers() -> Iterator[tuple[int, int]]:
    """Run the websocket server and the relay on the server's core; yield the server's port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}
    web = ["uvicorn", "annotary.asgi:application", "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
    web += ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false"]  # as in annotary/runtime/services.py
    commands = [web, ["django", "relay"]]
    running = [subprocess.Popen([sys.executable, "-m", *each], cwd=ROOT, env=environment) for each in commands]
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.2)
        yield port, running[0].pid
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def sockets_report(sockets: int, rate: float, seconds: float) -> Iterator[str]:
    from django.conf import settings

    from kernel.events import record_event
    from tests import factories
    from tests.ui.live import session_of

    project = factories.a_project("Watched")
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(factories.ada().user)}"
    with servers() as (port, server):
        url = f"ws://127.0.0.1:{port}/ws/projects/{project.public_id}/"
        arguments = ["--client", url, cookie, str(sockets), str(seconds), str(server)]
        client = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)
        recorded = 0
        while client.poll() is None:
            # Each event has its own data, so none is merged with another: the worst case for the size of a message.
            record_event(project_id=project.pk, kind="answer.submitted", data={"n": recorded}, submitted=1)
            recorded += 1
            time.sleep(1 / rate)
        assert client.stdout is not None
        figures = json.loads(client.stdout.read())
    per_second = figures["messages"] / seconds
    yield f"{sockets:,} sockets, {rate:g} events a second for {seconds:g} s: {figures['arrivals']:,} arrivals"
    yield (
        f"  event to socket p50 {figures['p50'] * 1000:.0f} ms, p99 {figures['p99'] * 1000:.0f} ms;"
        f" at most {per_second:.1f} messages a second and socket"
    )
    yield (
        f"  CPU of the websocket server {figures['cpu_of_message'] * 1e6:.0f} µs for a message to a socket,"
        f" {figures['cpu_share']:.0%} of a core"
    )


def console_process(path: str, board_every: float, number: int) -> None:
    """Run in a process of its own: load the parts of the board as an open page does, until terminated."""
    import django

    django.setup()
    from django.test import Client

    from tests import factories

    client = Client(HTTP_HOST="localhost")
    client.force_login(factories.ada().user)
    client.get(path)
    print("open", flush=True)
    board = feed = time.monotonic() - number  # not all at the same moment
    while True:
        now = time.monotonic()
        if now - board >= board_every:
            board = now
            client.get(f"{path}?part=board")
        if now - feed >= 5:
            feed = now
            client.get(f"{path}?part=feed")
        time.sleep(0.05)


@contextlib.contextmanager
def consoles(count: int, path: str, board_every: float) -> Iterator[None]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}
    opened = [
        subprocess.Popen(
            [sys.executable, __file__, "--console", path, str(board_every), str(number)],
            env=environment,
            stdout=subprocess.PIPE,
        )
        for number in range(count)
    ]
    try:
        for process in opened:
            assert process.stdout is not None
            process.stdout.readline()
        yield
    finally:
        for process in opened:
            process.kill()
            process.wait()


def answers_report(tasks: int, board_every: float, seconds: float) -> Iterator[str]:
    from projects.models import Project
    from tests import factories
    from tests.benchmarks.big_data import Size, a_worked_project
    from tests.benchmarks.big_project import describe
    from tests.worker_actions import answer, leases_of, settle, take

    project, workers = a_worked_project(Size(tasks=tasks), factories.a_blob())
    Project.objects.filter(pk=project.pk).update(gold_rate=0)
    project.refresh_from_db()
    yield f"{describe(project)}; the board is reloaded every {board_every:g} s"
    for count in (0, 1, 4):
        taken: list[float] = []
        with consoles(count, f"/projects/{project.public_id}/", board_every):
            end, turn = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                worker = workers[turn % len(workers)]
                turn += 1
                hand = take(worker, project)
                for lease in leases_of(hand):
                    start = time.perf_counter()
                    answer(lease)
                    taken.append(time.perf_counter() - start)
                settle(hand)
        taken.sort()
        p95 = taken[int(len(taken) * 0.95)]
        yield (
            f"  {count} consoles: {len(taken):,} answers, p50 {statistics.median(taken) * 1000:.1f} ms,"
            f" p95 {p95 * 1000:.1f} ms"
        )


def options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=1_000, help="0 leaves out the time from an event to them")
    parser.add_argument("--rate", type=float, default=22, help="events a second")
    parser.add_argument(
        "--seconds",
        type=float,
        default=20,
        help="of each measurement; answers in much more than 8 seconds use up the project's open images",
    )
    parser.add_argument("--tasks", type=int, default=200_000, help="of the project; 0 leaves out the answers")
    parser.add_argument("--board-every", type=float, default=60, help="seconds between two reloads of the board")
    return parser.parse_args()


def main() -> int:
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    if sys.argv[1:2] == ["--client"]:
        client_process(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]))
        return 0
    if sys.argv[1:2] == ["--watch"]:
        watch_process(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    if sys.argv[1:2] == ["--console"]:
        console_process(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
        return 0
    chosen = options()
    os.sched_setaffinity(0, SERVER_CORE)  # the servers that are started from here inherit it
    from tests.benchmarks.claims import a_database, machine

    with a_database():
        from structlog.contextvars import bind_contextvars

        bind_contextvars(request_id="benchmark")  # events without a request are logged
        print(machine(), flush=True)
        if chosen.sockets:
            for line in sockets_report(chosen.sockets, chosen.rate, chosen.seconds):
                print(line, flush=True)
        if chosen.tasks:
            os.sched_setaffinity(0, SERVER_CORE | CLIENT_CORE)
            for line in answers_report(chosen.tasks, chosen.board_every, chosen.seconds):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
