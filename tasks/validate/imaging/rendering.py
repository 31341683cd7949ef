"""Rendering of one image file to its three output files, inside the decoder process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from tasks.validate.imaging.color import to_screen_colors
from tasks.validate.imaging.completeness import check_complete
from tasks.validate.imaging.limits import RELEASE_STEM, SCREEN_NAME, SCREEN_SIDE, THUMB_NAME, THUMB_SIDE, ImageLimits
from tasks.validate.imaging.opening import load_pixels, open_header
from tasks.validate.imaging.quality_metrics import perceptual_hash, quality
from tasks.validate.imaging.sniff import Format

_ORIENTATION, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC = 274, 256, 257, 258, 262

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def render(source: Path, out: Path, limits: ImageLimits) -> dict[str, Any]:
    """Write the release, the screen image and the thumbnail into `out`; return the image's facts. Raises Refusal."""
    notes: list[str] = []
    image, kind = open_header(source, limits)
    with image:
        mode = image.mode
        orientation = _orientation(image, kind, notes)
        original_size = image.size
        tags = getattr(image, "tag_v2", {})
        if kind == "TIFF":
            # Pillow has already swapped the sides of a rotated TIFF in its header.
            original_size = (int(tags[_WIDTH]), int(tags[_HEIGHT]))
        bits = 12 if tuple(tags.get(_BITS, ())) == (12,) else 16
        white_is_zero = tags.get(_PHOTOMETRIC) == 0
        check_complete(source, kind, image)
        load_pixels(image, limits)
        # Pillow's TIFF reader rotates the image upright while loading; the other formats are rotated here.
        transpose = _TRANSPOSES.get(orientation) if kind != "TIFF" else None
        upright = image.transpose(transpose) if transpose is not None else image
        upright.info = dict(image.info)
    # Each remaining reference would keep up to 400 MB of pixels alive.
    del image
    flat = to_screen_colors(upright, bits=bits, white_is_zero=white_is_zero, notes=notes)
    del upright
    release = _save_release(flat, kind, out)
    screen = _within(flat, SCREEN_SIDE)
    _save_jpeg(screen, out / SCREEN_NAME, quality=85, subsampling="4:2:0", progressive=True)
    _save_jpeg(_within(screen, THUMB_SIDE), out / THUMB_NAME, quality=80, subsampling="4:2:0", progressive=False)
    return {
        "width": flat.width,
        "height": flat.height,
        "original_width": original_size[0],
        "original_height": original_size[1],
        "orientation": orientation,
        "format": kind,
        "mode": mode,
        "release": release,
        "phash": perceptual_hash(screen),
        "notes": notes,
        **quality(screen),
    }


def _orientation(image: Image.Image, kind: Format, notes: list[str]) -> int:
    """Return the EXIF orientation, 1 to 8; anything else counts as 1, as in browsers (XMP is ignored)."""
    try:
        if kind == "TIFF":
            value = image.getexif().get(_ORIENTATION, 1)
        else:
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            value = exif.get(_ORIENTATION, 1)
    except Exception:  # any broken EXIF block; the pixels are unharmed
        notes.append("The camera data is damaged, so the image was used without rotation.")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _save_release(image: Image.Image, kind: Format, out: Path) -> str:
    """Save a JPEG as JPEG, at quality 95 without chroma subsampling, and every other format losslessly as PNG."""
    if kind == "JPEG":
        name = f"{RELEASE_STEM}.jpg"
        _save_jpeg(image, out / name, quality=95, subsampling="4:4:4", progressive=False)
    else:
        name = f"{RELEASE_STEM}.png"
        # Level 6 took four times as long to save 2% on photographs (2 megapixels: 550 ms instead of 150 ms).
        image.save(out / name, format="PNG", compress_level=3)
    return name


def _save_jpeg(image: Image.Image, path: Path, *, quality: int, subsampling: str, progressive: bool) -> None:
    image.save(
        path, format="JPEG", quality=quality, subsampling=subsampling, optimize=True, progressive=progressive, exif=b""
    )


def _within(image: Image.Image, side: int) -> Image.Image:
    """Scale down to at most `side` pixels on the longer side, never enlarging and never thinner than one pixel."""
    if max(image.size) <= side:
        return image
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)
