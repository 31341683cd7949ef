"""Names keep every character except controls, on the way in and out, and are compared in Unicode NFC."""

import pytest

from annotary_core.formats.names import safe_part, safe_path
from annotary_core.labels.names import escape_control, has_control, is_name, normalize_name
from annotary_core.labels.natural_order import natural_key
from annotary_core.labels.schema import Schema
from tasks.ingest.tables import clean_name, group_key_of, read_table

KEPT = [
    "Screenshot 2024-01-01 at 10.00.00\u202fAM.png",
    "prix 10\u00a0€.png",
    "\U0001f469\u200d\U0001f52c.png",
    "\u0645\u06cc\u200c\u0634\u0648\u062f.png",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",
    "\ue000\U0001fae9.png",
]
CONTROLS = ["a\0b", "a\nb", "a\x1bb", "a\x85b", "a\ud800b", "a\uffffb"]


@pytest.mark.parametrize("name", KEPT)
def test_spaces_and_joiners_are_kept(name: str) -> None:
    assert escape_control(name) == clean_name(name) == safe_part(name) == safe_path(name, "image/png") == name
    assert is_name(name)
    assert list(read_table(f"file_name,site\n{name},X\n".encode())) == [name]
    body = {"classes": [{"number": 1, "name": name, "color": "#112233"}], "tools": ["class"], "attributes": []}
    assert Schema.from_json(body).classes[0].name == name


@pytest.mark.parametrize("name", CONTROLS)
def test_control_characters_are_escaped_for_display_and_replaced_in_files(name: str) -> None:
    assert has_control(name)
    assert not is_name(name)
    assert escape_control(name).startswith("a\\")
    assert safe_part(name) == "a_b"


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "\u200d", "\u200b\u2009"])
def test_a_name_has_a_visible_character(name: str) -> None:
    assert not is_name(name)


def test_characters_that_turn_a_name_around_do_not_reach_releases() -> None:
    assert safe_part("a\u202egnp.exe") == "a_gnp.exe"


def test_names_are_equal_in_nfc() -> None:
    assert normalize_name("cafe\u0301") == normalize_name("café") == "café"
    # Only canonical equivalence: the ligature and the no-break space are other names.
    assert normalize_name("\ufb01\u00a0x") == "\ufb01\u00a0x"


def test_a_name_begins_and_ends_with_its_own_spaces() -> None:
    assert clean_name(" \u202fa.jpg\u00a0\r\n") == "\u202fa.jpg\u00a0"


def test_metadata_tables_compare_names_groups_and_headings_in_nfc() -> None:
    assert read_table("file_name,cafe\u0301\ne\u0301.jpg,x\n".encode()) == {"é.jpg": {"café": "x"}}
    with pytest.raises(Exception, match="a second time"):
        read_table("file_name\né.jpg\ne\u0301.jpg\n".encode())
    with pytest.raises(Exception, match="same heading"):
        read_table("file_name,café,cafe\u0301\na.jpg,1,2\n".encode())
    assert group_key_of({"group": "cafe\u0301"}) == "café"


def test_blank_rows_before_the_header_are_skipped() -> None:
    assert read_table(b"\n ; \n;;\nfile_name;site\na.jpg;X\n;\n") == {"a.jpg": {"site": "X"}}


def test_names_sort_naturally() -> None:
    names = ["10.jpg", "b/2.jpg", "2.jpg", "b/10.jpg", "B1", "a10b2", "a2b10", "a2b9", "02.jpg", "²"]
    assert sorted(names, key=natural_key) == [
        "02.jpg",
        "2.jpg",
        "10.jpg",
        "a2b9",
        "a2b10",
        "a10b2",
        "B1",
        "b/2.jpg",
        "b/10.jpg",
        "²",
    ]
