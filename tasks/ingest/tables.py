"""CSV files that people upload, and metadata tables: a column of file names and any other columns to keep. Pure."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

from annotary_core.labels.names import normalize_name
from tasks.ingest.archive_names import clean_path
from tasks.ingest.errors import MetadataRefused, TableRefused

MAX_BYTES = 32 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 100
MAX_CELL = 2_000
MAX_HEADING = 100
NAME_COLUMNS = ("file_name", "filename", "file", "image", "name")
GROUP_COLUMN = "group"
MAX_GROUP = 200

_DELIMITERS = ",;\t|"
_NAMED_DELIMITER = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)


def read_table(body: bytes) -> dict[str, dict[str, str]]:
    """Parse a CSV file of `read_rows` into {file name: {column: cell}}.

    The first of NAME_COLUMNS that exists, in any case, names the image; empty cells are left out. Raises
    MetadataRefused with the line and how to fix it.
    """
    try:
        return _read_rows(read_rows(body, max_bytes=MAX_BYTES))
    except TableRefused as error:
        raise MetadataRefused(error.detail) from error


def read_rows(body: bytes, *, max_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file that are not blank, the header first, each with its number from 1.

    UTF-8 with or without a byte order mark, or UTF-16 with one, as spreadsheets write it; detects the delimiter, or
    takes it from a first line such as `sep=;`. Raises TableRefused, with the line and how to fix it.
    """
    if len(body) > max_bytes:
        size = f"{max_bytes // 1024**2} MB" if max_bytes >= 1024**2 else f"{max_bytes // 1000} kB"
        raise TableRefused(f"The table is larger than {size}. Split it up.")
    text = decode_table(body)
    named = _NAMED_DELIMITER.match(text)
    delimiter = named[1] if named else _delimiter(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(rows, start=1):
            if any(cell.strip() for cell in cells) and not (named and number == 1):
                yield number, cells
    except csv.Error as error:
        raise TableRefused(f"The table is not valid CSV near line {rows.line_num}. Check the quotes there.") from error


def decode_table(body: bytes) -> str:
    """Return the text of a CSV file. Raises TableRefused."""
    encoding = "utf-16" if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise TableRefused("The table is not in UTF-8. Save it as “CSV UTF-8” and upload it again.") from error
    if "\x00" in text:
        raise TableRefused("The table contains NUL characters. Save it as “CSV UTF-8” and upload it again.")
    return text


def _read_rows(filled: Iterator[tuple[int, list[str]]]) -> dict[str, dict[str, str]]:
    _, heading_cells = next(filled, (1, []))
    headings = [normalize_name(heading.strip()) for heading in heading_cells]
    key = _name_column(headings)
    table: dict[str, dict[str, str]] = {}
    for line, cells in filled:
        if len(cells) > len(headings):
            raise MetadataRefused(f"Row {line} has more cells than the header row. Fix the row.")
        name = clean_name(cells[key]) if key < len(cells) else ""
        if not name:
            raise MetadataRefused(f"Row {line} does not name a file. Fill in the column “{headings[key]}”.")
        if name in table:
            raise MetadataRefused(f"Row {line} names “{name[:80]}” a second time. Keep one row per file.")
        if any(len(cell) > MAX_CELL for cell in cells):
            raise MetadataRefused(f"Row {line} has a cell with more than {MAX_CELL:,} characters. Shorten it.")
        if len(table) >= MAX_ROWS:
            raise MetadataRefused(f"The table has more than {MAX_ROWS:,} rows. Split the import up.")
        pairs = zip(headings, cells, strict=False)
        table[name] = {
            heading: cell.strip() for at, (heading, cell) in enumerate(pairs) if at != key and heading and cell.strip()
        }
    return table


def group_key_of(row: dict[str, str]) -> str:
    """Return the group of an image, whose images always share a split; empty if the table names none."""
    for heading, cell in row.items():
        if heading.lower() == GROUP_COLUMN:
            return normalize_name(cell)[:MAX_GROUP]
    return ""


def clean_name(name: str) -> str:
    """Normalize a file name as imports store it: NFC, POSIX separators, no leading slash, no `.` parts.

    Strips only ASCII whitespace: a name may begin or end with a no-break space.
    """
    return clean_path(name.strip(" \t\r\n\v\f")).lstrip("/")


def _name_column(headings: list[str]) -> int:
    lowered = [heading.lower() for heading in headings]
    if not any(headings):
        raise MetadataRefused("The table is empty. Its first line must be a header row with a file_name column.")
    if len(headings) > MAX_COLUMNS or any(len(heading) > MAX_HEADING for heading in headings):
        raise MetadataRefused(
            f"The table exceeds {MAX_COLUMNS} columns or {MAX_HEADING} characters in a heading. Remove or shorten some."
        )
    named = [heading for heading in lowered if heading]
    if len(set(named)) != len(named):
        raise MetadataRefused("Two columns have the same heading. Rename one of them.")
    for wanted in NAME_COLUMNS:
        if wanted in lowered:
            return lowered.index(wanted)
    raise MetadataRefused("No column contains the file names. Name that column file_name.")


def _delimiter(text: str) -> str:
    """Return the delimiter that gives the most cells in the header row; csv.Sniffer picks letters in short tables."""
    heading = next((line for line in io.StringIO(text) if line.strip(f"{_DELIMITERS} \r\n")), "")
    return max(_DELIMITERS, key=heading.count)
