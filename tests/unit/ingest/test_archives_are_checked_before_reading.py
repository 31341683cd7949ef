"""A harmful archive is refused as a whole; an invalid entry is refused alone and the rest is accepted."""

from __future__ import annotations

import io
import os
import zipfile  # noqa: TID251 - creates what the module must refuse
from pathlib import Path

import pytest

from tasks.ingest.archives import MIB, ArchiveLimits, Entry, open_archive
from tasks.ingest.errors import ArchiveRefused
from tests.unit.ingest.zips import forged, packed


def refusal(path: Path, limits: ArchiveLimits | None = None) -> str:
    with pytest.raises(ArchiveRefused) as refused, open_archive(path, limits):
        pass
    assert refused.value.sentence.endswith(".")
    return refused.value.reason


def test_valid_entries_are_extracted_completely_and_in_order(tmp_path: Path) -> None:
    files = {"b/2.jpg": os.urandom(700_000), "a/1.jpg": b"", "Größe/ü.jpg": b"three"}
    with open_archive(packed(tmp_path, files)) as archive:
        assert [entry.name for entry in archive.entries] == list(files)
        assert not archive.refused and not archive.ignored
        for entry in archive.entries:
            target = io.BytesIO()
            assert archive.copy(entry, target) == entry.size
            assert target.getvalue() == files[entry.name]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"../escape.jpg", "name_path"),
        (b"a/../../escape.jpg", "name_path"),
        (b"a//b.jpg", "name_path"),
        (b"/etc/passwd", "name_absolute"),
        (b"C:/windows.jpg", "name_absolute"),
        (b"c:evil.jpg", "name_absolute"),
        (b"..\\escape.jpg", "name_path"),
        (b"a\\..\\..\\escape.jpg", "name_path"),
        (b"./../escape.jpg", "name_path"),
        (b"\\\\host\\share.jpg", "name_absolute"),
        (b"C:\\windows.jpg", "name_absolute"),
        (b"a.jpg\0.txt", "name_nul"),
        (b"a\nb.jpg", "name_control"),
        (b"a\x1b[2J.jpg", "name_control"),
        (b"x" * 256, "name_long"),
        (b"/".join([b"y" * 200] * 6), "name_long"),
        (b"inner.zip", "nested"),
        (b"inner.tar.gz", "nested"),
    ],
)
def test_a_bad_name_is_refused_alone(name: bytes, reason: str, tmp_path: Path) -> None:
    with open_archive(forged(tmp_path, [(name, b"bad"), (b"good.jpg", b"good")])) as archive:
        assert [entry.name for entry in archive.entries] == ["good.jpg"]
        (refused,) = archive.refused
        assert refused.reason == reason
        assert refused.sentence.isprintable() and refused.sentence.endswith(".")


def test_a_link_and_a_device_are_refused_alone(tmp_path: Path) -> None:
    for mode, reason in ((0o120777, "link"), (0o060644, "special"), (0o010644, "special")):
        with open_archive(forged(tmp_path, [(b"a.jpg", b"/etc/passwd")], mode=mode)) as archive:
            assert not archive.entries
            assert archive.refused[0].reason == reason


def test_a_repeated_name_is_accepted_once_in_any_unicode_form(tmp_path: Path) -> None:
    names = ["é.jpg", "e\u0301.jpg", "a.jpg", "a.jpg"]
    with open_archive(forged(tmp_path, [(name.encode(), name.encode()) for name in names], flags=0x800)) as archive:
        assert [entry.name for entry in archive.entries] == ["é.jpg", "a.jpg"]
        assert [refused.reason for refused in archive.refused] == ["duplicate", "duplicate"]


def test_names_that_differ_only_by_case_are_two_images(tmp_path: Path) -> None:
    with open_archive(packed(tmp_path, {"A.jpg": b"1", "a.jpg": b"2"})) as archive:
        assert [b"".join(archive.read(entry)) for entry in archive.entries] == [b"1", b"2"]


def test_names_without_the_unicode_flag_are_decoded_as_utf8_or_cp437(tmp_path: Path) -> None:
    names = ["größe.jpg".encode(), "größe2.jpg".encode("cp437")]
    with open_archive(forged(tmp_path, [(name, b"x") for name in names])) as archive:
        assert [entry.name for entry in archive.entries] == ["größe.jpg", "größe2.jpg"]


def test_an_invalid_utf8_name_with_the_unicode_flag_refuses_the_archive(tmp_path: Path) -> None:
    assert refusal(forged(tmp_path, [(b"\xff\xfe.jpg", b"x")], flags=0x800)) == "damaged"


def test_a_name_that_is_valid_only_in_the_directory_refuses_the_entry(tmp_path: Path) -> None:
    path = forged(tmp_path, [("é.jpg".encode(), b"x"), (b"b.jpg", b"y")], flags=0x800)
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff", 1))
    with open_archive(path) as archive:
        with pytest.raises(ArchiveRefused) as refused:
            list(archive.read(archive.entries[0]))
        assert refused.value.reason == "entry_damaged"
        assert list(archive.read(archive.entries[1])) == [b"y"]


