"""A process is identified by pid, start time and boot, so that a reused pid is never signaled."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from annotary.runtime.linux_processes import Identity, descendants


def test_an_identity_ends_with_its_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = Identity.from_pid(process.pid)
    assert identity is not None
    assert identity.alive()
    assert process.pid in descendants(os.getpid())
    assert identity.send(signal.SIGTERM)
    process.wait()
    assert not identity.alive()
    assert not identity.send(signal.SIGTERM)


@pytest.mark.parametrize("changed", [{"start": 1}, {"boot": "another"}])
def test_the_same_pid_with_another_start_time_is_not_signaled(changed: dict[str, int | str]) -> None:
    me = Identity.from_pid(os.getpid())
    assert me is not None
    other = replace(me, **changed)  # type: ignore[arg-type]  # one field a case
    assert not other.alive()
    # SIGTERM would end this test run.
    assert not other.send(signal.SIGTERM)
