"""The launcher, the process that the user starts: forks the supervisor, forwards signals, cleans up after a crash."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from annotary.runtime import linux_processes
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.supervisor import StopRequestedError, Supervisor

LIFELINE_VARIABLE = "ANNOTARY_LIFELINE_FD"


def run(work: Callable[[Supervisor], None]) -> int:
    """Run `work` in a supervisor below this process until it ends, and return the exit code.

    Must be called from the main thread of a process without other threads: it forks and handles signals.
    A caller can pass the read end of a pipe in ANNOTARY_LIFELINE_FD: when the caller's end closes, or the caller dies,
    everything stops.
    """
    linux_processes.become_subreaper()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os._exit(_supervise(reader, work))
    os.close(reader)
    _forward_signals(pid)
    code = _wait(pid)
    survivors = linux_processes.end_descendants(os.getpid())
    if survivors:
        _say(f"These processes could not be killed: {', '.join(map(str, survivors))}.")
    if code < 0:
        _say("The supervisor was killed. Everything it ran has been stopped.")
        return 128 - code
    return code


def _supervise(lifeline: int, work: Callable[[Supervisor], None]) -> int:
    # In a session of its own: Ctrl-C in the terminal reaches only the launcher, which requests an orderly stop.
    os.setsid()
    supervisor = Supervisor(lifeline)
    code = 0
    try:
        supervisor.watch()
        caller_pipe = os.environ.pop(LIFELINE_VARIABLE, "")
        if caller_pipe:
            supervisor.watch_lifeline(int(caller_pipe))
        work(supervisor)
    except StopRequestedError:
        code = 0
    except EmbeddedError as error:
        _say(str(error))
        code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        supervisor.stop()
        # The output may go to a file on a full disk, or to a closed pipe.
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
    return code


def _forward_signals(pid: int) -> None:
    def forward(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    numbers = [signal.SIGINT, signal.SIGTERM]
    # Under nohup, Annotary outlives the terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, forward)


def _wait(pid: int) -> int:
    """Wait for `pid` and return its exit code; also reap orphans that were adopted in the meantime."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _say(text: str) -> None:
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
