"""Sizes read from headers match what the encoder wrote."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from annotary_core.formats.image_size import image_size


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"icc_profile": bytes(100_000)}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"icc_profile": bytes(500)}),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (257, 31), (1200, 3)])
def test_the_header_gives_the_size(kind: str, options: dict[str, object], size: tuple[int, int]) -> None:
    stream = io.BytesIO()
    Image.new("RGB", size, "teal").save(stream, kind, **options)
    stream.seek(0)
    assert image_size(stream) == size


@pytest.mark.parametrize("body", [b"", b"GIF89a" + bytes(40), b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x01" + bytes(40)])
def test_unsupported_content_has_no_size(body: bytes) -> None:
    assert image_size(io.BytesIO(body)) is None
