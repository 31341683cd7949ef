"""A small installation for the fault tests: a keeper, a supervisor and parts that are as stubborn as real ones.

`python supervised_parts.py FOLDER` runs until told to end. Each part has a child in a session of its own with an empty
environment, as daemons do; `deaf` ignores every signal that can be ignored. Pids are written to FOLDER/pids/NAME.
"""

import os
import signal
import sys
from pathlib import Path

from annotary.runtime import launcher as keeper
from annotary.runtime import orphans as leftovers
from annotary.runtime import state
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import Places
from annotary.runtime.process import Service
from annotary.runtime.state import State
from annotary.runtime.supervisor import Supervisor

PART = """
import os, signal, sys, time
name, folder = sys.argv[1:]
def note(who):
    path = os.path.join(folder, "pids", who)
    with open(path + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.replace(path + ".new", path)
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    if name == "deaf":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    note(name + "-child")
    time.sleep(3600)
if name == "deaf":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
note(name)
time.sleep(3600)
"""


def a_part(name: str, places: Places) -> Service:
    return Service(
        name=name,
        title=name,
        argv=[sys.executable, "-c", PART, name, str(places.data)],
        environment={"PATH": os.defpath},
        log=places.logs / f"{name}.log",
        folder=places.data,
        patience=1.0,
        ready=(places.data / "pids" / f"{name}-child").exists,
    )


def main(folder: Path) -> int:
    places = Places(folder)
    places.create()
    lock = state.hold_data(places)
    leftovers.end(places)
    (folder / "pids").mkdir(exist_ok=True)
    # Whoever runs the tests under nohup passes its ignoring on.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    me = Identity.of(os.getpid())
    assert me is not None
    told = State("starting", me, instance=os.urandom(16).hex())

    def work(supervisor: Supervisor) -> None:
        told.supervisor = Identity.of(os.getpid())
        supervisor.marks = {leftovers.MARK: told.instance}

        def note(children: dict[str, Identity]) -> None:
            told.children = children
            told.write(places)

        supervisor.changed = note
        supervisor.start([a_part("meek", places), a_part("deaf", places)])
        told.phase = "ready"
        told.write(places)
        supervisor.forever()

    code = keeper.keep(work)
    os.close(lock)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
