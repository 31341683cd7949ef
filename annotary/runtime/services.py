"""Which parts run, with which commands and environment."""

import http.client
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.paths import Places
from annotary.runtime.process import Service
from annotary.runtime.source_roots import ROOT, python_path

WEB_THREADS = 16
WORKER_PROCESSES = 2


@dataclass(frozen=True)
class Addresses:
    """Where the site listens. `public` is what a person types, the websocket port is told to the page."""

    host: str
    port: int
    ws_port: int
    public: str

    @property
    def probe_host(self) -> str:
        """An address of this machine that reaches `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104


def base_environment(places: Places, secrets: dict[str, str]) -> dict[str, str]:
    """For every Django process of this installation; what the caller set wins."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "annotary.settings.embedded",
        **secrets,
        **{name: value for name, value in os.environ.items() if name != "ANNOTARY_LIFELINE_FD"},
        "ANNOTARY_DATA": str(places.data),
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
    }
    # The numerical libraries would start a thread for every core in every process.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.setdefault(name, "1")
    return environment


def web(places: Places, addresses: Addresses, environment: dict[str, str]) -> Service:
    """HTTP by WSGI threads: 2,398 plain requests a second against 157 under ASGI (DESIGN, Serving)."""
    threads = environment.get("ANNOTARY_WEB_THREADS", str(WEB_THREADS))
    return _python(
        places,
        environment,
        "web",
        "the web server",
        *("granian", "--interface", "wsgi", "--no-ws", "--workers", "1", "--blocking-threads", threads),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10"),
        *("--host", addresses.host, "--port", str(addresses.port), "annotary.wsgi:application"),
        ready=lambda: answers(addresses.probe_host, addresses.port, "/healthz"),
    )


def websockets(places: Places, addresses: Addresses, environment: dict[str, str]) -> Service:
    """Websockets by ASGI; uvicorn closes sockets cleanly when it stops."""
    return _python(
        places,
        {**environment, "ANNOTARY_DB_POOL": "1"},
        "websockets",
        "the websocket server",
        *("uvicorn", "--host", addresses.host, "--port", str(addresses.ws_port), "--lifespan", "off"),
        *("--no-access-log", "--timeout-graceful-shutdown", "3", "annotary.asgi:application"),
        ready=lambda: listens(addresses.probe_host, addresses.ws_port),
    )


def worker(places: Places, environment: dict[str, str]) -> Service:
    return _python(
        places,
        environment,
        "worker",
        "the job worker",
        *("celery", "-A", "annotary.celery", "worker", "--pool", "prefork", "--concurrency", str(WORKER_PROCESSES)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
    )


def beat(places: Places, environment: dict[str, str]) -> Service:
    return _python(
        places,
        environment,
        "beat",
        "the job clock",
        *("celery", "-A", "annotary.celery", "beat", "--schedule", str(places.run / "beat"), "--pidfile", ""),
        *("--loglevel", "WARNING"),
    )


def relay(places: Places, environment: dict[str, str]) -> Service:
    return _python(places, environment, "relay", "the live relay", "django", "relay")


def first_steps(places: Places, environment: dict[str, str], answer: Path) -> Service:
    """Bring the tables up to date and make the first administrator; the sign-in is written to `answer`."""
    return _python(
        places,
        environment,
        "prepare",
        "the update of the database",
        *("django", "bootstrap_admin", "--migrate", "--answer", str(answer)),
    )


def _python(
    places: Places,
    environment: dict[str, str],
    name: str,
    title: str,
    *arguments: str,
    ready: Callable[[], bool] = lambda: True,
) -> Service:
    return Service(
        name=name,
        title=title,
        argv=[sys.executable, "-m", *arguments],
        environment=environment,
        log=places.logs / f"{name}.log",
        folder=ROOT,
        ready=ready,
    )


def answers(host: str, port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
