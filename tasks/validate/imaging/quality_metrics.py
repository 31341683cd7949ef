"""Figures of one image: the perceptual hash that finds near copies, sharpness, brightness, contrast."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Sharpness depends on scale, so every image is measured at no more than this side.
MEASURE_SIDE = 1024


def perceptual_hash(image: Image.Image) -> int:
    """64 bits, unsigned: the 8 x 8 lowest frequencies of the 32 x 32 grey image against their median, row by row.

    The same bits as `imagehash.phash(image)`, whose SciPy would double the start time of the decoder.
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
    """Sharpness (variance of the 4-neighbour Laplacian, grey levels squared), brightness and contrast (both 0..1)."""
    grey = image.convert("L")
    grey.thumbnail((MEASURE_SIDE, MEASURE_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(grey, dtype=np.float32)
    padded = np.pad(pixels, 1, mode="edge")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * pixels
    return {
        "sharpness": round(float(laplacian.var()), 3),
        "brightness": round(float(pixels.mean()) / 255, 4),
        "contrast": round(float(pixels.std()) / 127.5, 4),
    }