def test_folders_and_system_files_are_ignored_and_counted(tmp_path: Path) -> None:
    names = ["a/", "a/1.jpg", "__MACOSX/a/._1.jpg", "a/.DS_Store", "a/Thumbs.db", "a/._2.jpg"]
    with open_archive(packed(tmp_path, dict.fromkeys(names, b""))) as archive:
        assert [entry.name for entry in archive.entries] == ["a/1.jpg"]
        assert (archive.ignored, archive.refused) == (5, [])


def test_too_many_entries_refuse_the_archive_even_with_a_forged_count(tmp_path: Path) -> None:
    path = packed(tmp_path, {f"{number}.jpg": b"" for number in range(20)})
    content = bytearray(path.read_bytes())
    content[-14:-10] = b"\x01\0\x01\0"
    path.write_bytes(content)
    assert refusal(path, ArchiveLimits(max_entries=19)) == "too_many_entries"


def test_an_excessive_total_size_or_ratio_refuses_the_archive(tmp_path: Path) -> None:
    path = packed(tmp_path, {"zeros.bmp": bytes(80 * MIB)})
    assert refusal(path, ArchiveLimits(max_total=79 * MIB)) == "too_large"
    assert refusal(path) == "ratio"


def test_an_entry_over_its_limit_is_refused_alone(tmp_path: Path) -> None:
    path = packed(tmp_path, {"big.bmp": bytes(3 * MIB), "small.bmp": b"x"})
    with open_archive(path, ArchiveLimits(max_entry=2 * MIB)) as archive:
        assert [entry.name for entry in archive.entries] == ["small.bmp"]
        assert archive.refused[0].reason == "entry_too_large"


def test_overlapping_entries_refuse_the_archive(tmp_path: Path) -> None:
    entries = [(b"a.jpg", bytes(5000)), (b"a.jpg", bytes(5000))]
    assert refusal(forged(tmp_path, entries, share_data=True)) == "overlap"


@pytest.mark.parametrize("declared", [3, 5_000])
def test_a_false_size_is_detected_while_reading(declared: int, tmp_path: Path) -> None:
    with open_archive(forged(tmp_path, [(b"a.jpg", b"x" * 1000)], declared=declared)) as archive:
        count = 0
        with pytest.raises(ArchiveRefused) as refused:
            for chunk in archive.read(archive.entries[0]):
                count += len(chunk)
        assert refused.value.reason == "entry_damaged"
        assert count <= declared


def test_changed_bytes_are_detected_while_reading(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.jpg": b"some bytes that matter"}, method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"matter", b"MATTER"))
    with open_archive(path) as archive, pytest.raises(ArchiveRefused):
        archive.copy(archive.entries[0], io.BytesIO())


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2000])
def test_an_encrypted_archive_is_refused(flags: int, tmp_path: Path) -> None:
    assert refusal(forged(tmp_path, [(b"a.jpg", b"x")], flags=flags)) == "encrypted"


def test_an_unsupported_compression_method_is_refused_alone(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.jpg": b"x" * 100}, method=zipfile.ZIP_LZMA)
    with open_archive(path) as archive:
        assert (archive.entries, archive.refused[0].reason) == ([], "method")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty_file"), (b"\x1f\x8b tar", "not_a_zip"), (b"PK\x03\x04 and no end", "truncated")],
)
def test_a_file_that_is_not_an_archive_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    assert refusal(path) == reason


def test_an_archive_truncated_anywhere_is_refused(tmp_path: Path) -> None:
    content = packed(tmp_path, {"a.jpg": b"one", "b.jpg": b"two"}).read_bytes()
    path = tmp_path / "cut.zip"
    for end in range(1, len(content)):
        path.write_bytes(content[:end])
        assert refusal(path) in {"truncated", "not_a_zip", "damaged"}


def test_every_flipped_byte_gives_a_refusal_or_the_correct_bytes(tmp_path: Path) -> None:
    content = packed(tmp_path, {"a.jpg": b"one", "b.jpg": b"two" * 20}).read_bytes()
    path = tmp_path / "flipped.zip"
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            with open_archive(path) as archive:
                for entry in archive.entries:
                    assert b"".join(archive.read(entry)) in {b"one", b"two" * 20}
        except ArchiveRefused:
            continue


def test_an_archive_of_more_than_65535_files_is_counted_correctly(tmp_path: Path) -> None:
    path = packed(tmp_path, {f"{number}.jpg": b"" for number in range(66_000)}, method=zipfile.ZIP_STORED)
    with open_archive(path) as archive:
        assert len(archive.entries) == 66_000
        assert archive.entries[-1] == Entry("65999.jpg", 0, 65_999)
    assert refusal(path, ArchiveLimits(max_entries=65_999)) == "too_many_entries"
