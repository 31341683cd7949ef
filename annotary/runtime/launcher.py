"""The process that a person started: forks the supervisor, passes signals on, and cleans up if it is killed."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from annotary.runtime import linux_processes as processes
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.supervisor import StopRequestedError, Supervisor

LIFELINE_VARIABLE = "ANNOTARY_LIFELINE_FD"


def keep(work: Callable[[Supervisor], None]) -> int:
    """Run `work` in a supervisor below this process until it ends; returns the exit code.

    Must be called from the main thread of a process without other threads: it forks and takes signals.
    A caller that names a pipe in ANNOTARY_LIFELINE_FD ends everything by closing (or dying) its end of it.
    """
    processes.become_subreaper()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os._exit(_supervise(reader, work))
    os.close(reader)
    _pass_signals_on(pid)
    code = _wait(pid)
    left = processes.end_descendants(os.getpid())
    if left:
        _say(f"These processes could not be ended: {', '.join(map(str, left))}.")
    if code < 0:
        _say("The supervisor was killed; its parts have been ended.")
        return 128 - code
    return code


def _supervise(lifeline: int, work: Callable[[Supervisor], None]) -> int:
    # A session of its own: Ctrl-C at the terminal reaches the keeper alone, which asks for an orderly end.
    os.setsid()
    supervisor = Supervisor(lifeline)
    code = 0
    try:
        supervisor.watch()
        outer = os.environ.pop(LIFELINE_VARIABLE, "")
        if outer:
            supervisor.also_ends_with(int(outer))
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
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _pass_signals_on(pid: int) -> None:
    def forward(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    numbers = [signal.SIGINT, signal.SIGTERM]
    # nohup means to outlive the terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, forward)


def _wait(pid: int) -> int:
    """Exit code of `pid`; orphans that are adopted meanwhile are collected in passing."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)
