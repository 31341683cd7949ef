"""Whether a file contains all of its pixels. Inside the decoder process.

libpng and libjpeg fill what is missing with black or gray if the file ends as a whole one does: a PNG whose compressed
stream is closed early, half of a JPEG with an end marker. Pillow does not report their warnings. The readers of the
other formats refuse such files themselves.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from PIL import Image, TiffImagePlugin

from tasks.validate.imaging.jpeg_scans import is_whole_jpeg
from tasks.validate.imaging.refusal import Refusal
from tasks.validate.imaging.sniff import Format

READ_SIZE = 1 << 18

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Offset and step in x and in y of each pass of an interlaced PNG (PNG specification, section 8.2).
_ADAM7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))

_JPEG_IN_TIFF, _JPEG_TABLES = 7, 347
_ROWS, _STRIP_ROWS, _STRIPS, _STRIP_SIZES = 257, 278, 273, 279
_TILE_ROWS, _TILES, _TILE_SIZES = 323, 324, 325


def check_complete(path: Path, kind: Format, image: Image.Image) -> None:
    """Raise Refusal if pixels are missing; `image` is the opened header. Anything else odd is left to the decoder."""
    if kind == "JPEG":
        complete = is_whole_jpeg(path.read_bytes())
    elif kind == "PNG":
        complete = _has_all_rows(path)
    elif kind == "TIFF":
        complete = _has_whole_strips(path, image)
    else:
        complete = True
    if not complete:
        raise Refusal(
            "truncated", "The image is incomplete: a part of its pixels is missing. Upload the original again."
        )


def _has_all_rows(path: Path) -> bool:
    """Count the bytes of pixel rows in the compressed stream of a PNG, whose chunks were verified before."""
    with path.open("rb") as file:
        file.seek(16)
        width, height, depth, color, _, _, interlace = struct.unpack(">2I5B", file.read(13))
        missing = _row_bytes(width, height, depth * _CHANNELS.get(color, 1), interlaced=bool(interlace))
        file.seek(8)
        stream = zlib.decompressobj()
        while missing > 0 and len(header := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", header)
            if name != b"IDAT":
                file.seek(length + 4, 1)
                continue
            while length > 0 and (data := file.read(min(length, READ_SIZE))):
                length -= len(data)
                missing -= _inflated(stream, data, missing)
            file.seek(4, 1)
    return missing <= 0


def _row_bytes(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    """The bytes of all rows, each with its filter byte, at `bits` per pixel."""
    total = 0
    for x, x_step, y, y_step in _ADAM7 if interlaced else ((0, 1, 0, 1),):
        columns, rows = -((x - width) // x_step), -((y - height) // y_step)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _inflated(stream: zlib._Decompress, data: bytes, limit: int) -> int:
    """Return how many bytes the data expands to, in small steps and up to the limit; damaged data adds none."""
    count = 0
    try:
        while data and count < limit and not stream.eof:
            count += len(stream.decompress(data, READ_SIZE))
            data = stream.unconsumed_tail
    except zlib.error:
        return count
    return count


def _has_whole_strips(path: Path, image: Image.Image) -> bool:
    """Check the strips or tiles of a TIFF with JPEG compression: libtiff takes those that end early."""
    tags = getattr(image, "tag_v2", TiffImagePlugin.ImageFileDirectory_v2())
    if tags.get(TiffImagePlugin.COMPRESSION) != _JPEG_IN_TIFF:
        return True
    tables = bytes(tags.get(_JPEG_TABLES, b"\xff\xd8\xff\xd9"))
    tiled = _TILES in tags
    offsets, sizes = (tags.get(tag, ()) for tag in ((_TILES, _TILE_SIZES) if tiled else (_STRIPS, _STRIP_SIZES)))
    height = int(tags[_ROWS])
    rows = int(tags[_TILE_ROWS] if tiled else min(tags.get(_STRIP_ROWS, height), height))
    with path.open("rb") as file:
        for number, (offset, size) in enumerate(zip(offsets, sizes, strict=False)):
            file.seek(offset)
            # A whole file of its own: the shared tables come first.
            strip = tables.removesuffix(b"\xff\xd9") + file.read(size).removeprefix(b"\xff\xd8")
            # Planes of their own follow each other, so a strip's place repeats; the last one of a plane is shorter.
            last = height - (number * rows) % (-(-height // rows) * rows)
            if not is_whole_jpeg(strip, rows=rows if tiled else min(rows, last)):
                return False
    return True
