"""Whether the scans of a JPEG contain data for every block (ITU-T T.81, annexes B and G).

libjpeg decodes zeros where a scan's data ends early, and only warns. Whether it did shows when other bytes stand in
front of the marker that ends the scan: a decoder that has all blocks skips them, one that misses blocks decodes them.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

from PIL import JpegImagePlugin

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
# In a scan, 0xFF is followed by 0 for a data byte, by a restart marker, or by fill bytes and the next marker.
_END_OF_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_EOI, _SOS, _DRI = 0xD9, 0xDA, 0xDD
_NOT_FRAMES = {0xC4, 0xC8, 0xCC}
_HUFFMAN, _PROGRESSIVE = {0xC0, 0xC1, 0xC2}, 0xC2

# Code words that no encoder would write, enough for many blocks. A file may have a restart marker for each block.
_FILLER = bytes(random.Random(7).choices(range(1, 255), k=2048))
_MAX_FILLER_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class _Component:
    horizontal: int
    vertical: int


@dataclass(frozen=True, slots=True)
class _Scan:
    """Component ids, first and last coefficient, bits still missing; where its data is; the restart interval."""

    components: tuple[int, ...]
    first: int
    last: int
    low: int
    start: int
    end: int
    interval: int


@dataclass(slots=True)
class _Frame:
    marker: int = 0
    width: int = 0
    height: int = 0
    components: dict[int, _Component] = field(default_factory=dict)
    scans: list[_Scan] = field(default_factory=list)


def is_whole_jpeg(data: bytes, *, rows: int = 0) -> bool:
    """Whether every block of every component has its data, for at least `rows` rows of pixels.

    True also for what is no readable JPEG, which is left to the decoder, and for arithmetic coding, in which zeros at
    the end may be left out.
    """
    frame = _read_frame(data)
    if not frame.scans or not frame.width or not frame.height:
        return True
    if frame.height < rows or not _all_coefficients(frame) or not _all_restarts(frame, data):
        return False
    return frame.marker not in _HUFFMAN or _decodes_alike(frame, data)


def _read_frame(data: bytes) -> _Frame:
    frame, interval = _Frame(), 0
    for marker, start, end in _segments(data):
        body = data[start:end]
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES and len(body) >= 6:
            frame.marker, frame.height, frame.width = marker, *_pair(body, 1)
            parts = [body[at : at + 3] for at in range(6, 6 + 3 * body[5], 3)]
            frame.components = {part[0]: _Component(part[1] >> 4, part[1] & 15) for part in parts if len(part) == 3}
        elif marker == _DRI and len(body) >= 2:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SOS and body and len(body) >= 4 + 2 * body[0]:
            found = _END_OF_SCAN.search(data, end)
            ids = tuple(body[1 : 1 + 2 * body[0] : 2])
            first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
            frame.scans.append(_Scan(ids, first, last, bits & 15, end, found.start() if found else len(data), interval))
    return frame


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of the segments up to the end marker; a scan's data follows its segment."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == _EOI:
            return
        if marker in (0x00, 0x01, 0xFF, 0xD8) or 0xD0 <= marker <= 0xD7:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at + 4, end
        found = _END_OF_SCAN.search(data, end) if marker == _SOS else None
        at = found.start() if found else end


def _pair(body: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(body[at : at + 2], "big"), int.from_bytes(body[at + 2 : at + 4], "big")


def _all_coefficients(frame: _Frame) -> bool:
    """Whether each component is in a scan; in progressive files, each of its 64 coefficients to the last bit."""
    if frame.marker != _PROGRESSIVE:
        return set(frame.components) <= {each for scan in frame.scans for each in scan.components}
    missing = {(component, index) for component in frame.components for index in range(64)}
    for scan in frame.scans:
        if scan.low == 0:
            covered = range(scan.first, scan.last + 1)
            missing -= {(component, index) for component in scan.components for index in covered}
    return not missing


def _all_restarts(frame: _Frame, data: bytes) -> bool:
    for scan in frame.scans:
        if scan.interval:
            found = len(_RESTART.findall(data, scan.start, scan.end))
            if found < ceil(_units(frame, scan) / scan.interval) - 1:
                return False
    return True


def _units(frame: _Frame, scan: _Scan) -> int:
    """The number of minimum coded units of a scan (A.2)."""
    across = max(each.horizontal for each in frame.components.values()) or 1
    down = max(each.vertical for each in frame.components.values()) or 1
    own = frame.components.get(scan.components[0]) if len(scan.components) == 1 else None
    if own is None:
        return ceil(frame.width / (8 * across)) * ceil(frame.height / (8 * down))
    width, height = ceil(frame.width * own.horizontal / across), ceil(frame.height * own.vertical / down)
    return ceil(width / 8) * ceil(height / 8)


def _decodes_alike(frame: _Frame, data: bytes) -> bool:
    """Whether other bytes at the ends of the scans change no pixel.

    Sequential files are compared at an eighth of the size, which shows each block's mean; the last scans of progressive
    files refine the other coefficients, of which half the size shows the lower ones.
    """
    scale = 2 if frame.marker == _PROGRESSIVE else 8
    try:
        pixels = _decode(data, scale)
    except MemoryError:
        raise
    except Exception:  # the decoder refuses it, with a reason
        return True
    try:
        return _decode(_with_filler(frame, data), scale) == pixels
    except MemoryError:
        raise
    except Exception:
        return False


def _with_filler(frame: _Frame, data: bytes) -> bytes:
    pieces, at = [], 0
    for scan in frame.scans:
        body = data[scan.start : scan.end]
        restarts = len(_RESTART.findall(body))
        if restarts:
            short = _FILLER[: max(16, min(512, _MAX_FILLER_BYTES // restarts))]
            body = _RESTART.sub(lambda match, short=short: short + match[0], body)  # type: ignore[misc]
        pieces += [data[at : scan.start], body, _FILLER]
        at = scan.end
    return b"".join([*pieces, data[at:]])


def _decode(data: bytes, scale: int) -> bytes:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        width, height = image.size
        image.draft(image.mode, (max(1, width // scale), max(1, height // scale)))
        return image.tobytes()
