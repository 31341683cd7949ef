"""Quality metrics of an image: the perceptual hash that finds near-duplicates, sharpness, brightness, contrast."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Sharpness depends on scale, so every image is measured at no more than this side.
MEASURE_SIDE = 1024


def perceptual_hash(image: Image.Image) -> int:
    """Return 64 bits, unsigned: the 8 x 8 lowest frequencies of the 32 x 32 gray image against their median, row-major.

    Gives the same bits as `imagehash.phash(image)`, whose SciPy import would double the decoder's start time.
    Source: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010.
    """
    side = 32
    pixels = np.asarray(image.convert("L").resize((side, side), Image.Resampling.LANCZOS), dtype=np.float64)
    n = np.arange(side)
    basis = 2 * np.cos(np.pi * np.outer(n, 2 * n + 1) / (2 * side))
    low = (basis @ pixels @ basis.T)[:8, :8]
    bits = (low > np.median(low)).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def quality(image: Image.Image) -> dict[str, float]:
    """Return sharpness (variance of the 4-neighbor Laplacian, gray levels squared), brightness and contrast (0..1)."""
    gray = image.convert("L")
    gray.thumbnail((MEASURE_SIDE, MEASURE_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(gray, dtype=np.float32)
    padded = np.pad(pixels, 1, mode="edge")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * pixels
    return {
        "sharpness": round(float(laplacian.var()), 3),
        "brightness": round(float(pixels.mean()) / 255, 4),
        "contrast": round(float(pixels.std()) / 127.5, 4),
    }
