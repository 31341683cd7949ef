"""Bad images are refused with a reason and a sentence, and the next good image is accepted."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tasks.validate.imaging.errors import ImageRefused
from tasks.validate.imaging.inspect import inspect_and_render
from tasks.validate.imaging.limits import ImageLimits
from tests.unit.validate.pictures import arrow, chunk, encoded, opened, png


def reason(content: bytes, out: Path, limits: ImageLimits | None = None) -> str:
    with pytest.raises(ImageRefused) as refused:
        inspect_and_render(content, out=out, limits=limits)
    assert refused.value.sentence.endswith(".")
    assert not (out / "source").exists()
    return refused.value.reason


def frames(kind: str, **options: object) -> bytes:
    other = arrow().transpose(Image.Transpose.ROTATE_180)
    return encoded(arrow(), kind, save_all=True, append_images=[other], **options)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_refused(kind: str, tmp_path: Path) -> None:
    assert reason(frames(kind, duration=100), tmp_path) == "animated"


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    assert reason(frames("TIFF"), tmp_path) == "several_pages"


def test_a_multi_picture_jpeg_is_accepted(tmp_path: Path) -> None:
    image = inspect_and_render(frames("MPO"), out=tmp_path)
    assert (image.format, image.width) == ("JPEG", 96)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_image_is_refused(kind: str, share: float, tmp_path: Path) -> None:
    noise = Image.effect_noise((200, 160), 90).convert("RGB")
    content = encoded(noise, kind)
    assert reason(content[: int(len(content) * share)], tmp_path) in {"truncated", "corrupt"}


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        assert reason(encoded(arrow(), kind)[:24], tmp_path) in {"truncated", "corrupt", "zero_size"}


def test_a_flipped_bit_in_png_pixels_is_detected(tmp_path: Path) -> None:
    content = bytearray(encoded(Image.effect_noise((64, 64), 90), "PNG"))
    content[len(content) // 2] ^= 0x10
    assert reason(bytes(content), tmp_path) == "corrupt"


def test_zero_pixels_are_refused(tmp_path: Path) -> None:
    assert reason(png(0, 10), tmp_path) in {"zero_size", "corrupt"}
    assert reason(b"BM" + bytes(60), tmp_path) in {"corrupt", "truncated", "zero_size"}


@pytest.mark.parametrize(
    "content",
    [
        png(30_000, 30_000),
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (16_382).to_bytes(3, "little") * 2 + bytes(16),
        b"BM" + struct.pack("<3L", 54, 0, 54) + struct.pack("<3L2H6L", 40, 40_000, 40_000, 1, 24, *[0] * 6),
    ],
    ids=["png", "webp", "bmp"],
)
def test_a_bomb_is_refused_by_its_header(content: bytes, tmp_path: Path) -> None:
    assert reason(content, tmp_path) == "too_many_pixels"


def test_the_pixel_limit_is_exact(tmp_path: Path) -> None:
    limits = ImageLimits(max_pixels=96 * 64)
    assert inspect_and_render(encoded(arrow(), "PNG"), out=tmp_path, limits=limits).width == 96
    assert reason(encoded(arrow(97, 64), "PNG"), tmp_path, limits) == "too_many_pixels"


def test_a_side_that_no_release_can_hold_is_refused(tmp_path: Path) -> None:
    assert reason(encoded(Image.new("L", (70_000, 1)), "PNG"), tmp_path) == "too_long"


def test_a_file_over_its_limit_is_refused_unread(tmp_path: Path) -> None:
    assert reason(encoded(arrow(), "BMP"), tmp_path, ImageLimits(max_bytes=1000)) == "too_many_bytes"


def test_a_text_bomb_in_a_png_is_refused(tmp_path: Path) -> None:
    good = encoded(arrow(), "PNG")
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))
    assert reason(good[:33] + bomb + good[33:], tmp_path) == "corrupt"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty_file"),
        (b"hello, this is a text and no image", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format_refused"),
        (b"%PDF-1.7 ...", "format_refused"),
        (b"PK\x03\x04 ...", "format_refused"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "format_refused"),
        (b"\xff\xd8\xff\xe0" + bytes(200), "corrupt"),
        (b"GIF89a", "corrupt"),
    ],
)
def test_a_file_that_is_not_an_image_is_refused(content: bytes, expected: str, tmp_path: Path) -> None:
    actual = reason(content, tmp_path)
    assert actual == expected or (expected == "corrupt" and actual == "truncated")


def test_measurements_are_refused(tmp_path: Path) -> None:
    assert reason(encoded(Image.new("F", (8, 8), 0.5), "TIFF"), tmp_path) == "measurements"


def test_a_wrong_suffix_is_noted_and_the_content_is_used(tmp_path: Path) -> None:
    image = inspect_and_render(encoded(arrow(), "PNG"), out=tmp_path, name="folder/photo.JPG")
    assert image.format == "PNG"
    assert image.notes == ("The file name ends in .jpg, but the content is PNG. The content was used.",)


def test_a_thin_image_keeps_at_least_one_pixel(tmp_path: Path) -> None:
    image = inspect_and_render(encoded(Image.new("RGB", (9_000, 1), (1, 2, 3)), "PNG"), out=tmp_path)
    assert opened(image.screen).size == (2048, 1)
    assert opened(image.thumb).size == (320, 1)
