"""Detection of an image's format from its first bytes. File names and declared types are ignored."""

from __future__ import annotations

from typing import Literal

from tasks.validate.imaging.refusal import Refusal

Format = Literal["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]

# The usual suffixes of each format; any other suffix is noted but does not matter.
SUFFIXES: dict[Format, frozenset[str]] = {
    "JPEG": frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"}),
    "PNG": frozenset({".png", ".apng"}),
    "WEBP": frozenset({".webp"}),
    "GIF": frozenset({".gif"}),
    "BMP": frozenset({".bmp", ".dib"}),
    "TIFF": frozenset({".tif", ".tiff"}),
}

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)

_KNOWN_BUT_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF document"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"II+\0", "a BigTIFF file"),
    (b"MM\0+", "a BigTIFF file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"\0\0\x01\0", "an icon"),
    (b"<?xml", "an XML or SVG document"),
    (b"<svg", "an SVG drawing"),
    (b"<!DOC", "a web page"),
    (b"<html", "a web page"),
)

_SUPPORTED = "JPEG, PNG, WebP, TIFF, BMP or GIF"


def sniff(head: bytes) -> Format:
    """Return the format of an image whose first HEAD_BYTES bytes are `head`. Raises Refusal."""
    if not head:
        raise Refusal("empty_file", "The file is empty. Upload it again.")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        raise Refusal("format_refused", f"This is a HEIC, AVIF or video file. Export it as {_SUPPORTED}.")
    for magic, name in _KNOWN_BUT_REFUSED:
        if head.startswith(magic):
            raise Refusal("format_refused", f"This is {name}. Export the image as {_SUPPORTED}.")
    raise Refusal("not_an_image", f"This file is not a supported image. Upload {_SUPPORTED}.")


def webp_canvas(head: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels from a WebP header, before a decoder allocates memory for them.

    Source: RFC 9649 (VP8X canvas, VP8L image header) and RFC 6386 section 9.1 (VP8 frame header).
    """
    chunk, body = head[12:16], head[20:]
    if len(body) < 10:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return None
