"""The archive of a backup: what was written is read back, and whatever was changed, cut off or added is refused."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from annotary.runtime import archive
from annotary.runtime.archive import ArchiveDamagedError, ArchiveWriter, read

BLOBS = [b"one", b"two" * 5000, b""]
MANIFEST = {"format": 1}


def name_of(content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f"files/blobs/{sha256[:2]}/{sha256}"


def written(path: Path, *, blobs: list[bytes] = BLOBS) -> bytes:
    with path.open("w+b") as file:
        writer = ArchiveWriter(file)
        writer.add_text("backup.json", json.dumps(MANIFEST))
        writer.add_text("secrets.json", "{}")
        writer.add_stream("database.dump", io.BytesIO(b"dump" * 3000))
        for blob in blobs:
            writer.add_stream(name_of(blob), io.BytesIO(blob), len(blob))
        writer.close()
    return path.read_bytes()


class Kept(io.BytesIO):
    """A target that remembers its content when it is closed."""

    def __init__(self, folder: dict[str, bytes], name: str) -> None:
        super().__init__()
        self.folder, self.name = folder, name

    def close(self) -> None:
        self.folder[self.name] = self.getvalue()
        super().close()


def read_all(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    folder: dict[str, bytes] = {}

    def target(name: str) -> BinaryIO:
        return Kept(folder, name)

    return read(io.BytesIO(content), accept=lambda manifest: None, target=target), folder


def refused(content: bytes) -> str:
    with pytest.raises(ArchiveDamagedError) as error:
        read(io.BytesIO(content), accept=lambda manifest: None, target=lambda name: None)
    return str(error.value)


def repacked(content: bytes, change: Any) -> bytes:
    """Write the members again after `change`, which gets and returns a list of (header, content)."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, body in change(members):
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    manifest, folder = read_all(written(tmp_path / "a.tar"))
    assert manifest == MANIFEST
    assert folder.pop("database.dump") == b"dump" * 3000
    assert folder.pop("secrets.json") == b"{}"
    assert folder == {name_of(blob): blob for blob in BLOBS}


def test_any_tar_program_reads_it(tmp_path: Path) -> None:
    written(tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames()[:3] == ["backup.json", "secrets.json", "database.dump"]
        assert {info.mode for info in tar} == {0o600}


def test_sizes_above_eight_gigabytes_fit_the_header() -> None:
    header = archive._header("database.dump", 50 * 1000**3)
    assert len(header) == tarfile.BLOCKSIZE
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == 50 * 1000**3


def test_a_truncated_archive_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    content = written(tmp_path / "a.tar")
    end = len(content) - 2 * tarfile.BLOCKSIZE
    for length in {*range(0, end, 512), *range(1, end, 1777), end - 1}:
        refused(content[:length])


def test_a_changed_byte_is_refused_wherever_it_is(tmp_path: Path) -> None:
    content = written(tmp_path / "a.tar")
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        places = [info.offset_data + info.size // 2 for info in tar if info.size]
    for place in places:
        refused(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "files/blobs/../../evil", "files/blobs/ab/cd", "other.txt"])
def test_foreign_paths_are_refused(tmp_path: Path, name: str) -> None:
    def add(members: Any) -> Any:
        return [*members[:2], (tarfile.TarInfo(name), b"evil"), *members[2:]]

    assert "which no backup of Annotary contains" in refused(repacked(written(tmp_path / "a.tar"), add))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_links_and_other_kinds_are_refused(tmp_path: Path, kind: bytes) -> None:
    def add(members: Any) -> Any:
        info = tarfile.TarInfo(name_of(b"target"))
        info.type, info.linkname = kind, "/etc/passwd"
        return [*members[:2], (info, b""), *members[2:]]

    refused(repacked(written(tmp_path / "a.tar"), add))


def test_a_missing_file_an_added_file_and_another_order_are_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "a.tar")
    added = (tarfile.TarInfo(name_of(b"added")), b"added")
    refused(repacked(content, lambda members: [row for row in members if row[0].name != name_of(BLOBS[0])]))
    refused(repacked(content, lambda members: [*members[:-1], added, members[-1]]))
    refused(repacked(content, lambda members: [*members, added]))
    refused(repacked(content, lambda members: [*members[1:3], members[0], *members[3:]]))
    refused(repacked(content, lambda members: [*members[:3], *members[3:][::-1]]))


def test_something_else_is_refused() -> None:
    for content in (b"", b"not an archive", bytes(10240)):
        refused(content)


def test_a_file_that_is_not_what_the_database_says_is_not_archived(tmp_path: Path) -> None:
    for size in (2, 4):
        with (tmp_path / "a.tar").open("w+b") as file, pytest.raises(ArchiveDamagedError):
            ArchiveWriter(file).add_stream(name_of(b"one"), io.BytesIO(b"one"), size)
