"""A metadata table is read as spreadsheets write it, or refused with the line to fix."""

import codecs

import pytest

from tasks.ingest.errors import MetadataRefused
from tasks.ingest.tables import MAX_BYTES, group_key_of, read_table


def test_rows_are_keyed_by_file_name_without_empty_cells() -> None:
    table = read_table(b"file_name,place,note\na.jpg,Bonn,\nfolder/b.jpg, Ghent ,wet\n\n")
    assert table == {"a.jpg": {"place": "Bonn"}, "folder/b.jpg": {"place": "Ghent", "note": "wet"}}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_detected(delimiter: str) -> None:
    body = f"image{delimiter}place\r\na.jpg{delimiter}Bonn\r\n".encode()
    assert read_table(body) == {"a.jpg": {"place": "Bonn"}}


@pytest.mark.parametrize("heading", ["file_name", "filename", "File", "IMAGE", "name"])
def test_the_name_column_may_have_several_headings(heading: str) -> None:
    assert read_table(f"place,{heading}\nBonn,a.jpg\n".encode()) == {"a.jpg": {"place": "Bonn"}}


def test_a_byte_order_mark_quotes_and_one_column_are_read() -> None:
    body = codecs.BOM_UTF8 + b'file_name,note\na.jpg,"two\nlines, ""quoted"""\n'
    assert read_table(body) == {"a.jpg": {"note": 'two\nlines, "quoted"'}}
    assert read_table(b"file_name\na.jpg\n") == {"a.jpg": {}}


def test_names_are_normalized_like_file_names() -> None:
    assert list(read_table(b"file_name\n./a.jpg\nb\\c.jpg\n/d.jpg\n")) == ["a.jpg", "b/c.jpg", "d.jpg"]


def test_the_group_column_is_found_in_any_case() -> None:
    assert group_key_of({"Group": "herd 7", "place": "Bonn"}) == "herd 7"
    assert group_key_of({"place": "Bonn"}) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The table is empty"),
        (b"place,time\nBonn,noon\n", "Name that column file_name"),
        (b"file_name,place\na.jpg,Bonn\na.jpg,Ghent\n", "Row 3 names “a.jpg” a second time"),
        (b"file_name,place\n,Bonn\n", "Row 2 does not name a file"),
        (b"file_name,place\na.jpg,Bonn,noon\n", "Row 2 has more cells"),
        (b"file_name,place,Place\na.jpg,Bonn,noon\n", "same heading"),
        (b"file_name,note\na.jpg," + b"x" * 2001 + b"\n", "Row 2 has a cell"),
        (b'file_name,note\na.jpg,"open\n', "Check the quotes there"),
        ("file_name,place\na.jpg,Köln\n".encode("latin-1"), "not in UTF-8"),
        ("file_name\na.jpg\n".encode("utf-16")[:-1], "not in UTF-8"),
        (b"file_name\na\x00.jpg\n", "NUL"),
        (b"file_name" + b",x" * 100 + b"\n", "100 columns"),
        (b"x" * (MAX_BYTES + 1), "32 MB"),
    ],
)
def test_an_invalid_table_is_refused_with_how_to_fix_it(body: bytes, words: str) -> None:
    with pytest.raises(MetadataRefused, match=words):
        read_table(body)


@pytest.mark.parametrize(
    "body",
    [
        "file_name\tplace\r\na.jpg\tKöln\r\n".encode("utf-16"),
        "sep=;\r\nfile_name;place\r\na.jpg;Köln\r\n".encode("utf-8-sig"),
    ],
)
def test_files_of_spreadsheets_are_read(body: bytes) -> None:
    assert read_table(body) == {"a.jpg": {"place": "Köln"}}
