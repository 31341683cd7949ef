"""A row that repeats a box of its worker is the same object; so is a repeated box of gold."""

from __future__ import annotations

import io
import random
from pathlib import Path

from annotary_core.aggregation.io.aggregate_table import aggregate, summary, write_labels
from annotary_core.aggregation.io.tables import BoxTable, read_answers

HEADER = "task,worker,x1,y1,x2,y2,label"
ROWS = ["1,a,10,10,50,50,cat", "1,b,10,10,50,50,cat", "1,a,10,10,50,50,dog", "1,a,10,10,50,51,cat", "2,a,,,,,"]


def read(folder: Path, rows: list[str], header: str = HEADER, gold: list[str] | None = None) -> BoxTable:
    (folder / "a.csv").write_text("\n".join([header, *rows]))
    if gold is not None:
        (folder / "g.csv").write_text("\n".join(["task,x1,y1,x2,y2,label", *gold]))
    table = read_answers(folder / "a.csv", None if gold is None else folder / "g.csv")
    assert isinstance(table, BoxTable)
    return table


def labels(table: BoxTable) -> str:
    out = io.StringIO()
    write_labels(table, aggregate(table, method="majority"), out, threshold=0)
    return out.getvalue()


def test_repeated_rows_change_nothing_but_are_counted(tmp_path: Path) -> None:
    once = read(tmp_path, ROWS)
    assert (once.merged, once.warning(), len(once.boxes.task)) == (0, "", 4)
    rows = [*ROWS, "1,a,10.0,10,5e1,50, cat ", "1,b,10,10,50,50,cat", "2,a,,,,,"]
    expected = labels(once)
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        again = read(tmp_path, rows)
        assert labels(again) == expected
        assert again.merged == 2
    text = summary(again, aggregate(again, method="majority"))
    assert "4 boxes of 2 workers on 2 tasks" in text
    assert text.endswith("2 rows repeat another one's box and were counted only once.")


def test_the_row_with_the_highest_p_remains_and_the_earliest_of_those(tmp_path: Path) -> None:
    rows = ["1,a,1,1,5,5,cat,0.4,1", "1,a,1,1,5,5,cat,0.9,7", "1,a,1,1,5,5,cat,0.9,3", "1,b,1,1,5,5,cat,0.1,9"]
    for order in (rows, rows[::-1]):
        table = read(tmp_path, order, f"{HEADER},p,time")
        assert table.p is not None
        assert table.time is not None
        assert sorted(zip(table.p.tolist(), table.time.tolist(), strict=True)) == [(0.1, 9), (0.9, 3)]


def test_a_box_that_gold_has_twice_is_one(tmp_path: Path) -> None:
    table = read(tmp_path, ROWS, gold=["1,10,10,50,50,cat", "1,10,10,50,50,cat", "1,10,10,50,50,dog", "2,,,,,"])
    assert table.gold is not None
    assert (len(table.gold.task), table.gold.tasks.tolist(), table.merged) == (2, [0, 1], 1)
    assert table.warning() == "1 row repeats another one's box and was counted only once."
