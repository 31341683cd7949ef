"""Our archives are those of Python's own `zipfile`, byte for byte, with and without the images in them."""

import io
import random
import zipfile  # noqa: TID251 - the reference for our own archives
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import pytest

from annotary_core.formats import zip_layout
from annotary_core.formats.base import ReleaseRecord, Tree
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.release_archive import ZipSink, open_tree
from tests.golden.release import label, record

FILES = {
    "a.txt": b"x",
    "coco/images/ä cat.jpg": bytes(range(256)) * 3,
    "empty": b"",
    "folder/\U0001f431.png": random.Random(1).randbytes(700_000),
    "z" * 180: b"last",
}


def written_by_python(files: dict[str, bytes]) -> bytes:
    """As releases were written before they had a writer of their own."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            with archive.open(entry, "w", force_zip64=True) as stream:
                stream.write(content)
    return target.getvalue()


def chunks(content: bytes) -> Iterable[bytes]:
    return (content[at : at + 100_000] for at in range(0, len(content), 100_000))


def written(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with ZipSink(target) as sink:
        for name, content in files.items():
            sink.write(name, chunks(content))
    return target.getvalue()


def small_limits(monkeypatch: pytest.MonkeyPatch, *, size: int, count: int) -> None:
    """Make files, places and numbers beyond these limits large ones, which need the ZIP64 records."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", size)
    monkeypatch.setattr(zip_layout, "_LIMIT", size)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", count)
    monkeypatch.setattr(zip_layout, "_COUNT_LIMIT", count)


@pytest.mark.parametrize(("size", "count"), [(2**31 - 1, 65535), (500, 65535), (2**31 - 1, 4), (0, 0)])
def test_an_archive_has_the_bytes_that_python_writes(monkeypatch: pytest.MonkeyPatch, size: int, count: int) -> None:
    small_limits(monkeypatch, size=size, count=count)
    assert written(FILES) == written_by_python(FILES)
    assert written({}) == written_by_python({})


@pytest.mark.parametrize("size", [2**31 - 1, 500, 0])
def test_what_is_written_is_read_by_us_and_by_python(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    small_limits(monkeypatch, size=size, count=65535)
    archive = io.BytesIO(written(FILES))
    with open_tree(archive) as tree:
        assert list(tree.names()) == list(FILES)
        for name, content in FILES.items():
            with tree.open(name) as stream:
                assert stream.read() == content
        with pytest.raises(FileNotFoundError):
            tree.open("another")
    with zipfile.ZipFile(archive) as reference:
        assert reference.testzip() is None
        assert {name: reference.read(name) for name in reference.namelist()} == FILES


def test_more_entries_than_the_first_records_can_count(tmp_path: Path) -> None:
    files = {f"{number}": b"" for number in range(65_537)}
    path = tmp_path / "many.zip"
    path.write_bytes(written(files))
    assert path.read_bytes() == written_by_python(files)
    with open_tree(path) as tree:
        assert list(tree.names()) == list(files)


def test_an_archive_without_its_images_says_where_they_belong() -> None:
    images = {f"images/{number}.jpg": random.Random(number).randbytes(1000 + number) for number in range(5)}

    def open_image(wanted: ReleaseRecord) -> BinaryIO:
        return io.BytesIO(images[wanted.file_name])

    frame, parts = io.BytesIO(), []
    with ZipSink(frame, refer=lambda *part: parts.append(part)) as sink:
        sink.write("before.txt", [b"before"])
        for name in images:
            sink.write_image(name, record(name, label(), image_sha256=f"hash of {name}"), open_image)
            sink.write(f"{name}.xml", [b"<xml/>"])
    whole = bytearray(frame.getvalue())
    for start, size, sha256 in parts:
        content = images[sha256.removeprefix("hash of ")]
        assert size == len(content)
        whole[start:start] = content
    expected = {"before.txt": b"before"}
    for name, content in images.items():
        expected |= {name: content, f"{name}.xml": b"<xml/>"}
    assert bytes(whole) == written_by_python(expected)


def test_a_file_is_written_once() -> None:
    with ZipSink(io.BytesIO()) as sink:
        sink.write("a", [b""])
        with pytest.raises(ReleaseError, match="Two files of the release are named a"):
            sink.write("a", [b""])


def test_an_archive_that_is_torn_anywhere_is_refused() -> None:
    body = written({"a.txt": b"some text", "b.txt": b"more text"})
    for size in range(len(body)):
        with pytest.raises(ReleaseError, match="missing or damaged"), open_tree(io.BytesIO(body[:size])) as tree:
            read_all(tree)


def test_a_byte_that_changed_is_found_or_changes_nothing_that_is_read() -> None:
    files = {"a.txt": b"some text", "b.txt": b"more text"}
    body = written(files)
    for at in range(len(body)):
        damaged = bytearray(body)
        damaged[at] ^= 1
        try:
            with open_tree(io.BytesIO(bytes(damaged))) as tree:
                assert read_all(tree) == files, at
        except ReleaseError:
            continue


def read_all(tree: Tree) -> dict[str, bytes]:
    found = {}
    for name in tree.names():
        with tree.open(name) as stream:
            found[name] = stream.read()
    return found
