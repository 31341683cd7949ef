"""CSV files of answers: names are compared in NFC, blank rows are skipped, NUL and repeated orders are refused."""

from pathlib import Path

import pytest

from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.report import class_report
from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.tables import BoxTable, ClassTable, read_answers


def table_of(folder: Path, text: str, gold: str = "") -> ClassTable | BoxTable:
    path = folder / "answers.csv"
    path.write_text(text, "utf-8")
    if not gold:
        return read_answers(path)
    (folder / "gold.csv").write_text(gold, "utf-8")
    return read_answers(path, folder / "gold.csv")


def test_names_that_are_equal_in_nfc_are_one(tmp_path: Path) -> None:
    text = "task,worker,label\ne\u0301,zoe\u0301,café\né,b,cafe\u0301\né,zoé,tea\n"
    table = table_of(tmp_path, text, "task,label\ne\u0301,cafe\u0301\n")
    assert isinstance(table, ClassTable)
    assert table.tasks.texts() == ["é"]
    assert table.labels.texts() == ["café", "tea"]
    assert sorted(table.workers.texts()) == ["b", "zoé"]
    assert table.answers.label.tolist() == [0, 0, 1]
    assert dict(table.answers.gold or {}) == {0: 0}


def test_gold_that_differs_only_by_its_unicode_form_is_no_contradiction(tmp_path: Path) -> None:
    table = table_of(tmp_path, "task,worker,label\n1,a,é\n", "task,label\n1,é\n1,e\u0301\n")
    assert isinstance(table, ClassTable)
    assert dict(table.answers.gold or {}) == {0: 0}


BLANK = ["", "   ", ",,", " , ,\t", '"",,', ",,,,,"]


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_blank_rows_are_skipped_anywhere(blank: str, at: int, tmp_path: Path) -> None:
    for values in (["1,a,cat", "2,b,dog"], ["1,1,7", "2,2,8"]):
        rows = ["task,worker,label", *values]
        rows.insert(at, blank)
        table = table_of(tmp_path, "\n".join(rows) + "\n")
        assert isinstance(table, ClassTable)
        assert (table.tasks.texts(), len(table.answers.task)) == (["1", "2"], 2)


def test_blank_rows_are_skipped_in_large_files_and_in_boxes(tmp_path: Path) -> None:
    rows = [f"{number},w{number % 3},cat" for number in range(5_000)]
    table = table_of(tmp_path, "task,worker,label\n" + "\n,,\n".join(rows) + "\n,,\n")
    assert len(table.tasks) == 5_000
    boxes = "label,x1,y1,x2,y2,task,worker\ncat,1,1,5,5,1,a\n,,,,,,\n,,,,,1,b\n,,,,,,\n"
    read = table_of(tmp_path, boxes)
    assert isinstance(read, BoxTable)
    # A row without corners and label is an answer: this worker looked and drew nothing.
    assert (len(read.boxes.task), len(read.boxes.seen_task)) == (1, 2)


def test_a_row_with_one_cell_too_few_is_still_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 4: 2 cells"):
        table_of(tmp_path, "task,worker,label\n1,a,cat\n,,\n2,b\n")
    with pytest.raises(TableError, match="line 3: label is empty"):
        table_of(tmp_path, "task,worker,label\n1,a,cat\n2,b, \n")


def test_only_blank_rows_are_no_rows(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="has a header but no rows"):
        table_of(tmp_path, "task,worker,label\n,,\n  \n")


@pytest.mark.parametrize("row", ["1,a,c\0t", "1\0,a,cat", "1,\0,cat", "\0,\0,\0"])
def test_nul_is_refused_with_its_line(row: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"line 4: \w+ contains a NUL character"):
        table_of(tmp_path, f"task,worker,label\n,,\n0,a,cat\n{row}\n")
    with pytest.raises(TableError, match="NUL characters in its header"):
        table_of(tmp_path, "task,worker,lab\0el\n1,a,cat\n")


ORDINAL = "task,worker,label\n1,a,low\n1,b,high\n2,a,high\n2,b,cafe\u0301\n"


def report(folder: Path, order: list[str]) -> object:
    table = table_of(folder, ORDINAL)
    assert isinstance(table, ClassTable)
    return class_report(
        table, level="ordinal", order=order, method="majority", bootstrap=Bootstrap(seed=0, replicates=2)
    )


def test_an_order_that_repeats_a_label_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="The order names high more than once"):
        report(tmp_path, ["low", "high", "high", "café"])
    with pytest.raises(TableError, match="The order names café more than once"):
        report(tmp_path, ["low", "high", "café", "cafe\u0301"])
    with pytest.raises(TableError, match="it lacks high"):
        report(tmp_path, ["low", "cafe\u0301"])
    assert report(tmp_path, ["low", "cafe\u0301", "high"])
