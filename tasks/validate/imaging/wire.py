"""Message framing between a process and its decoder: 4 bytes of length, big-endian, then JSON in UTF-8."""

from __future__ import annotations

import json
import os
import select
import time
from typing import Any

# A decoder compromised by a hostile image must not be able to fill its parent's memory.
MAX_MESSAGE = 64 * 1024


class ChannelClosed(Exception):
    """The other end of the pipe is closed or does not follow the protocol."""


class ChannelTimeout(Exception):
    """The other end did not respond in time."""


def send(fd: int, message: dict[str, Any]) -> None:
    """Write one complete message. Raises ChannelClosed."""
    body = json.dumps(message).encode()
    data = memoryview(len(body).to_bytes(4, "big") + body)
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        raise ChannelClosed from error


def receive(fd: int, *, timeout: float | None = None) -> dict[str, Any]:
    """Read one complete message within `timeout` seconds. Raises ChannelClosed, ChannelTimeout."""
    deadline = None if timeout is None else time.monotonic() + timeout
    size = int.from_bytes(_read(fd, 4, deadline), "big")
    if size > MAX_MESSAGE:
        raise ChannelClosed
    try:
        message = json.loads(_read(fd, size, deadline))
    except ValueError as error:
        raise ChannelClosed from error
    if not isinstance(message, dict):
        raise ChannelClosed
    return message


def _read(fd: int, size: int, deadline: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if deadline is not None and not _readable(fd, deadline):
            raise ChannelTimeout
        try:
            part = os.read(fd, size - len(parts))
        except OSError as error:
            raise ChannelClosed from error
        if not part:
            raise ChannelClosed
        parts += part
    return bytes(parts)


def _readable(fd: int, deadline: float) -> bool:
    # poll, not select.select: a busy server has descriptors above FD_SETSIZE.
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(max(0.0, deadline - time.monotonic()) * 1000))
