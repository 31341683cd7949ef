"""Opening of an image inside the decoder process: header first, then limits, then pixels."""

from __future__ import annotations

import warnings
from pathlib import Path

# Imported by name, so that Image.open finds them registered and never loads the other forty plugins.
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from tasks.validate.imaging.limits import HEAD_BYTES, MAX_SIDE, ImageLimits
from tasks.validate.imaging.refusal import Refusal
from tasks.validate.imaging.sniff import Format, sniff, webp_canvas

READERS = (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

# The header is checked against ImageLimits instead, which refuses the image where Pillow would only warn.
Image.MAX_IMAGE_PIXELS = None
warnings.simplefilter("ignore")

_TRUNCATED = ("truncat", "unexpected end", "not enough", "incomplete", "eof", "unrecognized data stream")


def open_header(path: Path, limits: ImageLimits) -> tuple[Image.Image, Format]:
    """Read the header and check it against the limits, without decoding any pixel. Raises Refusal."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    kind = sniff(head)
    canvas = webp_canvas(head) if kind == "WEBP" else None
    if canvas is not None:
        check_size(canvas, limits)
    try:
        if kind == "PNG":
            # Checks the CRC of every chunk; decoding skips those of the pixel data.
            with Image.open(path, formats=[kind]) as probe:  # noqa: TID251 - the only module allowed to
                check_size(probe.size, limits)
                probe.verify()
        image = Image.open(path, formats=[kind])  # noqa: TID251 - as above
        check_size(image.size, limits)
        refusal = _multiframe_refusal(image, kind)
    except (Refusal, MemoryError):
        raise
    except Exception as error:  # broken bytes make Pillow's readers raise anything: struct, key, type errors
        raise unreadable(error) from error
    if refusal is not None:
        raise refusal
    return image, kind


def load_pixels(image: Image.Image, limits: ImageLimits) -> None:
    """Decode the pixels in place. Raises Refusal if they are truncated or corrupt."""
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise unreadable(error) from error
    check_size(image.size, limits)


def check_size(size: tuple[int, int], limits: ImageLimits) -> None:
    """Raise Refusal unless 1 <= side <= MAX_SIDE and width times height is within the limit."""
    width, height = size
    if width < 1 or height < 1:
        raise Refusal("zero_size", "The image has no pixels. Export it again.")
    if width * height > limits.max_pixels:
        limit = limits.max_pixels / 1_000_000
        raise Refusal(
            "too_many_pixels",
            f"The image has {width} x {height} pixels and the limit is {limit:g} million. Scale it down or split it.",
        )
    if max(width, height) > MAX_SIDE:
        raise Refusal("too_long", f"One side has {max(width, height)} pixels and the limit is {MAX_SIDE}. Split it.")


def unreadable(error: Exception) -> Refusal:
    """Return the refusal for an image that Pillow could not read, without repeating Pillow's message."""
    message = str(error).lower()
    if isinstance(error, EOFError) or any(sign in message for sign in _TRUNCATED):
        return Refusal("truncated", "The image file is truncated. Copy it again and upload the copy.")
    return Refusal("corrupt", "The image is damaged and cannot be read. Export it again and upload the new file.")


def _multiframe_refusal(image: Image.Image, kind: Format) -> Refusal | None:
    # A phone's multi-picture JPEG contains one photo and its depth map or preview: the first frame is the image.
    if kind in ("JPEG", "BMP") or not getattr(image, "is_animated", False):
        return None
    if kind == "TIFF":
        return Refusal("several_pages", "This TIFF has several pages. Export the pages you need as single images.")
    return Refusal("animated", "This is an animation. Export the frames you need as single images.")
