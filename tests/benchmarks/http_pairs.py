"""Measure claims and submissions over HTTP: `python tests/benchmarks/http_pairs.py`, about two minutes.

Starts a normal installation and a minimal Django site that sends the same statements on the same server software
(tests/benchmarks/minimal). 32 clients with sessions claim a set of one image and answer it. Each pair uses another
worker, so that only the two calls are measured. The CPU time of the web process is reported in addition to wall time,
because a busy machine affects it less.

`--workers 1,8,32,128` measures pairs with each of these numbers of clients instead, and `--sockets 300 --export` lets
as many consoles watch the project and exports be written meanwhile; about five minutes.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from annotary.runtime import instance, linux_processes
from annotary.runtime.instance import Running
from tests.benchmarks.minimal.server import a_minimal_site

CLIENTS = 32
PAIRS = 1200
ROUNDS = 3
TENS = 160
TASKS = 20_000
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PLAIN_BACKEND = "django.contrib.auth.backends.ModelBackend"
BODY = {"image": {"class": 1, "tags": [], "attrs": {}}, "objects": [], "verdict": "labels"}


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in worker."""

    pk: int
    session: str


@dataclass
class Measured:
    """Sums over rounds: pairs (or sets), wall seconds, CPU seconds of the web process; seconds of each call and set."""

    done: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    claims: list[float] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)
    sets: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Of the seconds from a claim to the last answer of its set."""
        ordered = sorted(self.sets)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    def line(self, name: str, unit: str = "pairs") -> str:
        rate, cost = self.done / self.wall, 1000 * self.cpu / self.done
        times = f"claim p50 {_ms(self.claims)}, answer p50 {_ms(self.submits)}" if self.claims else ""
        web = f"{cost:6.2f} ms of web CPU each, " if self.cpu else ""
        return f"  {name:<26} {rate:7.1f} {unit} per second, {web}{times}"


def _ms(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f} ms"


class Client:
    """One persistent connection, which sends the cookies of the given person."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.csrf = secrets.token_hex(16)

    def send(self, person: Person, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {
            "Cookie": f"sessionid={person.session}; csrftoken={self.csrf}",
            "X-CSRFToken": self.csrf,
            "Content-Type": "application/json",
            "Idempotency-Key": str(uuid.uuid4()),
        }
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        raw = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {raw[:300]!r}")
        return json.loads(raw)


def complete_set(client: Client, person: Person, project: str, measured: Measured) -> None:
    """Claim a set and answer every image in it."""
    begin = start = time.perf_counter()
    hand = client.send(person, "POST", f"/api/v1/projects/{project}/hands/", b"")
    measured.claims.append(time.perf_counter() - start)
    for assignment in hand["assignments"]:
        body = json.dumps({"answer": BODY, "seconds": 4.2}).encode()
        start = time.perf_counter()
        client.send(person, "PUT", f"/api/v1/assignments/{assignment['id']}/answer/", body)
        measured.submits.append(time.perf_counter() - start)
    measured.sets.append(time.perf_counter() - begin)


def complete_set_together(client: Client, person: Person, project: str, measured: Measured) -> None:
    """Claim a set and send all answers in one call."""
    hand = client.send(person, "POST", f"/api/v1/projects/{project}/hands/", b"")
    answers = [
        {"assignment": row["id"], "key": str(uuid.uuid4()), "answer": BODY, "seconds": 4.2}
        for row in hand["assignments"]
    ]
    body = json.dumps({"answers": answers}).encode()
    result = client.send(person, "POST", f"/api/v1/hands/{hand['id']}/answers/", body)
    if any(each["status"] != 200 for each in result["answers"]):
        raise RuntimeError(f"An answer was refused: {result}")


def run_concurrently(
    people: list[Person], work: Callable[[], Callable[[Person], None]], *, clients: int = CLIENTS
) -> float:
    """Let the clients, threads, work through the people; return the seconds it took. `work` is called once by each."""
    from django.db import connections

    queue: SimpleQueue[Person] = SimpleQueue()
    for person in people:
        queue.put(person)
    errors: list[BaseException] = []
    ready = threading.Barrier(clients + 1)

    def run() -> None:
        act = work()
        ready.wait()
        try:
            while not errors:
                act(queue.get_nowait())
        except Empty:
            return
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()  # each round starts new threads

    threads = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return time.perf_counter() - start


def cpu_seconds(root: int) -> float:
    total = 0
    for pid in [root, *linux_processes.descendants(root)]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def over_http(
    people: list[Person],
    port: int,
    pid: int,
    project: str,
    measured: Measured,
    complete: Any = complete_set,
    *,
    clients: int = CLIENTS,
) -> None:
    before = cpu_seconds(pid)

    def work() -> Callable[[Person], None]:
        client = Client(port)
        return lambda person: complete(client, person, project, measured)

    measured.wall += run_concurrently(people, work, clients=clients)
    measured.cpu += cpu_seconds(pid) - before
    measured.done += len(people)


def by_sql(people: list[Person], project: Any, measured: Measured, *, clients: int = CLIENTS) -> None:
    from accounts.models import Actor
    from tests.benchmarks.raw_pair import RawPair

    def work() -> Callable[[Person], None]:
        return lambda person: _raw_pair(RawPair, project, Actor(pk=person.pk))

    measured.wall += run_concurrently(people, work, clients=clients)
    measured.done += len(people)


def _raw_pair(pair: Any, project: Any, worker: Any) -> None:
    pair(project=project, worker=worker, body=BODY).run()


def sign_in_many(count: int, project: Any, backend: str) -> Iterator[Person]:
    """Create workers of the project with a session each, in bulk."""
    from datetime import timedelta

    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session

    from kernel.clock import utc_now
    from tests.benchmarks.many_workers import admit_many

    users = admit_many(project, count)
    store = SessionStore()
    rows = []
    for user in users:
        session = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: backend,
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        end = utc_now() + timedelta(days=1)
        rows.append(Session(session_key=secrets.token_hex(16), session_data=store.encode(session), expire_date=end))
    Session.objects.bulk_create(rows, batch_size=5000)
    return (Person(user.actor_id, row.session_key) for user, row in zip(users, rows, strict=True))


def measure(running: Running, pairs: int) -> Iterator[str]:
    from django.db import connection

    from projects.models import Project
    from tests import factories
    from tests.benchmarks.claims import machine
    from tests.benchmarks.many_tasks import a_big_project

    yield machine()
    project = a_big_project(tasks=TASKS, behind=0, veteran=factories.wren())
    Project.objects.filter(pk=project.pk).update(hand_size=1, gold_rate=0)
    project.refresh_from_db()
    public, port, web = str(project.public_id), int(running.url.rpartition(":")[2]), running.state().children["web"].pid
    each = pairs // ROUNDS
    people = sign_in_many(2 * pairs + CLIENTS + 2 * TENS, project, BACKEND)
    plain_people = sign_in_many(pairs + CLIENTS, project, PLAIN_BACKEND)
    site, minimal, raw, tens, together = Measured(), Measured(), Measured(), Measured(), Measured()
    with a_minimal_site(running) as (minimal_port, minimal_pid):
        over_http(_take(people, CLIENTS), port, web, public, Measured())
        over_http(_take(plain_people, CLIENTS), minimal_port, minimal_pid, public, Measured())
        # Alternating, so that a busy minute of the machine affects all of them.
        for _ in range(ROUNDS):
            over_http(_take(people, each), port, web, public, site)
            over_http(_take(plain_people, each), minimal_port, minimal_pid, public, minimal)
            by_sql(_take(people, each), project, raw)
    Project.objects.filter(pk=project.pk).update(hand_size=10, gold_rate=0.1)
    over_http(_take(people, TENS), port, web, public, tens)
    over_http(_take(people, TENS), port, web, public, together, complete_set_together)
    connection.close()
    yield f"Claiming and answering a set of one image, {CLIENTS} clients, {site.done} pairs each:"
    yield site.line("this site, sessions")
    yield minimal.line("minimal Django, same SQL")
    yield raw.line("raw SQL alone")
    wall, cpu = _wall_ratio(site, minimal), _cpu_ratio(site, minimal)
    yield f"  compared with the minimal site: {wall} the wall time, {cpu} the CPU time"
    yield f"Claiming and answering sets of ten images, {CLIENTS} clients, {tens.done} sets:"
    yield tens.line("this site, sessions", "sets")
    yield together.line("answers in one call", "sets")
    yield f"  {len(tens.submits) / tens.wall:.0f} answers per second"


def _take(people: Iterator[Person], count: int) -> list[Person]:
    return list(islice(people, count))


def _wall_ratio(site: Measured, minimal: Measured) -> str:
    return f"{(site.wall / site.done) / (minimal.wall / minimal.done):.2f} times"


def _cpu_ratio(site: Measured, minimal: Measured) -> str:
    return f"{(site.cpu / site.done) / (minimal.cpu / minimal.done):.2f} times"


def options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=int, nargs="?", default=PAIRS)
    parser.add_argument("--workers", metavar="N,N", help="numbers of clients to measure one after another")
    parser.add_argument("--sockets", type=int, default=0, metavar="N", help="consoles that watch meanwhile")
    parser.add_argument("--export", action="store_true", help="write exports meanwhile")
    return parser.parse_args()


def main() -> int:
    chosen = options()
    with (
        tempfile.TemporaryDirectory(prefix="annotary-pairs-") as folder,
        instance.start(data=Path(folder), port=int(os.environ.get("PORT", "0"))) as running,
    ):
        os.environ.update(running.environment)
        import django

        django.setup()
        lines = measure(running, chosen.pairs)
        if chosen.workers:
            from tests.benchmarks.http_levels import measure_levels

            levels = [int(each) for each in chosen.workers.split(",")]
            lines = measure_levels(running, levels, chosen.pairs, sockets=chosen.sockets, export=chosen.export)
        for line in lines:
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
