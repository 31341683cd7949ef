"""Small images built in code, valid and invalid."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def arrow(width: int = 96, height: int = 64) -> Image.Image:
    """Return an image that differs in all eight orientations: red upper left, green upper right, blue lower left."""
    pixels = np.full((height, width, 3), 230, dtype=np.uint8)
    pixels[: height // 2, : width // 2] = (220, 30, 30)
    pixels[: height // 2, width // 2 :] = (30, 200, 30)
    pixels[height // 2 :, : width // 2] = (30, 30, 220)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, format=kind, **options)
    return target.getvalue()


def opened(path: Any) -> Image.Image:
    image = Image.open(path)  # noqa: TID251 - reads what the module wrote
    image.load()
    return image


def png(width: int, height: int, *, depth: int = 8, color: int = 0, pixels: bytes = b"") -> bytes:
    """Return a PNG with any header, even if its pixels do not match."""
    header = struct.pack(">2I5B", width, height, depth, color, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[274] = orientation
    block[271] = "A camera maker"
    block[315] = "A photographer's name"
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes()
