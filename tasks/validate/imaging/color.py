"""Conversion of any decoded image to 8-bit sRGB or grayscale on white, with nothing but its pixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from tasks.validate.imaging.refusal import Refusal

# The largest real-world profiles (CMYK presses with large tables) are about 3 MB.
MAX_PROFILE = 4 * 1024 * 1024

_SRGB = ImageCms.createProfile("sRGB")
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N")

# Rows per step: keeps temporary arrays small compared to the image.
_STRIP = 256


def to_screen_colors(image: Image.Image, *, bits: int, white_is_zero: bool, notes: list[str]) -> Image.Image:
    """Return `image` as a new "RGB" or "L" image in sRGB, alpha flattened on white, without metadata.

    `bits` is how many bits of a 16-bit sample are used (12 or 16), `white_is_zero` inverts such samples.
    Adds a sentence to `notes` for everything that is ignored. Raises Refusal for modes that do not hold colors.
    """
    profile = image.info.get("icc_profile")
    plain = _plain(image, bits=bits, white_is_zero=white_is_zero)
    if profile:
        plain = _apply_profile(plain, profile, notes)
    if plain.mode == "CMYK":
        plain = plain.convert("RGB")
    plain.info = {}
    return plain


def _plain(image: Image.Image, *, bits: int, white_is_zero: bool) -> Image.Image:
    """Return an opaque image in mode "RGB", "L" or "CMYK"."""
    if image.mode in _DEEP:
        return _from_deep(image, bits=bits, white_is_zero=white_is_zero)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return _flatten(image)
    if image.mode in ("RGB", "L", "CMYK"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("P", "YCbCr", "RGBX"):
        return image.convert("RGB")
    if image.mode in ("I", "F"):
        raise Refusal("measurements", "The pixels are measurements, not colors. Export an 8-bit or 16-bit image.")
    raise Refusal("colour_mode", f"The color mode {image.mode} is not supported. Export the image as RGB.")


def _flatten(image: Image.Image) -> Image.Image:
    grayscale = image.mode in ("LA", "La", "L", "1")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(layer, mask=layer.getchannel("A"))
    return white.convert("L") if grayscale else white


def _from_deep(image: Image.Image, *, bits: int, white_is_zero: bool) -> Image.Image:
    """Scale 0..2^bits-1 to 0..255 with rounding; samples equal to the transparent value become white."""
    top = (1 << bits) - 1
    transparent = image.info.get("transparency")
    result = Image.new("L", image.size)
    for y in range(0, image.height, _STRIP):
        strip = np.asarray(image.crop((0, y, image.width, min(y + _STRIP, image.height)))).astype(np.uint32)
        scaled = (np.minimum(strip, top) * 255 + top // 2) // top
        if white_is_zero:
            scaled = 255 - scaled
        if isinstance(transparent, int):
            scaled[strip == transparent] = 255
        result.paste(Image.fromarray(scaled.astype(np.uint8)), (0, y))
    return result


def _apply_profile(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    """Convert to sRGB with the embedded profile; an unusable profile is ignored with a note."""
    if len(profile) > MAX_PROFILE:
        notes.append("The color profile is too large and was ignored.")
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[image.mode]:
            notes.append("The color profile is for another kind of image and was ignored.")
            return image
        if image.mode == "RGB" and "srgb" in (source.profile.profile_description or "").lower():
            return image
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("The color profile is damaged and was ignored.")
        return image
    if converted is None:
        return image
    return converted.convert("L") if image.mode == "L" else converted
