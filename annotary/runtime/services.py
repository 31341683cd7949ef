"""The services that `up` runs, with their commands and environment."""

import http.client
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.process import Service
from annotary.runtime.source_roots import ROOT, python_path

WEB_THREADS = 16
#: What the service `worker` consumes; "celery" is the queue of messages from before there were others.
INTERACTIVE_QUEUES = "sweeps,interactive,celery"
BULK_QUEUES = ("import", "export", "heavy")
#: Processes of each worker. Two exports at a time, because one cannot make room for another.
JOB_PROCESSES = {"worker": 2, "import": 1, "export": 2, "heavy": 1}
_EXAMPLE = "import=2,heavy=2"


@dataclass(frozen=True)
class Addresses:
    """Where the site listens. `public` is the URL that people type; pages receive the websocket port."""

    host: str
    port: int
    ws_port: int
    public: str

    @property
    def probe_host(self) -> str:
        """An address at which this machine reaches `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104


def base_environment(paths: DataPaths, secrets: dict[str, str]) -> dict[str, str]:
    """Return the environment of the installation's Django processes; the caller's own variables take precedence."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "annotary.settings.embedded",
        **secrets,
        **{name: value for name, value in os.environ.items() if name != "ANNOTARY_LIFELINE_FD"},
        "ANNOTARY_DATA": str(paths.data),
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
    }
    # The numerical libraries would otherwise start one thread per core in every process.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.setdefault(name, "1")
    return environment


def web(paths: DataPaths, addresses: Addresses, environment: dict[str, str]) -> Service:
    """HTTP, served by WSGI threads: 2,398 trivial GETs per second, against 157 under ASGI (two cores, 32 clients)."""
    threads = environment.get("ANNOTARY_WEB_THREADS", str(WEB_THREADS))
    return _python(
        paths,
        environment,
        "web",
        "the web server",
        *("granian", "--interface", "wsgi", "--no-ws", "--workers", "1", "--blocking-threads", threads),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10"),
        *("--host", addresses.host, "--port", str(addresses.port), "annotary.wsgi:application"),
        ready=lambda: responds(addresses.probe_host, addresses.port, "/healthz"),
    )


def websockets(paths: DataPaths, addresses: Addresses, environment: dict[str, str]) -> Service:
    """Websockets, served by ASGI; uvicorn closes sockets cleanly when it stops."""
    return _python(
        paths,
        {**environment, "ANNOTARY_DB_POOL": "1"},
        "websockets",
        "the websocket server",
        *("uvicorn", "--host", addresses.host, "--port", str(addresses.ws_port), "--lifespan", "off"),
        *("--no-access-log", "--timeout-graceful-shutdown", "3", "annotary.asgi:application"),
        ready=lambda: accepts_connections(addresses.probe_host, addresses.ws_port),
    )


def workers(paths: DataPaths, environment: dict[str, str]) -> list[Service]:
    """One service for the short work that people wait for, and one for each kind of bulk work, so that no kind can hold
    the processes of another."""
    count = _job_processes(environment)
    interactive = _worker(paths, environment, "worker", INTERACTIVE_QUEUES, count["worker"])
    return [
        interactive,
        *(_worker(paths, environment, f"worker-{queue}", queue, count[queue]) for queue in BULK_QUEUES),
    ]


def _worker(paths: DataPaths, environment: dict[str, str], name: str, queues: str, processes: int) -> Service:
    title = "the job worker" if name == "worker" else f"the job worker for the queue {queues}"
    return _python(
        paths,
        environment,
        name,
        title,
        *("celery", "-A", "annotary.celery", "worker", "--queues", queues, "--hostname", f"{name}@%h"),
        *("--pool", "prefork", "--concurrency", str(processes)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
    )


def _job_processes(environment: dict[str, str]) -> dict[str, int]:
    """Return the number of processes of each worker: the defaults, changed by `ANNOTARY_JOB_PROCESSES`."""
    count = dict(JOB_PROCESSES)
    for pair in environment.get("ANNOTARY_JOB_PROCESSES", "").replace(",", " ").split():
        name, _, number = pair.partition("=")
        if name not in count or not number.isdecimal() or int(number) < 1:
            raise EmbeddedError(
                f"ANNOTARY_JOB_PROCESSES does not accept {pair!r}. Write, for example, {_EXAMPLE}, with the names "
                f"{', '.join(count)} and at least one process each."
            )
        count[name] = int(number)
    return count


def beat(paths: DataPaths, environment: dict[str, str]) -> Service:
    return _python(
        paths,
        environment,
        "beat",
        "the job scheduler",
        *("celery", "-A", "annotary.celery", "beat", "--pidfile", "", "--loglevel", "WARNING"),
    )


def relay(paths: DataPaths, environment: dict[str, str]) -> Service:
    return _python(paths, environment, "relay", "the event relay", "django", "relay")


def first_steps(paths: DataPaths, environment: dict[str, str], answer: Path) -> Service:
    """Migrate the database and create the first administrator; the sign-in is written to the file `answer`."""
    return _python(
        paths,
        environment,
        "prepare",
        "the database migration",
        *("django", "bootstrap_admin", "--migrate", "--answer", str(answer)),
    )


def _python(
    paths: DataPaths,
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
        log=paths.logs / f"{name}.log",
        folder=ROOT,
        ready=ready,
    )


def responds(host: str, port: int, path: str) -> bool:
    """Return whether a GET request gets status 200."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts_connections(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
