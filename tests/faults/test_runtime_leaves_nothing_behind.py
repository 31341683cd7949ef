"""However the runtime ends, no process of it lives on: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotary.runtime import linux_processes as processes
from annotary.runtime import state
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import Places
from annotary.runtime.source_roots import python_path
from annotary.runtime.state import State
from annotary.runtime.temporary_stores import ThrowAway

SCRIPT = Path(__file__).with_name("supervised_parts.py")
NAMES = ("meek", "meek-child", "deaf", "deaf-child")


def eventually(true: Callable[[], bool], *, patience: float = 15.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


class Installation:
    """The runtime of supervised_parts.py on one folder, started as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder)
        self.started: list[subprocess.Popen[str]] = []

    def start(self) -> "subprocess.Popen[str]":
        for old in (self.places.data / "pids").glob("*"):
            old.unlink()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.places.data)],
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
        return state.read(self.places) or State("none", nobody)

    def people(self) -> dict[str, Identity]:
        found = {}
        for name in NAMES:
            identity = Identity.of(int((self.places.data / "pids" / name).read_text()))
            assert identity is not None, f"{name} does not run"
            found[name] = identity
        return found

    def everybody(self) -> list[Identity]:
        return [*self.state().everybody(), *self.people().values()]

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(20)
            assert process.stderr is not None
            process.stderr.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data")
    yield made
    made.close()


def supervisor_of(installation: Installation) -> Identity:
    found = installation.state().supervisor
    assert found is not None
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_ending_the_keeper_ends_children_of_children_too(installation: Installation, number: int) -> None:
    process = installation.start_and_wait()
    everybody = installation.everybody()
    process.send_signal(number)
    assert eventually(lambda: not any(one.alive() for one in everybody)), "somebody lives on"


def test_killing_the_supervisor_ends_everything(installation: Installation) -> None:
    process = installation.start_and_wait()
    everybody = installation.everybody()
    supervisor_of(installation).send(signal.SIGKILL)
    assert process.wait(15) != 0
    assert not any(one.alive() for one in everybody)


def test_what_survives_the_death_of_both_is_ended_by_the_next_start(installation: Installation) -> None:
    process = installation.start_and_wait()
    people, supervisor = installation.people(), supervisor_of(installation)
    # Stopped first, so that neither can react to the death of the other.
    for one in (supervisor.pid, process.pid):
        os.kill(one, signal.SIGSTOP)
    for one in (supervisor.pid, process.pid):
        os.kill(one, signal.SIGKILL)
    assert eventually(lambda: not supervisor.alive() and process.poll() is not None)
    assert people["deaf"].alive(), "the case that this test is about did not arise"
    installation.start_and_wait()
    assert not any(one.alive() for one in people.values())


def test_a_part_that_dies_comes_back_and_its_children_do_not_stay(installation: Installation) -> None:
    installation.start_and_wait()
    before = installation.people()
    (installation.places.data / "pids" / "meek").unlink()
    before["meek"].send(signal.SIGKILL)
    assert eventually((installation.places.data / "pids" / "meek").exists)
    after = installation.people()
    assert after["meek"] != before["meek"]
    assert after["deaf"] == before["deaf"]
    assert eventually(lambda: installation.state().children["meek"] == after["meek"])


def test_a_second_start_on_the_same_data_is_refused_with_the_way_out(installation: Installation) -> None:
    first = installation.start_and_wait()
    second = installation.start()
    assert second.wait(20) != 0
    assert second.stderr is not None
    said = second.stderr.read()
    assert f"already running on {installation.places.data} (process {first.pid})" in said
    assert "manage.py stop" in said
    assert first.poll() is None


def test_killing_the_keeper_of_real_stores_ends_postgresql_and_its_backends() -> None:
    stores = ThrowAway()
    keeper = stores.process.pid
    everybody = [found for pid in [keeper, *processes.descendants(keeper)] if (found := Identity.of(pid))]
    assert len(everybody) > 6
    os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: not any(one.alive() for one in everybody))
    stores.close()
    stores.remove_files()


def test_stores_end_with_the_program_that_asked_for_them(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import sys, time; from annotary.runtime.temporary_stores import ThrowAway; stores = ThrowAway();"
        "open(sys.argv[1] + '.new', 'w').write(str(stores.process.pid));"
        "import os; os.replace(sys.argv[1] + '.new', sys.argv[1]); time.sleep(600)"
    )
    asker = subprocess.Popen(
        [sys.executable, "-c", program, str(note)], env={**os.environ, "PYTHONPATH": python_path()}
    )
    assert eventually(note.exists)
    keeper = int(note.read_text())
    everybody = [found for pid in [keeper, *processes.descendants(keeper)] if (found := Identity.of(pid))]
    asker.kill()
    asker.wait()
    assert eventually(lambda: not any(one.alive() for one in everybody))
