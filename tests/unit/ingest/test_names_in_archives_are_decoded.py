"""Names in archives are read in the encoding that the archive states, or in the likeliest one, which is reported."""

import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ingest.archive_encodings import decode_names, unicode_path
from tasks.ingest.archives import open_archive
from tests.unit.ingest.zips import forged

CHINESE = [
    "照片1.jpg",
    "新建文件夹/微信图片_20240101.jpg",
    "训练集/汽车/0001.jpg",
    "交通标志.png",
    "街道.jpg",
]
JAPANESE = [
    "テスト.jpg",
    "写真.jpg",
    "表.jpg",
    "犬の写真1.jpg",
    "スクリーンショット 2024-01-01.png",
    "新しいフォルダー/能力001.jpg",
]
WESTERN = ["größe.jpg", "café.jpg", "naïve/straße.jpg", "Übung 1.jpg", "ñandú.png", "hôtel_01.jpg"]
KOREAN = ["새 폴더/자동차 001.jpg", "스크린샷.png"]
TRADITIONAL = ["新資料夾/圖片001.jpg", "照片.jpg", "汽車.jpg"]
CYRILLIC = ["фото.jpg", "кошка/собака 1.jpg", "Москва.jpg"]


def names_of(folder: Path, names: list[bytes], extras: list[bytes] | None = None) -> tuple[list[str], list[str]]:
    path = forged(folder, [(name, b"x") for name in names], extras=extras)
    with open_archive(path) as archive:
        assert not archive.refused
        return [entry.name for entry in archive.entries], archive.notes


@pytest.mark.parametrize(
    ("codec", "names", "title"),
    [
        ("gbk", CHINESE, "GBK"),
        ("cp932", JAPANESE, "Shift-JIS"),
        ("cp437", WESTERN, "code page 437"),
        ("cp949", KOREAN, "EUC-KR"),
        ("cp950", TRADITIONAL, "Big5"),
        ("cp866", CYRILLIC, "code page 866"),
        ("cp1251", CYRILLIC, "Windows-1251"),
    ],
)
def test_all_names_of_an_archive_together_tell_their_code_page(
    codec: str, names: list[str], title: str, tmp_path: Path
) -> None:
    decoded, notes = names_of(tmp_path, [name.encode(codec) for name in [*names, "plain.jpg"]])
    assert decoded == [*names, "plain.jpg"]
    (note,) = notes
    assert title in note
    assert "names are encoded" in note
    assert any(name in note for name in names)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        *[("gbk", name) for name in CHINESE],
        *[("cp932", name) for name in JAPANESE],
        *[("cp437", name) for name in WESTERN],
    ],
)
def test_a_single_name_is_read_in_chinese_japanese_and_western_code_pages(codec: str, name: str) -> None:
    assert decode_names([name.encode(codec)])[0] == [name]


def test_a_name_that_is_utf8_by_chance_is_read_like_the_others() -> None:
    names = ["猫.jpg", "照片1.jpg"]
    assert "猫.jpg".encode("gbk").decode() == "è.jpg"
    assert decode_names([name.encode("gbk") for name in names])[0] == names


@pytest.mark.parametrize("names", [["图1.jpg"], ["图1.jpg", "图2.jpg"], ["图片.png"]])
def test_gbk_names_that_all_are_utf8_by_chance_are_read_as_gbk_with_a_note(names: list[str]) -> None:
    decoded, note = decode_names([name.encode("gbk") for name in names])
    assert decoded == names
    assert f"Read as GBK (Chinese), such as {names[0]}." in note


def test_a_short_name_that_may_be_utf8_or_gbk_has_a_note() -> None:
    assert "è.jpg".encode() == "猫.jpg".encode("gbk")
    decoded, note = decode_names(["è.jpg".encode()])
    assert decoded == ["è.jpg"]
    assert "Read as UTF-8, such as è.jpg. It could also be GBK (Chinese)." in note


@pytest.mark.parametrize(
    "name", [*CHINESE, *JAPANESE, *WESTERN, *KOREAN, *CYRILLIC, "łódź.jpg", "ελληνικά.jpg", "שלום.jpg"]
)
def test_a_single_utf8_name_has_no_note(name: str) -> None:
    assert decode_names([name.encode()]) == ([name], "")


@pytest.mark.parametrize("name", ["ｶﾒﾗ001.jpg", "ｽｸﾘｰﾝｼｮｯﾄ.png", "写真ﾃﾞｰﾀ/1.jpg"])
def test_half_width_katakana_are_read_as_japanese(name: str) -> None:
    assert decode_names([name.encode("cp932")])[0] == [name]


def test_a_sample_of_many_names_tells_their_code_page() -> None:
    names = [f"照片{number}.jpg" for number in range(50_000)]
    started = time.perf_counter()
    assert decode_names([name.encode("gbk") for name in names])[0] == names
    assert time.perf_counter() - started < 3


def test_a_code_page_must_decode_the_names_outside_the_sample_too() -> None:
    raw = ["größe.jpg".encode("cp437")] * 2 + [f"größe{number}.jpg".encode("cp437") for number in range(5_000)]
    raw[4_001] = b"\xff.jpg"
    decoded, _ = decode_names(raw)
    assert decoded[:2] == ["größe.jpg"] * 2
    assert "\ufffd" not in decoded[4_001]


def test_a_doubtful_guess_names_the_alternative() -> None:
    decoded, note = decode_names(["사진.jpg".encode("cp949")])
    assert len(decoded) == 1
    assert "It could also be EUC-KR (Korean)." in note
    assert note.endswith("pack the archive again with a program that writes UTF-8 names.")


def test_ascii_and_utf8_names_need_no_guess(tmp_path: Path) -> None:
    assert names_of(tmp_path, [b"a.jpg", "größe/猫.jpg".encode()]) == (["a.jpg", "größe/猫.jpg"], [])


def unicode_field(name: str, raw: bytes, *, version: int = 1) -> bytes:
    body = struct.pack("<BL", version, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


def test_the_unicode_path_field_states_the_name(tmp_path: Path) -> None:
    raw = "表.jpg".encode("cp932")
    other = struct.pack("<HHL", 0x5455, 4, 7)
    assert names_of(tmp_path, [raw], [other + unicode_field("表.jpg", raw)]) == (["表.jpg"], [])


@pytest.mark.parametrize(
    "extra",
    [
        unicode_field("wrong.jpg", b"renamed since"),
        unicode_field("wrong.jpg", "表.jpg".encode("cp932"), version=2),
        struct.pack("<HH", 0x7075, 3) + b"\x01\x00\x00",
        struct.pack("<HH", 0x7075, 6) + struct.pack("<BL", 1, zlib.crc32("表.jpg".encode("cp932"))) + b"\xff",
    ],
)
def test_an_invalid_unicode_path_field_is_ignored(extra: bytes, tmp_path: Path) -> None:
    decoded, notes = names_of(tmp_path, ["表.jpg".encode("cp932")], [extra])
    assert decoded == ["表.jpg"]
    assert len(notes) == 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64), st.binary(max_size=20))
def test_any_extra_field_gives_a_name_or_none(extra: bytes, raw: bytes) -> None:
    name = unicode_path(extra, raw)
    assert name is None or isinstance(name, str)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_any_bytes_are_decoded(names: list[bytes]) -> None:
    decoded, note = decode_names(names)
    assert len(decoded) == len(names)
    assert note or all(is_utf8(name) for name in names)
    assert not note or any(not name.isascii() for name in names)


def is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
