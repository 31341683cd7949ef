"""Reading of a release image's width and height from its header, without decoding it.

Release images are our own upright JPEG, PNG and WebP files; foreign images go through validate instead.
Sources: ITU-T T.81 §B.2 (JPEG frame header), PNG specification §11.2.2, RFC 9649 §2.5-2.7 (WebP).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

# SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC), which are in the same range.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_size(stream: BinaryIO) -> tuple[int, int] | None:
    """Return (width, height) in pixels, or None if the stream is none of the three formats."""
    head = stream.read(30)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        return int(width), int(height)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and len(head) == 30:
        return _webp_size(head)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(head[2:], stream)
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(buffered: bytes, stream: BinaryIO) -> tuple[int, int] | None:
    """Walk the segments up to the frame header; `buffered` is what was already read of them."""

    def read(count: int) -> bytes:
        nonlocal buffered
        if len(buffered) < count:
            buffered += stream.read(count - len(buffered))
        data, buffered = buffered[:count], buffered[count:]
        return data

    while (marker := read(2)) and marker[0] == 0xFF:
        while marker[1:] == b"\xff":
            marker = b"\xff" + read(1)
        length = int.from_bytes(read(2), "big")
        if marker[1] in _FRAMES:
            body = read(5)
            return int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
        if length < 2 or len(read(length - 2)) < length - 2:
            return None
    return None
