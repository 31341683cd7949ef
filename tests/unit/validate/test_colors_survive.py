"""Every color format is converted to 8-bit sRGB or grayscale on white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tasks.validate.imaging.inspect import RenderedImage, inspect_and_render
from tests.unit.validate.pictures import arrow, encoded, opened, png


def corner(rendered: RenderedImage) -> tuple[int, ...]:
    pixel = opened(rendered.release).convert("RGB").getpixel((4, 4))
    assert isinstance(pixel, tuple)
    return pixel


def test_an_adobe_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    rendered = inspect_and_render(encoded(image, "JPEG", quality=95), out=tmp_path)
    assert rendered.mode == "CMYK"
    red, green, blue = corner(rendered)
    assert red > 240 and green < 16 and blue < 16


def test_sixteen_bit_grayscale_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(4, axis=0)
    for kind in ("PNG", "TIFF"):
        rendered = inspect_and_render(encoded(Image.fromarray(ramp), kind), out=tmp_path)
        assert rendered.mode == "I;16"
        assert np.asarray(opened(rendered.release))[0].tolist() == list(range(256))


def test_sixteen_bit_color_keeps_its_high_byte(tmp_path: Path) -> None:
    rendered = inspect_and_render(png(1, 1, depth=16, color=2, pixels=b"\0\xff\xff\x80\x80\0\0"), out=tmp_path)
    assert opened(rendered.release).getpixel((0, 0)) == (255, 128, 0)


def test_a_transparent_palette_entry_becomes_white(tmp_path: Path) -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(1, (16, 0, 32, 32))
    for kind in ("PNG", "GIF"):
        rendered = inspect_and_render(encoded(image, kind, transparency=0), out=tmp_path)
        assert corner(rendered) == (255, 255, 255)
        assert opened(rendered.release).convert("RGB").getpixel((30, 30)) == (200, 0, 0)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),
        ("LA", (0, 128), (127, 127, 127)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_alpha_is_flattened_on_white_and_grayscale_stays_grayscale(
    mode: str, color: tuple[int, ...] | int, expected: tuple[int, ...], tmp_path: Path
) -> None:
    rendered = inspect_and_render(encoded(Image.new(mode, (16, 16), color), "PNG"), out=tmp_path)
    assert corner(rendered) == expected
    assert opened(rendered.release).mode == ("RGB" if mode == "RGBA" else "L")


def test_a_color_profile_is_applied_and_then_dropped(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    image = Image.new("RGB", (16, 16), (120, 90, 60))
    rendered = inspect_and_render(encoded(image, "PNG", icc_profile=lab.tobytes()), out=tmp_path)
    assert corner(rendered) == (120, 90, 60)
    assert rendered.notes == ("The color profile is for another kind of image and was ignored.",)
    swapped = inspect_and_render(encoded(image, "PNG", icc_profile=_wide_profile()), out=tmp_path)
    assert corner(swapped) != (120, 90, 60)
    assert "icc_profile" not in opened(swapped.release).info


def test_a_broken_color_profile_is_ignored_with_a_note(tmp_path: Path) -> None:
    rendered = inspect_and_render(encoded(arrow(), "PNG", icc_profile=b"not a profile"), out=tmp_path)
    assert rendered.notes == ("The color profile is damaged and was ignored.",)


def test_lossless_formats_are_released_without_loss(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    for kind, options in (("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        rendered = inspect_and_render(encoded(noise, kind, **options), out=tmp_path)
        assert rendered.release_type == "image/png"
        assert np.array_equal(np.asarray(opened(rendered.release)), np.asarray(noise))


def _wide_profile() -> bytes:
    """Return sRGB with red and green swapped in its matrix: valid, and visibly a different color space."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = data[green : green + 4], data[red : red + 4]
    # A profile described as sRGB is skipped, so the description must change.
    offset = int.from_bytes(data[tags[b"desc"] + 4 : tags[b"desc"] + 8], "big")
    length = int.from_bytes(data[tags[b"desc"] + 8 : tags[b"desc"] + 12], "big")
    data[offset : offset + length] = data[offset : offset + length].replace(b"s\0R\0G\0B", b"o\0t\0h\0r")
    return bytes(data)
