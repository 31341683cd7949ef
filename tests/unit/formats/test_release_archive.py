"""Sinks and trees: what is written reads back, and no path escapes the release."""

from __future__ import annotations

import io
import zipfile  # noqa: TID251 - the standard library's reader checks the archive here
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.registry import FORMATS, get_format
from annotary_core.formats.release_archive import FolderSink, ZipSink, open_tree


def test_an_archive_contains_stored_files_with_a_fixed_date(tmp_path: Path) -> None:
    with ZipSink(tmp_path / "r.zip") as sink:
        sink.write("a/b.txt", [b"one ", b"two"])
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        entry = archive.getinfo("a/b.txt")
        assert (entry.date_time, entry.compress_type) == ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)
        assert archive.read("a/b.txt") == b"one two"
        assert archive.testzip() is None


def test_chunks_are_streamed_not_buffered(tmp_path: Path) -> None:
    chunk, written = bytes(1024 * 1024), 0
    with (tmp_path / "r.zip").open("wb") as target:

        def chunks() -> Iterator[bytes]:
            nonlocal written
            for _ in range(8):
                yield chunk
                written = target.tell()

        with ZipSink(target) as sink:
            sink.write("big", chunks())
    assert written >= 7 * len(chunk)


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "a\\x", "a//x", "", "a/", "x\0"])
def test_a_path_that_leaves_the_release_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ReleaseError, match="cannot contain a file named"):
        FolderSink(tmp_path).write(path, [b""])
    with ZipSink(io.BytesIO()) as sink, pytest.raises(ReleaseError, match="cannot contain a file named"):
        sink.write(path, [b""])


def test_a_file_written_twice_is_refused(tmp_path: Path) -> None:
    folder, archive = FolderSink(tmp_path), ZipSink(io.BytesIO())
    for sink in (folder, archive):
        sink.write("x", [b"1"])
        with pytest.raises(ReleaseError, match="Two files"):
            sink.write("x", [b"2"])
    archive.close()


def test_a_folder_and_an_archive_read_back_the_same(tmp_path: Path) -> None:
    with ZipSink(tmp_path / "r.zip") as archive:
        for sink in (FolderSink(tmp_path / "r"), archive):
            sink.write("b", [b"2"])
            sink.write("a/c", [b"1"])
    for path in (tmp_path / "r", tmp_path / "r.zip"):
        with open_tree(path) as tree:
            assert sorted(tree.names()) == ["a/c", "b"]
            with tree.open("a/c") as stream:
                assert stream.read() == b"1"


def test_an_invalid_or_missing_archive_is_reported_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "r.zip").write_bytes(b"no zip")
    with pytest.raises(ReleaseError, match="missing or damaged"), open_tree(tmp_path / "r.zip"):
        pass
    with pytest.raises(ReleaseError, match="missing or damaged"), open_tree(tmp_path / "none.zip"):
        pass


def test_formats_are_looked_up_by_name_and_unknown_names_are_refused() -> None:
    assert {name: get_format(name).name for name in FORMATS} == {"coco": "coco", "imagenet": "imagenet"}
    with pytest.raises(ReleaseError, match="Choose one of coco, imagenet"):
        get_format("yolo")
