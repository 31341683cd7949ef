"""Response times while slow clients are connected, and what the front server costs.

    .venv/bin/python tests/benchmarks/slow_senders.py [senders]

Starts an installation in a temporary folder. First it measures calls on the quiet site, then with the senders at work
(slow headers, sign-ins and uploads at twenty bytes a second, idle connections, slow readers of a large file), then
while one address opens 4,000 connections without finishing a header, again and again, then quiet again. The last line
compares pages per second through the front with pages straight from the web server.
"""

import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from annotary.runtime import instance
from annotary.runtime.instance import Running
from annotary.runtime.paths import DataPaths
from tests.slow_senders import People, SlowSenders, keep_full, open_files, sign_in

FLOOD, FLOODING = 4000, "127.0.0.8"
SENDERS, CALLS = 200, 200
CLIENTS, SECONDS = 8, 8.0


def machine() -> str:
    load = f"load average {os.getloadavg()[0]:.1f}"
    return f"{os.cpu_count()} cores, {load}, {platform.machine()}, Python {platform.python_version()}"


def times(client: httpx.Client, path: str) -> list[float]:
    """Return the milliseconds of calls one after another."""
    taken = []
    for _ in range(CALLS):
        start = time.perf_counter()
        status = client.get(path).status_code
        taken.append((time.perf_counter() - start) * 1000)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}")
    return taken


def line(title: str, people: People) -> str:
    paths = {"/healthz": "/healthz", "a signed-in page": f"/projects/{people.project['id']}/"}
    parts = []
    for name, path in paths.items():
        taken = sorted(times(people.browser, path))
        p50, p95 = statistics.median(taken), taken[int(len(taken) * 0.95)]
        parts.append(f"{name} p50 {p50:5.1f} ms, p95 {p95:5.1f} ms")
    return f"  {title:<22}{'; '.join(parts)}"


def pages_per_second(people: People, *, uds: Path | None = None) -> float:
    """Return how many pages several clients get together."""
    done = [0] * CLIENTS
    end = time.monotonic() + SECONDS

    def work(number: int) -> None:
        transport = httpx.HTTPTransport(uds=str(uds) if uds else None)
        headers = {"Cookie": people.cookies}
        with httpx.Client(base_url=people.browser.base_url, transport=transport, headers=headers) as client:
            while time.monotonic() < end:
                done[number] += client.get(f"/projects/{people.project['id']}/").status_code == 200

    threads = [threading.Thread(target=work, args=[number]) for number in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(done) / SECONDS


def measure(running: Running, senders: int) -> Iterator[str]:
    yield machine()
    with sign_in(running) as people:
        line("warming up", people)
        yield line("quiet", people)
        with SlowSenders(running, people, senders, seed=1) as slow:
            while not slow.all_at_work():
                time.sleep(0.1)
            yield line(f"{senders} slow clients", people)
        with open_files(2 * FLOOD), keep_full(running.state().port, FLOOD, FLOODING) as held:
            while not held:
                time.sleep(0.1)
            yield line(f"{FLOOD:,} half headers", people)
        yield f"  one address opened {FLOOD:,} connections, {len(held)} times; it held at most {max(held):,}"
        yield line("quiet again", people)
        direct, through = [], []
        # Alternating, so that a busy moment of the machine affects both.
        for _ in range(2):
            direct.append(pages_per_second(people, uds=DataPaths(running.data).web_socket))
            through.append(pages_per_second(people))
        yield f"{CLIENTS} clients, pages per second: direct {max(direct):.0f}, through the front {max(through):.0f}"


def main() -> int:
    senders = int(sys.argv[1]) if len(sys.argv) > 1 else SENDERS
    with (
        tempfile.TemporaryDirectory(prefix="annotary-slow-") as folder,
        instance.start(data=Path(folder)) as running,
    ):
        for each in measure(running, senders):
            print(each, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
