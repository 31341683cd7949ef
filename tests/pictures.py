"""Small generated photographs, each with unique content."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def a_jpeg(number: int = 1, *, width: int = 48, height: int = 32, orientation: int = 1) -> bytes:
    """A JPEG with a unique pattern; `width` and `height` are those of the stored pixels."""
    noise = np.random.default_rng(number).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    target, block = io.BytesIO(), Image.Exif()
    block[274] = orientation
    picture = Image.fromarray(noise).resize((width, height))
    picture.save(target, format="JPEG", exif=block)
    return target.getvalue()


def a_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files below the folder and return it."""
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder
