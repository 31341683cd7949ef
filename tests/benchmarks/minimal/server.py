"""Serves the minimal site on the same server software as the installation's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotary.runtime import network, services
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import python_path

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def a_minimal_site(running: Running) -> Iterator[tuple[int, int]]:
    """Serve the minimal site like the installation's own; yields port and process id."""
    site = network.resolve(host="127.0.0.1", port=0)
    environment = {
        **os.environ,
        **running.environment,
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.minimal.settings",
        "PYTHONPATH": python_path(),
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--workers", "1"]
    command += [
        "--blocking-threads",
        str(services.WEB_THREADS),
        "--host",
        "127.0.0.1",
        "--port",
        str(site.port),
    ]
    process = subprocess.Popen(
        [*command, "tests.benchmarks.minimal.wsgi:application"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not services.responds(site.probe, "/healthz"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The minimal site did not start.")
            time.sleep(0.1)
        yield site.port, process.pid
    finally:
        process.terminate()
        process.wait(30)
