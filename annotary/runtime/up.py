"""`manage.py up`: starts everything, prints the address, and keeps it running."""

import argparse
import contextlib
import hashlib
import json
import os
import resource
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime import (
    files,
    front,
    launcher,
    network,
    orphans,
    postgres,
    secrets,
    services,
    state,
    static_files,
    valkey,
)
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths, default_data
from annotary.runtime.process import Service
from annotary.runtime.services import Addresses
from annotary.runtime.source_roots import ROOT
from annotary.runtime.state import State
from annotary.runtime.supervisor import Supervisor

OPEN_FILES = 65_536
# Megabytes of free disk without which a start is refused: to create the database, or for PostgreSQL's log and ours.
SPACE_TO_CREATE, SPACE_TO_START = 100, 32


@dataclass
class Installation:
    """One run of the installation: its files, its addresses and its published state."""

    paths: DataPaths
    addresses: Addresses
    state: State
    environment: dict[str, str]
    quiet: bool = False

    def say(self, text: str) -> None:
        # The output may go to a file on a full disk.
        if not self.quiet:
            with contextlib.suppress(OSError):
                print(text, flush=True)

    def note_children(self, children: dict[str, Identity]) -> None:
        self.state.children = children
        self.state.write(self.paths)


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    paths = DataPaths((options.data or default_data()).expanduser().resolve())
    _allow_open_files()
    paths.create()
    files.require_space(paths.data, needed := _space_needed(paths))
    with files.explained(paths.data, needed=f"at least {needed} MB"):
        lock = state.lock_data(paths)
    try:
        orphans.kill(paths)
        files.remove_unfinished(paths.data)
        paths.empty_spool()
        with files.explained(paths.data, needed=f"at least {needed} MB"):
            work = _prepare(options, paths)
        return launcher.run(work)
    finally:
        with contextlib.suppress(OSError):
            paths.state.unlink(missing_ok=True)
        os.close(lock)


def _allow_open_files() -> None:
    """Raise the limit of open files, which is often 1,024: each open console takes one in the websocket server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _space_needed(paths: DataPaths) -> int:
    """Return how many megabytes a start takes: to create the database, or for PostgreSQL's log and ours."""
    bundled = not os.environ.get("DATABASE_URL")
    return SPACE_TO_CREATE if bundled and not postgres.exists(paths) else SPACE_TO_START


def _prepare(options: argparse.Namespace, paths: DataPaths) -> Callable[[Supervisor], None]:
    """Check the ports, load the secrets, and publish that a start has begun."""
    if options.ws_port is not None:
        print("--ws-port has no effect: live updates use the port of the site.", file=sys.stderr)
    addresses = network.resolve(host=options.host, port=options.port)
    me = Identity.from_pid(os.getpid())
    if me is None:
        raise EmbeddedError("Annotary needs /proc, which this system does not have. Run it on Linux.")
    installation = Installation(
        paths=paths,
        addresses=addresses,
        state=State(
            "starting",
            me,
            instance=f"{paths.key}.{uuid.uuid4().hex}",
            host=addresses.host,
            port=addresses.port,
        ),
        environment=services.base_environment(paths, secrets.load_or_create(paths.data / "secrets.json")),
        quiet=options.quiet,
    )
    installation.state.write(paths)
    return lambda supervisor: _run(supervisor, installation)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description="Start Annotary on this machine, with its own PostgreSQL and Valkey. Runs until Ctrl-C or 'stop'.",
    )
    parser.add_argument("--data", type=Path, help="data folder (default: .annotary in the checkout)")
    parser.add_argument(
        "--host",
        default=network.DEFAULT_HOST,
        help="address to listen on (default: 127.0.0.1); 0.0.0.0 lets phones on your network connect",
    )
    parser.add_argument(
        "--port", type=int, default=network.DEFAULT_PORT, help="port of the site (default: 8000); 0 picks a free one"
    )
    # Without effect, for scripts that still pass it.
    parser.add_argument("--ws-port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--quiet", action="store_true", help="print only errors")
    return parser


def _run(supervisor: Supervisor, installation: Installation) -> None:
    installation.state.supervisor = Identity.from_pid(os.getpid())
    supervisor.on_change, supervisor.say = installation.note_children, installation.say
    supervisor.extra_environment = {orphans.INSTANCE_VARIABLE: installation.state.instance}
    try:
        with files.explained(installation.paths.data, needed=f"at least {SPACE_TO_CREATE} MB"):
            _start(supervisor, installation)
        supervisor.run_forever()
    finally:
        installation.state.phase = "stopping"
        supervisor.announce()


