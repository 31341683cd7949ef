"""No metadata block of the original reaches the release, the screen image or the thumbnail."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL.PngImagePlugin import PngInfo

from tasks.validate.imaging.inspect import inspect_and_render
from tests.unit.validate.pictures import arrow, encoded, exif, opened

SECRETS = (b"photographer", b"camera maker", b"secret remark", b"xmpmeta", b"Exif")
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret remark</x:xmpmeta>"


def text() -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", "secret remark")
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return info


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"exif": exif(1), "comment": b"secret remark", "xmp": XMP}),
        ("PNG", {"exif": exif(1), "pnginfo": text()}),
        ("WEBP", {"exif": exif(1), "xmp": XMP}),
        ("GIF", {"comment": b"secret remark"}),
        ("TIFF", {"exif": exif(1), "description": "secret remark", "artist": "photographer"}),
    ],
)
def test_every_metadata_block_is_removed(kind: str, options: dict[str, object], tmp_path: Path) -> None:
    original = encoded(arrow(), kind, **options)
    assert any(secret in original for secret in SECRETS), "the original must contain what is to be removed"
    rendered = inspect_and_render(original, out=tmp_path)
    for path in (rendered.release, rendered.screen, rendered.thumb):
        content = path.read_bytes()
        assert not any(secret in content for secret in SECRETS)
        assert set(opened(path).info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "progressive",
            "progression",
            "dpi",
        }


def test_the_uploaded_bytes_do_not_stay_in_the_folder(tmp_path: Path) -> None:
    rendered = inspect_and_render(encoded(arrow(), "JPEG"), out=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"release.jpg", "screen.jpg", "thumb.jpg"}
    assert rendered.release.parent == tmp_path
