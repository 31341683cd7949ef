"""The services that `up` runs, with their commands and environment."""

import http.client
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.process import Service
from annotary.runtime.secrets import refuse_weak
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
    """Where the site listens. `public` is the URL that people type."""

    host: str
    port: int
    public: str

    @property
    def probe_host(self) -> str:
        """An address at which this machine reaches `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def probe(self) -> tuple[str, int]:
        return self.probe_host, self.port


def base_environment(paths: DataPaths, secrets: dict[str, str]) -> dict[str, str]:
    """Return the environment of the installation's Django processes; the caller's own variables take precedence.

    Raises EmbeddedError for a weak secret among them.
    """
    environment = {
        "DJANGO_SETTINGS_MODULE": "annotary.settings.embedded",
        **secrets,
        **{name: value for name, value in os.environ.items() if name != "ANNOTARY_LIFELINE_FD"},
        "ANNOTARY_DATA": str(paths.data),
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
        # What a job works on is larger than the memory that some systems use for temporary files.
        "TMPDIR": str(paths.spool),
    }
    # The numerical libraries would otherwise start one thread per core in every process.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.setdefault(name, "1")
    refuse_weak(environment)
    return environment


def web(paths: DataPaths, environment: dict[str, str]) -> Service:
    """HTTP, served by WSGI threads: 2,398 trivial GETs per second, against 157 under ASGI (two cores, 32 clients)."""
    threads = environment.get("ANNOTARY_WEB_THREADS", str(WEB_THREADS))
    return _python(
        paths,
        _behind_the_front(environment),
        "web",
        "the web server",
        *("granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1", "--blocking-threads", threads),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10"),
        *("--uds", str(paths.web_socket), "annotary.wsgi:application"),
        ready=lambda: responds(paths.web_socket, "/healthz"),
        prepare=lambda failed: remove_socket(paths.web_socket),
    )


def websockets(paths: DataPaths, environment: dict[str, str]) -> Service:
    """Websockets, served by ASGI; uvicorn closes sockets cleanly when it stops."""
    return _python(
        paths,
        # Only the front can open the socket, so uvicorn may take the client's address from the front's headers.
        _behind_the_front({**environment, "ANNOTARY_DB_POOL": "1", "FORWARDED_ALLOW_IPS": "*"}),
        "websockets",
        "the websocket server",
        *("uvicorn", "--uds", str(paths.live_socket), "--lifespan", "off"),
        *("--no-access-log", "--timeout-graceful-shutdown", "3"),
        # A browser that is gone without a word, as when a phone loses its network, costs a socket for 40 seconds.
        *("--ws", "websockets-sansio", "--ws-ping-interval", "20", "--ws-ping-timeout", "20"),
        # Messages are small, and compressing each of them for each of a thousand consoles takes most of a core.
        *("--ws-per-message-deflate", "false"),
        "annotary.asgi:application",
        ready=lambda: responds(paths.live_socket, "/healthz"),
        prepare=lambda failed: remove_socket(paths.live_socket),
    )


def own_proxies(environment: Mapping[str, str]) -> int:
    """Return how many proxies the owner runs in front of the installation. Raises EmbeddedError for other values."""
    number = environment.get("ANNOTARY_PROXIES", "").strip() or "0"
    if not (number.isascii() and number.isdigit()):
        raise EmbeddedError(f"ANNOTARY_PROXIES must be a whole number, not {number!r}.")
    return int(number)


def _behind_the_front(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a server behind the front, which is one more proxy and has access to the files."""
    return {**environment, "ANNOTARY_PROXIES": str(own_proxies(environment) + 1), "ANNOTARY_FILES_BY_FRONT": "1"}


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


def static_files(paths: DataPaths, environment: dict[str, str]) -> Service:
    """Give the static files their hashed names and compress them, in the data folder."""
    return _python(
        paths, environment, "static", "collecting the static files", *("django", "collectstatic", "--noinput", "-v0")
    )


def _python(
    paths: DataPaths,
    environment: dict[str, str],
    name: str,
    title: str,
    *arguments: str,
    ready: Callable[[], bool] = lambda: True,
    prepare: Callable[[bool], None] = lambda failed: None,
) -> Service:
    return Service(
        name=name,
        title=title,
        argv=[sys.executable, "-m", *arguments],
        environment=environment,
        log=paths.logs / f"{name}.log",
        folder=ROOT,
        ready=ready,
        prepare=prepare,
    )


def remove_socket(path: Path) -> None:
    """Remove what a killed server left behind; granian and nginx refuse to start otherwise."""
    path.unlink(missing_ok=True)


def responds(address: tuple[str, int] | Path, path: str) -> bool:
    """Return whether a GET request to a host and port, or to a Unix socket, gets status 200."""
    connection = http.client.HTTPConnection("localhost", 80, timeout=2)
    try:
        connection.sock = _connect(address)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connect(address: tuple[str, int] | Path) -> socket.socket:
    if not isinstance(address, Path):
        return socket.create_connection(address, timeout=2)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(2)
    try:
        client.connect(str(address))
    except OSError:
        client.close()
        raise
    return client
