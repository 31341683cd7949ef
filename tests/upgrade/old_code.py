"""Access the old code of the installation that becomes the fixture: its processes, clients and database.

In this module and the ones next to it, names of the old code are strings: in this checkout, those modules have moved or
no longer exist, so the type checker must not look for them. Only `make_installation.py` uses these helpers; the tests
never do.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

TIMEOUT = 120.0


def old(path: str) -> Any:
    """Return an object of the old code by its dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def rows(model: str) -> Any:
    """Return the default manager of one of the old code's models."""
    return old(model).objects


@dataclass
class Site:
    """A running installation with its manager's client.

    `known_answers` maps the SHA-256 of an image's rendition to the correct answer for that image. `expected` collects
    what the tests will compare with.
    """

    data: Path
    port: int
    url: str
    environment: Mapping[str, str]
    manager: Any
    manager_key: str
    known_answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)


def wait_until(condition: Callable[[], bool], failure: str) -> None:
    """Poll until the condition holds. Raises TimeoutError with the text `failure` if it does not."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(failure)
        time.sleep(0.1)


def is_idle() -> bool:
    """Whether no job is queued or running and the live stream has caught up."""
    pending = rows("kernel.models.Job").filter(state__in=["queued", "running"]).exists()
    return not pending and not rows("kernel.models.Event").filter(number__isnull=True).exists()


@contextmanager
def without_workers(site: Site) -> Iterator[None]:
    """Run only the database, Valkey and the web server, so that jobs, messages and events stay where they are."""
    paths = old("annotary.embedded.places.Places")(site.data)
    plan = "annotary.embedded.plan"
    cluster = old("annotary.embedded.postgres.prepare")(paths)
    broker = old("annotary.embedded.valkey.prepare")(paths)
    addresses = old(f"{plan}.Addresses")("127.0.0.1", site.port, site.port + 1, site.url)
    environment = old(f"{plan}.base_environment")(paths, {}) | dict(site.environment)
    services = [
        cluster.service(paths.logs / "postgres.log", {}),
        broker.service(paths.logs / "valkey.log"),
        old(f"{plan}.web")(paths, addresses, environment),
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
    """Return the database as plain SQL, without owners or privileges."""
    binaries = old("annotary.embedded.postgres.locate")()
    command = [str(binaries / "pg_dump"), "--no-owner", "--no-privileges", "-h", str(site.data / "run")]
    finished = subprocess.run([*command, "-U", "annotary", "annotary"], check=True, capture_output=True, text=True)
    return finished.stdout
