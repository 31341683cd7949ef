"""However the runtime ends, none of its processes survives: tested with real processes and signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotary.runtime import linux_processes, state
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths
from annotary.runtime.source_roots import python_path
from annotary.runtime.state import State
from annotary.runtime.temporary_stores import TemporaryStores, remove_files

SCRIPT = Path(__file__).with_name("supervised_parts.py")
NAMES = ("meek", "meek-child", "deaf", "deaf-child")


def eventually(condition: Callable[[], bool], *, timeout: float = 15.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Installation:
    """The runtime of supervised_parts.py on one folder; a test can start it repeatedly."""

    def __init__(self, folder: Path) -> None:
        self.paths = DataPaths(folder)
        self.started: list[subprocess.Popen[str]] = []

    def start(self) -> "subprocess.Popen[str]":
        for old in (self.paths.data / "pids").glob("*"):
            old.unlink()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.paths.data)],
            env={**os.environ, "PYTHONPATH": python_path()},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def start_and_wait(self) -> "subprocess.Popen[str]":
        process = self.start()
        assert eventually(lambda: self.state().phase == "ready" and self.state().keeper.pid == process.pid)
        return process

    def state(self) -> State:
        nobody = Identity(0, 0, "")
        return state.read(self.paths) or State("none", nobody)

    def services(self) -> dict[str, Identity]:
        identities = {}
        for name in NAMES:
            identity = Identity.from_pid(int((self.paths.data / "pids" / name).read_text()))
            assert identity is not None, f"{name} does not run"
            identities[name] = identity
        return identities

    def all_processes(self) -> list[Identity]:
        return [*self.state().all_processes(), *self.services().values()]

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(20)
            assert process.stderr is not None
            process.stderr.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    created = Installation(tmp_path / "data")
    yield created
    created.close()


def supervisor_of(installation: Installation) -> Identity:
    supervisor = installation.state().supervisor
    assert supervisor is not None
    return supervisor


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_ending_the_launcher_ends_all_descendants(installation: Installation, number: int) -> None:
    process = installation.start_and_wait()
    all_processes = installation.all_processes()
    process.send_signal(number)
    assert eventually(lambda: not any(process.alive() for process in all_processes)), "a process survived"


def test_killing_the_supervisor_ends_everything(installation: Installation) -> None:
    process = installation.start_and_wait()
    all_processes = installation.all_processes()
    supervisor_of(installation).send(signal.SIGKILL)
    assert process.wait(15) != 0
    assert not any(process.alive() for process in all_processes)


def test_survivors_of_the_death_of_both_are_killed_by_the_next_start(installation: Installation) -> None:
    process = installation.start_and_wait()
    services, supervisor = installation.services(), supervisor_of(installation)
    # Suspended first, so that neither can react to the death of the other.
    for pid in (supervisor.pid, process.pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (supervisor.pid, process.pid):
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not supervisor.alive() and process.poll() is not None)
    assert services["deaf"].alive(), "the situation that this test is about did not arise"
    installation.start_and_wait()
    assert not any(process.alive() for process in services.values())


def test_a_dead_service_is_restarted_and_its_children_are_killed(installation: Installation) -> None:
    installation.start_and_wait()
    before = installation.services()
    (installation.paths.data / "pids" / "meek").unlink()
    before["meek"].send(signal.SIGKILL)
    assert eventually((installation.paths.data / "pids" / "meek").exists)
    after = installation.services()
    assert after["meek"] != before["meek"]
    assert after["deaf"] == before["deaf"]
    assert eventually(lambda: installation.state().children["meek"] == after["meek"])


def test_a_second_start_on_the_same_data_is_refused_with_advice(installation: Installation) -> None:
    first = installation.start_and_wait()
    second = installation.start()
    assert second.wait(20) != 0
    assert second.stderr is not None
    errors = second.stderr.read()
    assert f"already running on {installation.paths.data} (process {first.pid})" in errors
    assert "manage.py stop" in errors
    assert first.poll() is None


def test_killing_the_launcher_of_real_stores_ends_postgresql_and_its_backends() -> None:
    stores = TemporaryStores()
    launcher = stores.process.pid
    all_processes = [
        process for pid in [launcher, *linux_processes.descendants(launcher)] if (process := Identity.from_pid(pid))
    ]
    assert len(all_processes) > 6
    os.kill(launcher, signal.SIGKILL)
    assert eventually(lambda: not any(process.alive() for process in all_processes))
    stores.close()
    remove_files(DataPaths(Path(stores.environment["ANNOTARY_DATA"]).parent))  # the killed launcher did not


def test_stores_end_with_the_program_that_started_them(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import sys, time; from annotary.runtime.temporary_stores import TemporaryStores; stores = TemporaryStores();"
        "open(sys.argv[1] + '.new', 'w').write(str(stores.process.pid));"
        "import os; os.replace(sys.argv[1] + '.new', sys.argv[1]); time.sleep(600)"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", program, str(note)], env={**os.environ, "PYTHONPATH": python_path()}
    )
    assert eventually(note.exists)
    launcher = int(note.read_text())
    all_processes = [
        process for pid in [launcher, *linux_processes.descendants(launcher)] if (process := Identity.from_pid(pid))
    ]
    caller.kill()
    caller.wait()
    assert eventually(lambda: not any(process.alive() for process in all_processes))
