"""The decoder process: serves requests from standard input, one image at a time, until the pipe closes."""

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

_TOO_BIG = Refusal("too_big_to_decode", "The image needs too much memory to decode. Scale it down.")


def main() -> None:
    """Serve until the parent closes the pipe, which also happens when the parent is killed."""
    requests, responses = _private_pipes()
    limits = ImageLimits(**receive(requests))
    _set_limits(limits)
    send(responses, {"ready": True})
    while True:
        try:
            request = receive(requests)
        except ChannelClosed:
            return
        _limit_time(limits)
        response = _respond(request, limits)
        signal.alarm(0)
        send(responses, response)


def _respond(request: dict[str, Any], limits: ImageLimits) -> dict[str, Any]:
    try:
        return {"rendered": render(Path(request["source"]), Path(request["out"]), limits)}
    except Refusal as refusal:
        return {"refused": [refusal.code, refusal.sentence]}
    except MemoryError:
        return {"refused": [_TOO_BIG.code, _TOO_BIG.sentence]}
    except OSError as error:
        # Read errors become refusals in `opening`; what is left are errors of our own disk or folder.
        return {"failed": f"{type(error).__name__}: {error.strerror}"}


def _private_pipes() -> tuple[int, int]:
    """Move the protocol off descriptors 0, 1 and 2, where a hostile file can make image libraries print warnings."""
    requests, responses = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    return requests, responses


def _set_limits(limits: ImageLimits) -> None:
    space = limits.address_space
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (space, space))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(limits: ImageLimits) -> None:
    """Limit the time for this image from inside as well: a killed parent can no longer stop a spinning decoder."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    signal.alarm(limits.wall_seconds + 1)
