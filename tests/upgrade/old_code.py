"""The installation that the fixture is made on: the old code's processes, clients and database.

Names of the old code stand here and beside as text, because the checkout that this file belongs to has moved on and
its type checker must not look for them. Only `make_installation.py` uses these helpers; the tests never do.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

PATIENCE = 120.0


def old(path: str) -> Any:
    """An object of the old code by its dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def rows(model: str) -> Any:
    """The default manager of one of the old code's models."""
    return old(model).objects


@dataclass
class Site:
    """A running installation with its manager's client; `truths` says what is on each image, by its pixels."""

    data: Path
    port: int
    url: str
    environment: Mapping[str, str]
    manager: Any
    manager_key: str
    truths: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Poll until it holds. Raises TimeoutError that says what did not happen."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.1)


def is_quiet() -> bool:
    """Whether no job waits or runs and the live stream has caught up."""
    live = rows("kernel.models.Job").filter(state__in=["queued", "running"]).exists()
    return not live and not rows("kernel.models.Event").filter(number__isnull=True).exists()


@contextmanager
def without_workers(site: Site) -> Iterator[None]:
    """Run the stores and the web server alone, so that jobs, messages and events stay where they are."""
    places = old("annotary.embedded.places.Places")(site.data)
    plan = "annotary.embedded.plan"
    cluster = old("annotary.embedded.postgres.prepare")(places)
    broker = old("annotary.embedded.valkey.prepare")(places)
    addresses = old(f"{plan}.Addresses")("127.0.0.1", site.port, site.port + 1, site.url)
    environment = old(f"{plan}.base_environment")(places, {}) | dict(site.environment)
    services = [
        cluster.service(places.logs / "postgres.log", {}),
        broker.service(places.logs / "valkey.log"),
        old(f"{plan}.web")(places, addresses, environment),
    ]
    running: list[tuple[Any, subprocess.Popen[bytes]]] = []
    try:
        for service in services:
            running.append((service, service.start({})))
            wait_until(service.ready, f"{service.name} did not start")
        yield
    finally:
        for service, process in reversed(running):
            process.send_signal(service.stop_signal)
            process.wait(30)


def pg_dump(site: Site) -> str:
    """The database as plain SQL, without owners."""
    binaries = old("annotary.embedded.postgres.locate")()
    command = [str(binaries / "pg_dump"), "--no-owner", "--no-privileges", "-h", str(site.data / "run")]
    done = subprocess.run([*command, "-U", "annotary", "annotary"], check=True, capture_output=True, text=True)
    return done.stdout
