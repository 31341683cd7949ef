"""Resource limits for one image. Shared by the parent and the decoder process, so standard library only."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024

# The longest side that libjpeg can write; a release may be a JPEG.
MAX_SIDE = 65_500
SCREEN_SIDE = 2_048
THUMB_SIDE = 320

# Enough of a file to detect its format and the canvas size of a WebP.
HEAD_BYTES = 64

RELEASE_STEM = "release"
SCREEN_NAME = "screen.jpg"
THUMB_NAME = "thumb.jpg"


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Limits on one image: file size in bytes, pixels stated in the header, seconds for all rendering."""

    max_bytes: int = 256 * MIB
    max_pixels: int = 100_000_000
    wall_seconds: int = 120
    cpu_seconds: int = 90

    @property
    def address_space(self) -> int:
        """Address space for the decoder in bytes: libraries, the file three times, four copies at 4 bytes per pixel."""
        return 768 * MIB + 3 * self.max_bytes + 16 * self.max_pixels
