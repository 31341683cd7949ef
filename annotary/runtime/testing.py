"""`manage.py test`: runs the tests on a temporary database, by default in two processes."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

from annotary.runtime.source_roots import ROOT, python_path
from annotary.runtime.temporary_stores import TemporaryStores

PROCESSES = "2"


def main(arguments: list[str]) -> int:
    stores = None if os.environ.get("DATABASE_URL") else TemporaryStores()
    try:
        addresses = stores.environment if stores else {}
        variables = {**os.environ, **addresses, "DJANGO_SETTINGS_MODULE": "annotary.settings.test"}
        variables["PYTHONPATH"] = python_path()
        return _run([sys.executable, "-m", "pytest", *_processes(arguments), *arguments], variables)
    finally:
        if stores:
            stores.close()


def _processes(arguments: list[str]) -> list[str]:
    # A process that has run out of tests takes half of what another has left, so that none waits for long tests.
    chosen = any(argument.startswith(("-n", "--numprocesses", "--dist", "--pdb", "--trace")) for argument in arguments)
    return [] if chosen or "no:xdist" in arguments else ["-n", PROCESSES, "--dist", "worksteal"]


def _run(command: list[str], variables: dict[str, str]) -> int:
    process = subprocess.Popen(command, cwd=ROOT, env=variables)
    # SIGTERM is handled like Ctrl-C; otherwise pytest would keep running without its database.
    signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(signal.SIGINT))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal sent the signal to pytest as well, which is about to print its summary.
            with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                process.wait(30)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
