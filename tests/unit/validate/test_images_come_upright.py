"""The frame that labels refer to is upright, however the camera was held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.validate.imaging.inspect import inspect_and_render
from tests.unit.validate.pictures import arrow, encoded, exif, opened

# How the upright image was transformed for storage, according to EXIF: the inverse of what a reader does.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
EXAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "images" / "exif_orientation"


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_each_orientation_in_each_format_is_made_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    turn = STORED_AS[orientation]
    stored = arrow() if turn is None else arrow().transpose(turn)
    rendered = inspect_and_render(encoded(stored, kind, exif=exif(orientation)), out=tmp_path)
    assert (rendered.width, rendered.height) == (96, 64)
    assert (rendered.original_width, rendered.original_height) == stored.size
    assert rendered.orientation == orientation
    for path in (rendered.release, rendered.screen, rendered.thumb):
        assert difference(opened(path).convert("RGB"), arrow()) < 6


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_invalid_orientation_counts_as_upright(orientation: int, tmp_path: Path) -> None:
    rendered = inspect_and_render(encoded(arrow(), "JPEG", exif=exif(orientation)), out=tmp_path)
    assert (rendered.orientation, rendered.width, rendered.height) == (1, 96, 64)


def test_broken_camera_data_leaves_the_image_unrotated(tmp_path: Path) -> None:
    rendered = inspect_and_render(encoded(arrow(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f\xff\xff"), out=tmp_path)
    assert (rendered.orientation, rendered.width, rendered.height) == (1, 96, 64)


@pytest.mark.shared
@pytest.mark.parametrize(("series", "size"), [("Landscape", (1800, 1200)), ("Portrait", (1200, 1800))])
def test_the_eight_published_examples_look_the_same(series: str, size: tuple[int, int], tmp_path: Path) -> None:
    first = None
    for number in range(1, 9):
        rendered = inspect_and_render(EXAMPLES / f"{series}_{number}.jpg", out=tmp_path)
        assert (rendered.width, rendered.height) == size
        small = opened(rendered.release).resize((size[0] // 10, size[1] // 10))
        first = first or small
        assert difference(small, first) < 2
