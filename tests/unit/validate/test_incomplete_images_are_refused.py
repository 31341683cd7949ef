"""Images that end like whole ones but miss pixels are refused; whole images of every kind are not."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.validate.imaging.errors import ImageRefused
from tasks.validate.imaging.inspect import inspect_and_render
from tests.unit.validate.pictures import encoded, png

END = b"\xff\xd9"
KINDS: dict[str, dict[str, Any]] = {
    "sequential": {},
    "4:4:4": {"subsampling": 0},
    "progressive": {"progressive": True},
    "optimized": {"optimize": True, "quality": 95},
    "restart markers by block": {"restart_marker_blocks": 7},
    "restart markers by row": {"restart_marker_rows": 1},
    "progressive with restart markers": {"progressive": True, "restart_marker_rows": 1},
}
MODES = ("RGB", "L", "CMYK")


def a_photo(mode: str = "RGB", size: tuple[int, int] = (163, 117)) -> Image.Image:
    """Return smooth noise: it compresses like a photograph, and no part of it is flat."""
    noise = np.random.default_rng(4).normal(0, 1, (size[1], size[0], 3))
    smooth = np.cumsum(np.cumsum(noise, 0), 1) + 128 + 9 * noise
    return Image.fromarray(np.clip(smooth, 0, 255).astype("u1")).convert(mode)


def cut(content: bytes, share: float) -> bytes:
    """Return this share of a JPEG's scans, with an end marker."""
    start = content.index(b"\xff\xda")
    head = content[: start + int((len(content) - start) * share)]
    return head.rstrip(b"\xff") + END


def refusal(content: bytes, out: Path) -> str:
    with pytest.raises(ImageRefused) as refused:
        inspect_and_render(content, out=out)
    assert refused.value.reason == "truncated"
    return refused.value.sentence


def accepted(content: bytes, out: Path) -> None:
    inspect_and_render(content, out=out)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_is_accepted(kind: str, mode: str, tmp_path: Path) -> None:
    content = encoded(a_photo(mode), "JPEG", **KINDS[kind])
    accepted(content, tmp_path)
    accepted(content + b"bytes that a camera appends", tmp_path)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (64, 1), (1, 64)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_of_any_size_is_accepted(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    accepted(encoded(a_photo(size=size), "JPEG", **KINDS[kind]), tmp_path)


@pytest.mark.parametrize("color", ["white", "black", "gray"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_of_one_color_is_accepted(kind: str, color: str, tmp_path: Path) -> None:
    accepted(encoded(Image.new("RGB", (163, 117), color), "JPEG", **KINDS[kind]), tmp_path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.75, 0.95])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_jpeg_with_an_end_marker_is_refused(kind: str, mode: str, share: float, tmp_path: Path) -> None:
    sentence = refusal(cut(encoded(a_photo(mode), "JPEG", **KINDS[kind]), share), tmp_path)
    assert sentence.startswith("The image is incomplete: ")


def test_a_jpeg_cut_between_restart_markers_or_between_scans_is_refused(tmp_path: Path) -> None:
    rows = encoded(a_photo(), "JPEG", restart_marker_rows=1)
    refusal(rows[: rows.index(b"\xff\xd3")] + END, tmp_path)
    refusal(rows[: rows.index(b"\xff\xd3") + 2] + END, tmp_path)
    scans = encoded(a_photo(), "JPEG", progressive=True)
    refusal(scans[: scans.rindex(b"\xff\xda")] + END, tmp_path)


def test_a_jpeg_without_rows_in_its_middle_is_refused(tmp_path: Path) -> None:
    content = encoded(a_photo(), "JPEG", restart_marker_rows=1)
    first, second = content.index(b"\xff\xd2"), content.index(b"\xff\xd3")
    refusal(content[:first] + content[second:], tmp_path)
    refusal(content[: (first + second) // 2].rstrip(b"\xff") + content[second:], tmp_path)


def test_a_tiff_whose_jpeg_strips_end_early_is_refused(tmp_path: Path) -> None:
    whole = encoded(a_photo(), "TIFF", compression="jpeg")
    accepted(whole, tmp_path)
    strips = encoded(a_photo(size=(163, 500)), "TIFF", compression="jpeg", strip_size=163 * 3 * 64)
    accepted(strips, tmp_path)
    tags: Any = Image.open(io.BytesIO(strips)).tag_v2  # type: ignore[attr-defined]  # noqa: TID251
    assert len(tags[273]) > 3
    for start, size in zip(tags[273], tags[279], strict=True):
        half = strips[start : start + size // 2].rstrip(b"\xff") + END
        refusal(strips[:start] + half.ljust(size, b"\0") + strips[start + size :], tmp_path)


def packed(width: int, height: int, *, depth: int, color: int, interlaced: bool, share: float) -> bytes:
    """Return a PNG with this share of its rows."""
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    # Pixel (x, y) is in the pass of the smallest grid that contains it, so each pass has these columns and rows.
    passes = [(width, height)]
    if interlaced:
        grids = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
        passes = [(len(range(x, width, dx)), len(range(y, height, dy))) for x, dx, y, dy in grids]
    rows = [b"\0" + bytes((columns * bits + 7) // 8) for columns, count in passes if columns for _ in range(count)]
    body = b"".join(rows[: int(len(rows) * share)])
    content = png(width, height, depth=depth, color=color, pixels=body)
    if color == 3:
        palette = b"PLTE" + bytes(6)
        content = content[:33] + struct.pack(">I", 6) + palette + struct.pack(">I", zlib.crc32(palette)) + content[33:]
    if interlaced:
        header = content[12:28] + b"\x01"
        content = content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    return content


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "color"), [(1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (8, 3), (8, 4), (8, 6)])
def test_a_png_with_missing_rows_is_refused(depth: int, color: int, interlaced: bool, tmp_path: Path) -> None:
    for width, height in ((61, 40), (3, 5), (1, 9)):
        make: dict[str, Any] = {"depth": depth, "color": color, "interlaced": interlaced}
        accepted(packed(width, height, share=1, **make), tmp_path)
        for share in (0.0, 0.5, 0.99):
            refusal(packed(width, height, share=share, **make), tmp_path)


def test_a_png_with_more_data_than_rows_is_accepted(tmp_path: Path) -> None:
    accepted(png(20, 10, pixels=bytes(21 * 10 + 500)), tmp_path)


def test_a_png_in_many_small_chunks_is_accepted(tmp_path: Path) -> None:
    content = png(400, 300, pixels=np.random.default_rng(1).bytes(0) + bytes(401 * 300))
    at = content.index(b"IDAT") - 4
    length = int.from_bytes(content[at : at + 4], "big")
    data, rest = content[at + 8 : at + 8 + length], content[at + 12 + length :]
    chunks = b""
    for start in range(0, length, 5):
        body = b"IDAT" + data[start : start + 5]
        chunks += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    accepted(content[:at] + chunks + rest, tmp_path)
