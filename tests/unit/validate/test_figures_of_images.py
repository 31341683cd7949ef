"""The perceptual hash and the quality metrics measure what they claim."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy import fft

from annotary_core.synthesis.scenes.compose import draw_scene
from tasks.validate.imaging.inspect import inspect_and_render
from tasks.validate.imaging.quality_metrics import perceptual_hash, quality
from tests.unit.validate.pictures import encoded

#: What `imagehash.phash` 4.3.2 returns for the first four scenes of seed 3.
HASHES = (0xC4C4BD39394B9B16, 0xC0E1199F9E6E6A61, 0xC11F3F603E0EC03F, 0xD787C798B860E6C4)


def test_the_hash_equals_that_of_imagehash() -> None:
    for index, expected in enumerate(HASHES):
        assert perceptual_hash(draw_scene(seed=3, index=index).image) == expected


def test_the_hash_compares_the_lowest_frequencies_with_their_median() -> None:
    for index in range(4):
        image = draw_scene(seed=3, index=index).image
        pixels = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), dtype=np.float64)
        low = fft.dctn(pixels)[:8, :8]
        bits = "".join("1" if value else "0" for value in (low > np.median(low)).ravel())
        assert perceptual_hash(image) == int(bits, 2)


def test_a_recompressed_smaller_copy_has_nearly_the_same_hash(tmp_path: Path) -> None:
    image = draw_scene(seed=3, index=1).image
    one = inspect_and_render(encoded(image, "PNG"), out=tmp_path)
    two = inspect_and_render(encoded(image.resize((400, 300)), "JPEG", quality=60), out=tmp_path)
    assert -(2**63) <= one.phash < 2**63
    assert ((one.phash ^ two.phash) & (2**64 - 1)).bit_count() <= 6


def test_blurring_lowers_sharpness_and_brightness_is_between_0_and_1() -> None:
    image = draw_scene(seed=3, index=2).image
    assert quality(image)["sharpness"] > 4 * quality(image.filter(ImageFilter.GaussianBlur(3)))["sharpness"]
    assert quality(Image.new("RGB", (50, 50), (255, 255, 255))) == {"sharpness": 0, "brightness": 1, "contrast": 0}
    halves = Image.fromarray(np.repeat(np.array([[0, 255]], dtype=np.uint8), 10, axis=0))
    assert quality(halves)["contrast"] == 1


def test_the_identity_is_the_hash_of_the_original(tmp_path: Path) -> None:
    content = encoded(draw_scene(seed=3, index=0).image, "JPEG")
    path = tmp_path / "original"
    path.write_bytes(content)
    rendered = inspect_and_render(path, out=tmp_path)
    assert rendered.sha256 == hashlib.sha256(content).hexdigest()
    assert path.read_bytes() == content
