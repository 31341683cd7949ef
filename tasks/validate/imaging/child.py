"""The decoder process: reads requests from standard input until it closes, one image at a time."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

from tasks.validate.imaging.limits import ImageLimits
from tasks.validate.imaging.refusal import Refusal
from tasks.validate.imaging.rendering import render
from tasks.validate.imaging.wire import ChannelClosed, receive, send

_TOO_BIG = Refusal("too_big_to_decode", "The image needs more memory than an image may take; scale it down.")


def main() -> None:
    """Serve until the parent closes the pipe, which also happens when the parent is killed."""
    requests, answers = _private_pipes()
    limits = ImageLimits(**receive(requests))
    _confine(limits)
    send(answers, {"ready": True})
    while True:
        try:
            request = receive(requests)
        except ChannelClosed:
            return
        _allow_time(limits)
        answer = _answer(request, limits)
        signal.alarm(0)
        send(answers, answer)


def _answer(request: dict[str, Any], limits: ImageLimits) -> dict[str, Any]:
    try:
        return {"rendered": render(Path(request["source"]), Path(request["out"]), limits)}
    except Refusal as refusal:
        return {"refused": [refusal.code, refusal.sentence]}
    except MemoryError:
        return {"refused": [_TOO_BIG.code, _TOO_BIG.sentence]}
    except OSError as error:
        # Reading is handled below as a refusal; what is left is our own disk or folder.
        return {"failed": f"{type(error).__name__}: {error.strerror}"}


def _private_pipes() -> tuple[int, int]:
    """Move the protocol off 0, 1 and 2: image libraries print warnings, as many as a hostile file wants."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    return requests, answers


def _confine(limits: ImageLimits) -> None:
    space = limits.address_space
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (space, space))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_time(limits: ImageLimits) -> None:
    """Limit this image's time from inside as well: a parent that was killed can no longer end a spinning decoder."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    signal.alarm(limits.wall_seconds + 1)