def _start(supervisor: Supervisor, installation: Installation) -> None:
    """Start everything in order, and say so."""
    start = time.monotonic()
    paths, environment = installation.paths, installation.environment
    collecting = static_files.collecting(paths, environment)
    if collecting:
        supervisor.launch_once(collecting)
    _start_stores(supervisor, installation)
    if collecting:
        # Before the web server starts, which lists the files once.
        supervisor.finish(collecting)
        static_files.collected(paths)
    _complete_environment(installation)
    servers = [f(paths, environment) for f in (services.web, services.websockets)]
    servers.append(front.service(paths, installation.addresses, environment, say=installation.say))
    if "DATABASE_URL" not in os.environ and not (paths.data / "migrated").exists():
        # A new installation has no visitors yet, so the servers can load while the tables are created.
        supervisor.launch(servers)
    sign_in = _first_steps(supervisor, installation)
    supervisor.start(servers)
    supervisor.start(services.workers(paths, environment))
    supervisor.start([f(paths, environment) for f in (services.beat, services.relay)])
    installation.state.phase = "ready"
    supervisor.announce()
    _print_welcome(installation, sign_in, time.monotonic() - start)


def _start_stores(supervisor: Supervisor, installation: Installation) -> None:
    """Start PostgreSQL and Valkey, each unless the environment points to one elsewhere."""
    paths, environment = installation.paths, installation.environment
    stores: list[Service] = []
    cluster = None
    if not environment.get("DATABASE_URL"):
        if not postgres.exists(paths):
            installation.say("First start: creating the database.")
        cluster = postgres.prepare(paths)
        environment["DATABASE_URL"] = cluster.url
        stores.append(cluster.service(paths.logs / "postgres.log", {}))
    if not environment.get("REDIS_URL"):
        broker = valkey.prepare(paths)
        environment["REDIS_URL"] = broker.url
        stores.append(broker.service(paths.logs / "valkey.log"))
    supervisor.start(stores)
    if cluster is not None:
        cluster.create_database()


def _complete_environment(installation: Installation) -> None:
    """Add the addresses, and publish in `runtime.json` what other commands need to use this installation."""
    environment, addresses = installation.environment, installation.addresses
    environment.setdefault("ANNOTARY_BASE_URL", addresses.public)
    environment.setdefault("ANNOTARY_HOSTS", network.host_names(addresses))
    public = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "STORAGE_URL", "DJANGO_SETTINGS_MODULE")
    named = {name for name in environment if name.startswith("ANNOTARY_") and name not in secrets.NAMES}
    installation.state.environment = {name: environment[name] for name in (*public, *named) if name in environment}
    installation.state.url = addresses.public
    installation.state.ws_url = environment.get("ANNOTARY_WS_URL", "")


def _first_steps(supervisor: Supervisor, installation: Installation) -> dict[str, str]:
    """Migrate and create the first administrator, unless the same code has already done so on the same data.

    Django takes a second or more to find that there is nothing to do, hence the stamp. A database elsewhere may have
    changed in the meantime, so it is always checked.
    """
    paths = installation.paths
    stamp, fingerprint = paths.data / "migrated", _migrations_fingerprint()
    answer = paths.run / "first-sign-in.json"
    if "DATABASE_URL" in os.environ or _read(stamp) != fingerprint:
        supervisor.run_once(services.first_steps(paths, installation.environment, answer))
        files.write_private(stamp, fingerprint)
    # Even an earlier start may have written it and stopped before it was shown.
    try:
        sign_in = json.loads(_read(answer) or "{}")
    except ValueError:
        return {}
    return sign_in if isinstance(sign_in, dict) and {"email", "password"} <= set(sign_in) else {}


def _read(file: Path) -> str:
    """Return the contents of a file that a crash may have removed or damaged."""
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _migrations_fingerprint() -> str:
    """Hash all of our migrations and the lock file, which pins everyone else's."""
    digest = hashlib.sha256()
    for base in (ROOT / "platform", ROOT / "tasks", ROOT / "workers_ui"):
        for file in sorted(base.rglob("migrations/*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    digest.update((ROOT / "requirements" / "runtime.txt").read_bytes())
    return digest.hexdigest()


def _print_welcome(installation: Installation, sign_in: dict[str, str], seconds: float) -> None:
    addresses = installation.addresses
    installation.say(f"\n  Annotary is ready: {addresses.public}\n")
    if sign_in:
        installation.say("  Sign in as the administrator, then change the password (shown only once):")
        installation.say(f"    email     {sign_in['email']}\n    password  {sign_in['password']}\n")
        (installation.paths.run / "first-sign-in.json").unlink(missing_ok=True)
    if not network.is_loopback(addresses.host) and not installation.quiet:
        _print_qr_code(addresses.public)
        installation.say(
            f"  Scan the code with a phone on the same network. A firewall must allow port {addresses.port}.\n"
        )
    installation.say(
        f"  Data and logs are in {installation.paths.data}\n  Started in {seconds:.1f} s. Press Ctrl-C to stop."
    )


def _print_qr_code(url: str) -> None:
    """Print the URL as a QR code, in half-height blocks so that it fits a terminal."""
    import segno

    segno.make(url, error="m").terminal(out=sys.stdout, compact=True, border=2)
