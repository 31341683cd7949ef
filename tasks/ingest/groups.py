"""Which images of an import belong to one group. Pure, apart from the names of the choices."""

import hashlib
from collections.abc import Iterable, Mapping

from annotary_core.labels.names import normalize_name
from annotary_core.labels.natural_order import natural_key
from tasks.ingest.errors import GroupingRefused
from tasks.ingest.models import Import
from tasks.ingest.tables import MAX_GROUP, MAX_HEADING, group_key_of

_COLUMNS_SHOWN = 10


def read_grouping(*, keep_together: str, group_column: str) -> tuple[str, str]:
    """Return the choice and the name of the column, empty unless the choice is a column. Raises GroupingRefused."""
    column = normalize_name(group_column.strip())
    if keep_together not in Import.KeepTogether.values:
        raise GroupingRefused(f"There is no way to keep images together called “{keep_together[:40]}”.")
    if keep_together != Import.KeepTogether.COLUMN:
        if column:
            raise GroupingRefused(
                "A column is named, but images are not kept together by a column. Choose one of both."
            )
        return keep_together, ""
    if not column or len(column) > MAX_HEADING:
        raise GroupingRefused("Name the column of the metadata whose value images of a group have in common.")
    return keep_together, column


def group_of(batch_import: Import, *, name: str, row: Mapping[str, str]) -> str:
    """Return the group of an image with this name and row of metadata; empty if it is in none.

    Images in no folder, and those without a value in the column, are in none. Without a choice the column `group`
    still says which images share a split.
    """
    if batch_import.keep_together == Import.KeepTogether.FOLDER:
        return _shortened(name.rpartition("/")[0])
    if batch_import.keep_together == Import.KeepTogether.COLUMN:
        wanted = batch_import.group_column.casefold()
        values = [cell for heading, cell in row.items() if heading.casefold() == wanted]
        return _shortened(normalize_name(values[0])) if values else ""
    return group_key_of(dict(row))


def require_column(batch_import: Import) -> None:
    """Raise GroupingRefused if the import groups by a column that its metadata does not have."""
    if batch_import.keep_together != Import.KeepTogether.COLUMN:
        return
    columns = _columns_of(batch_import.metadata.values())
    if batch_import.group_column.casefold() in {column.casefold() for column in columns}:
        return
    wanted = f"The metadata has no column “{batch_import.group_column}” with a value"
    if not columns:
        raise GroupingRefused(f"{wanted}. Add a CSV file with a column of file names and this column.")
    shown = ", ".join(f"“{column}”" for column in columns[:_COLUMNS_SHOWN])
    more = " and others" if len(columns) > _COLUMNS_SHOWN else ""
    raise GroupingRefused(f"{wanted}. Choose one of its columns: {shown}{more}.")


def _columns_of(rows: Iterable[Mapping[str, str]]) -> list[str]:
    return sorted({heading for row in rows for heading in row}, key=natural_key)


def _shortened(key: str) -> str:
    """Return a key that fits the column; different long keys stay different."""
    if len(key) <= MAX_GROUP:
        return key
    return f"{key[: MAX_GROUP - 33]}~{hashlib.sha256(key.encode()).hexdigest()[:32]}"
