"""`manage.py up`: start everything, say where it is, keep it running."""

import argparse
import hashlib
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime import launcher as keeper
from annotary.runtime import network as ports
from annotary.runtime import orphans as leftovers
from annotary.runtime import postgres, secrets, state, valkey
from annotary.runtime import services as plan
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import Places, default_data
from annotary.runtime.process import Service
from annotary.runtime.services import Addresses
from annotary.runtime.source_roots import ROOT
from annotary.runtime.state import State
from annotary.runtime.supervisor import Supervisor


@dataclass
class Installation:
    """One start: the files, the addresses and what it told the world so far."""

    places: Places
    addresses: Addresses
    state: State
    environment: dict[str, str]
    quiet: bool = False

    def say(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)

    def note_children(self, children: dict[str, Identity]) -> None:
        self.state.children = children
        self.state.write(self.places)

    def enter(self, phase: str) -> None:
        self.state.phase = phase
        self.state.write(self.places)


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    places = Places((options.data or default_data()).expanduser().resolve())
    places.create()
    lock = state.hold_data(places)
    leftovers.end(places)
    addresses = ports.resolve(host=options.host, port=options.port, ws_port=options.ws_port)
    me = Identity.of(os.getpid())
    if me is None:
        raise EmbeddedError("This system has no /proc, which Annotary needs: it runs on Linux.")
    installation = Installation(
        places=places,
        addresses=addresses,
        state=State(
            "starting",
            me,
            instance=uuid.uuid4().hex,
            host=addresses.host,
            port=addresses.port,
            ws_port=addresses.ws_port,
        ),
        environment=plan.base_environment(places, secrets.load_or_create(places.data / "secrets.json")),
        quiet=options.quiet,
    )
    installation.enter("starting")
    try:
        return keeper.keep(lambda supervisor: _run(supervisor, installation))
    finally:
        places.state.unlink(missing_ok=True)
        os.close(lock)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start Annotary on this machine.")
    parser.add_argument("--data", type=Path, help="folder for the data (default: .annotary in the checkout)")
    parser.add_argument("--host", default=ports.DEFAULT_HOST, help="0.0.0.0 lets phones in the same network in")
    parser.add_argument("--port", type=int, default=ports.DEFAULT_PORT, help="0 takes any free port")
    parser.add_argument("--ws-port", type=int, help="port for live updates (default: the next free one)")
    parser.add_argument("--quiet", action="store_true", help="print errors alone")
    return parser


def _run(supervisor: Supervisor, installation: Installation) -> None:
    began = time.monotonic()
    installation.state.supervisor = Identity.of(os.getpid())
    supervisor.changed = installation.note_children
    supervisor.marks = {leftovers.MARK: installation.state.instance}
    try:
        _start_stores(supervisor, installation)
        _complete_environment(installation)
        places, environment = installation.places, installation.environment
        servers = [f(places, installation.addresses, environment) for f in (plan.web, plan.websockets)]
        if "DATABASE_URL" not in os.environ and not (places.data / "migrated").exists():
            # Nobody knows the address of a new installation yet, so the servers may load while tables are made.
            supervisor.launch(servers)
        sign_in = _first_steps(supervisor, installation)
        supervisor.start(servers)
        supervisor.start([f(places, environment) for f in (plan.worker, plan.beat, plan.relay)])
        installation.enter("ready")
        _greet(installation, sign_in, time.monotonic() - began)
        supervisor.forever()
    finally:
        installation.enter("stopping")


def _start_stores(supervisor: Supervisor, installation: Installation) -> None:
    """PostgreSQL and Valkey, each unless the environment names one elsewhere."""
    places, environment = installation.places, installation.environment
    stores: list[Service] = []
    cluster = None
    if not environment.get("DATABASE_URL"):
        if not (places.data / "postgres").exists():
            installation.say("Making the database, this once.")
        cluster = postgres.prepare(places)
        environment["DATABASE_URL"] = cluster.url
        stores.append(cluster.service(places.logs / "postgres.log", {}))
    if not environment.get("REDIS_URL"):
        broker = valkey.prepare(places)
        environment["REDIS_URL"] = broker.url
        stores.append(broker.service(places.logs / "valkey.log"))
    supervisor.start(stores)
    if cluster is not None:
        cluster.create_database()


def _complete_environment(installation: Installation) -> None:
    """The addresses, and what other commands need to join in (`runtime.json` carries it)."""
    environment, addresses = installation.environment, installation.addresses
    environment.setdefault("ANNOTARY_BASE_URL", addresses.public)
    environment.setdefault("ANNOTARY_HOSTS", ports.host_names(addresses))
    # A port alone: the page is reached by several names, and each must keep its own for the session to count.
    environment.setdefault("ANNOTARY_WS_URL", f":{addresses.ws_port}")
    shared = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "STORAGE_URL", "DJANGO_SETTINGS_MODULE")
    named = {name for name in environment if name.startswith("ANNOTARY_") and name not in secrets.NAMES}
    installation.state.environment = {name: environment[name] for name in (*shared, *named) if name in environment}
    installation.state.url = addresses.public
    installation.state.ws_url = environment["ANNOTARY_WS_URL"]


def _first_steps(supervisor: Supervisor, installation: Installation) -> dict[str, str]:
    """Migrate and make the first administrator, unless this very code did so on this very data.

    Django takes a second or more to find that nothing is to be done, hence the stamp. A database elsewhere may
    have changed meanwhile, so it is always asked.
    """
    places = installation.places
    stamp, fingerprint = places.data / "migrated", _migrations_fingerprint()
    if "DATABASE_URL" not in os.environ and stamp.exists() and stamp.read_text() == fingerprint:
        return {}
    answer = places.run / "first-sign-in.json"
    supervisor.run_once(plan.first_steps(places, installation.environment, answer))
    secrets.write_private(stamp, fingerprint)
    return json.loads(answer.read_text()) if answer.exists() else {}


def _migrations_fingerprint() -> str:
    """A hash of every migration of ours and of the lock file, which fixes those of others."""
    digest = hashlib.sha256()
    for base in (ROOT / "platform", ROOT / "tasks", ROOT / "workers_ui"):
        for file in sorted(base.rglob("migrations/*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    digest.update((ROOT / "requirements" / "runtime.txt").read_bytes())
    return digest.hexdigest()


def _greet(installation: Installation, sign_in: dict[str, str], seconds: float) -> None:
    addresses = installation.addresses
    installation.say(f"\n  Annotary is ready: {addresses.public}\n")
    if sign_in:
        installation.say("  The first sign-in, shown this once; change the password after it:")
        installation.say(f"    e-mail    {sign_in['email']}\n    password  {sign_in['password']}\n")
        (installation.places.run / "first-sign-in.json").unlink(missing_ok=True)
    if not ports.is_loopback(addresses.host) and not installation.quiet:
        _show_code(addresses.public)
        installation.say(f"  Phones in the same network may use it; they also need port {addresses.ws_port}.\n")
    installation.say(f"  Data and logs: {installation.places.data}\n  Started in {seconds:.1f} s. Stop with Ctrl-C.")


def _show_code(url: str) -> None:
    """The address as a QR code, in half-height blocks so that it fits a terminal."""
    import segno

    segno.make(url, error="m").terminal(out=sys.stdout, compact=True, border=2)
