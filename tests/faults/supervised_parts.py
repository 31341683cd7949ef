"""A small installation for the fault tests: a launcher, a supervisor, and services as stubborn as real ones.

`python supervised_parts.py FOLDER` runs until it is stopped. Each service has a child in a session of its own, as
daemons do; the service `deaf` ignores every signal that can be ignored. Pids are written to FOLDER/pids/NAME.
"""

import os
import signal
import sys
from pathlib import Path

from annotary.runtime import launcher, orphans, state
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths
from annotary.runtime.process import Service
from annotary.runtime.state import State
from annotary.runtime.supervisor import Supervisor

PROGRAM = """
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


def a_part(name: str, paths: DataPaths) -> Service:
    return Service(
        name=name,
        title=name,
        argv=[sys.executable, "-c", PROGRAM, name, str(paths.data)],
        environment={"PATH": os.defpath},
        log=paths.logs / f"{name}.log",
        folder=paths.data,
        stop_timeout=1.0,
        ready=(paths.data / "pids" / f"{name}-child").exists,
    )


def main(folder: Path) -> int:
    paths = DataPaths(folder)
    paths.create()
    lock = state.lock_data(paths)
    orphans.kill(paths)
    (folder / "pids").mkdir(exist_ok=True)
    # Under nohup, the tests inherit an ignored SIGHUP; restore the default.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    me = Identity.from_pid(os.getpid())
    assert me is not None
    status = State("starting", me, instance=os.urandom(16).hex())

    def work(supervisor: Supervisor) -> None:
        status.supervisor = Identity.from_pid(os.getpid())
        supervisor.extra_environment = {orphans.INSTANCE_VARIABLE: status.instance}

        def note(children: dict[str, Identity]) -> None:
            status.children = children
            status.write(paths)

        supervisor.on_change = note
        supervisor.start([a_part("meek", paths), a_part("deaf", paths)])
        status.phase = "ready"
        status.write(paths)
        supervisor.run_forever()

    code = launcher.run(work)
    os.close(lock)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
