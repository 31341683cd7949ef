"""CSV files are read into columns for any names, quotes and line endings, and errors report the line."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.encoding import Names, encode_integers, encode_texts, merge_names, neutralize_formulas
from annotary_core.aggregation.io.tables import BoxTable, ClassTable, read_answers

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes, name: str = "answers.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def classes(path: Path, gold: Path | None = None) -> ClassTable:
    table = read_answers(path, gold)
    assert isinstance(table, ClassTable)
    return table


def boxes(path: Path, gold: Path | None = None) -> BoxTable:
    table = read_answers(path, gold)
    assert isinstance(table, BoxTable)
    return table


def rows(table: ClassTable) -> list[tuple[str, str, str]]:
    """The rows as written in the file."""
    columns = zip(table.answers.task, table.answers.worker, table.answers.label, strict=True)
    return [(table.tasks.text(t), table.workers.text(w), table.labels.text(k)) for t, w, k in columns]


def test_integers_are_encoded_in_order_of_value(write: Write) -> None:
    table = classes(write("task,worker,label\n10,3,1\n9,-4,0\n10,-4,1\n"))
    assert table.tasks.texts() == ["9", "10"]
    assert table.workers.texts() == ["-4", "3"]
    assert table.answers.task.tolist() == [1, 0, 1]
    assert rows(table) == [("10", "3", "1"), ("9", "-4", "0"), ("10", "-4", "1")]


def test_numbers_are_ordered_by_value_before_texts(write: Write) -> None:
    table = classes(write("task,worker,label\nx,1,cat\n10,2,dog\n9,3,cat\n1e1,4,bird\n"))
    assert table.tasks.texts() == ["9", "10", "1e1", "x"]
    assert table.labels.texts() == ["bird", "cat", "dog"]


@pytest.mark.parametrize("number", ["007", "+7", "-0", "00"])
def test_a_number_in_another_notation_is_another_name(write: Write, number: str) -> None:
    table = classes(write(f"task,worker,label\n7,1,0\n0,1,0\n{number},2,0\n"))
    assert len(table.tasks) == 3
    assert rows(table)[2][0] == number


@pytest.mark.parametrize(
    "content",
    [
        b"task,worker,label\n1,2,3\n4,5,6\n",
        b"task,worker,label\n1,2,3\n4,5,6",
        b"\xef\xbb\xbftask,worker,label\n1,2,3\n4,5,6\n",
        b"task,worker,label\r\n1,2,3\r\n4,5,6\r\n",
        b"task,worker,label\r1,2,3\r4,5,6\r",
        b'"task","worker","label"\n"1","2","3"\n4,5,6\n',
        b"Task, Worker ,LABEL\n 1, 2,3 \n4,5,6\n",
        b"task,worker,label\n\n1,2,3\n\n4,5,6\n\n",
        b"label,task,worker\n3,1,2\n6,4,5\n",
    ],
)
def test_every_csv_dialect_gives_the_same_table(write: Write, content: bytes) -> None:
    assert rows(classes(write(content))) == [("1", "2", "3"), ("4", "5", "6")]


def test_a_gzip_file_is_read(write: Write) -> None:
    path = write(gzip.compress(b"task,worker,label\n1,2,3\n"), "answers.csv.gz")
    assert rows(classes(path)) == [("1", "2", "3")]


def test_quoted_cells_keep_commas_and_line_breaks(write: Write) -> None:
    table = classes(write('task,worker,label\n"a,\nb",w,"say ""hi"""\n'))
    assert rows(table) == [("a,\nb", "w", 'say "hi"')]


def test_gold_shares_the_names_of_the_answers(write: Write) -> None:
    gold = write("task,label\nb,dog\n7,cat\n", "gold.csv")
    table = classes(write("task,worker,label\n1,w,cat\nb,w,cat\n"), gold)
    assert {table.tasks.text(t): table.labels.text(k) for t, k in table.answers.gold.items()} == {
        "b": "dog",
        "7": "cat",
    }
    assert rows(table) == [("1", "w", "cat"), ("b", "w", "cat")]
    assert table.unanswered == 1
    assert table.answers.classes.tolist() == [0, 1]


def test_boxes_are_recognized_by_their_columns(write: Write) -> None:
    table = boxes(write("task,worker,x1,y1,x2,y2,label\n1,w,0,0.5,10,20,cat\n1,v,,,,,\n"))
    assert table.boxes.geometry.box.tolist() == [[0.0, 0.5, 10.0, 20.0]]
    seen = zip(table.boxes.seen_task, table.boxes.seen_worker, strict=True)
    assert {(table.tasks.text(t), table.workers.text(w)) for t, w in seen} == {("1", "w"), ("1", "v")}
    assert table.workers.text(int(table.boxes.worker[0])) == "w"


def test_gold_may_record_that_a_task_has_no_boxes(write: Write) -> None:
    gold = write("task,x1,y1,x2,y2,label\n1,0,0,5,5,dog\n2,,,,,\n", "gold.csv")
    table = boxes(write("task,worker,x1,y1,x2,y2,label\n1,w,0,0,10,20,cat\n"), gold)
    assert table.gold is not None
    assert [table.tasks.text(task) for task in table.gold.tasks] == ["1", "2"]
    assert [table.labels.text(label) for label in table.gold.label] == ["dog"]
    assert table.gold.box.tolist() == [[0.0, 0.0, 5.0, 5.0]]


def test_columns_for_probability_and_time_are_read(write: Write) -> None:
    table = classes(
        write("task,worker,label,p,time\n1,m,a,0.7,2026-01-01T00:00:10\n1,m,b,0.3,2026-01-01T01:00:10+01:00\n")
    )
    assert table.answers.weights is not None
    assert table.time is not None
    assert EncodedAnswers.of(table.answers, repeats="share").vote.tolist() == pytest.approx([0.7, 0.3])
    assert table.time[0] == table.time[1]


def test_a_row_counts_p_of_a_vote_and_a_worker_at_most_one(write: Write) -> None:
    lines = "1,m,a,0.6\n1,m,b,0.3\n1,w,a,1\n2,w,a,1\n2,w,b,1\n2,m,b,0.4\n"
    table = classes(write("task,worker,label,p\n" + lines))
    encoded = EncodedAnswers.of(table.answers, repeats="share")
    rows = zip(encoded.task.tolist(), encoded.worker.tolist(), encoded.label.tolist(), strict=True)
    assert dict(zip(rows, encoded.vote.tolist(), strict=True)) == pytest.approx(
        {(0, 0, 0): 0.6, (0, 0, 1): 0.3, (0, 1, 0): 1.0, (1, 1, 0): 0.5, (1, 1, 1): 0.5, (1, 0, 1): 0.4}
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("task,worker,label\n1,2,3\n4,5\n", "line 3: 2 cells, but the header has 3 columns"),
        ("task,worker,label\n1,2,3,4\n", "line 2: 4 cells"),
        ("task,worker,label\n1,2,3\n\n1, ,3\n", "line 4: worker is empty"),
        ("task,worker,label\n1,,3\n", "line 2: worker is empty"),
        ("task,worker,label,p\n1,2,3,1.5\n", "line 2: p is '1.5', not a probability"),
        ("task,worker,label,time\n1,2,3,soon\n", "line 2: time is 'soon', not a number or a time"),
        ("task,worker,x1,y1,x2,y2,label\n1,2,0,0,a,5,6\n", "line 2: x2 is 'a', not a number"),
        ("task,worker,x1,y1,x2,y2,label\n1,2,0,0,nan,5,6\n", "line 2: x2 is 'nan', not a number"),
        ("task,worker,x1,y1,x2,y2,label\n1,2,0,0,1_0,5,6\n", "line 2: x2 is '1_0', not a number"),
        ("task,worker,x1,y1,x2,y2,label\n1,2,0,0,4,5,6\n1,2,5,0,5,5,6\n", "line 3: the box has no area"),
        ("task,worker,x1,y1,x2,y2,label\n1,2,0,0,4,5,\n", "line 2: label is empty"),
        ('task,worker,label\n1,2,3\n1,"2,3\n', "line 3: unexpected end of data"),
        (
            "task,label\n1,2\n",
            "has the columns task,label; expected task,worker,label or task,worker,x1,y1,x2,y2,label",
        ),
        ("task,worker,label,label\n1,2,3,3\n", "; expected "),
        ("task;worker;label\n1;2;3\n", "semicolons"),
        ("task,worker,label\n", "has a header but no rows"),
        ("", "is empty. Its first line must name the columns"),
        (b"task,worker,label\n1,2,\xff\n", "not encoded in UTF-8"),
    ],
)
def test_errors_name_the_problem_and_the_line_in_one_sentence(write: Write, content: str | bytes, message: str) -> None:
    path = write(content)
    with pytest.raises(TableError) as caught:
        read_answers(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_line_far_down_is_reported(write: Write) -> None:
    with pytest.raises(TableError, match="line 5002: 2 cells"):
        read_answers(write("task,worker,label\n" + "1,2,a\n" * 5000 + "1,2\n" + "1,2,a\n" * 5000))


def test_missing_and_broken_files_are_reported(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.csv does not exist"):
        read_answers(tmp_path / "none.csv")
    with pytest.raises(TableError, match="cannot be read"):
        read_answers(tmp_path)
    with pytest.raises(TableError, match="broken gzip"):
        read_answers(write(gzip.compress(b"task,worker,label\n1,2,3\n" * 50)[:-12], "cut.csv.gz"))


def test_gold_that_contradicts_itself_is_refused(write: Write) -> None:
    gold = write("task,label\n1,a\n1,b\n", "gold.csv")
    with pytest.raises(TableError, match="gives the task 1 two different labels"):
        read_answers(write("task,worker,label\n1,2,a\n"), gold)


def test_gold_of_the_other_kind_is_refused(write: Write) -> None:
    gold = write("task,label\n1,a\n", "gold.csv")
    with pytest.raises(TableError, match="expected task,x1,y1,x2,y2,label"):
        read_answers(write("task,worker,x1,y1,x2,y2,label\n1,2,0,0,4,5,6\n"), gold)


def test_formulas_are_neutralized_and_numbers_are_not() -> None:
    names = ["=1+1", "+cmd", "-x", "@sum", "-5", "+3.5", "-.5e3", "cat", "＝1", ""]
    assert neutralize_formulas(names) == ["'=1+1", "'+cmd", "'-x", "'@sum", "-5", "+3.5", "-.5e3", "cat", "'＝1", ""]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-3, 3), st.integers(0, 10**17)), min_size=1))
def test_the_fast_path_and_the_csv_module_give_the_same_codes(cells: list[tuple[int, int, int]]) -> None:
    for column in zip(*cells, strict=True):
        fast = encode_integers(np.array(column, np.int64))
        first_seen = list(dict.fromkeys(map(str, column)))
        general = encode_texts(first_seen, np.array([first_seen.index(str(cell)) for cell in column], np.int64))
        assert fast.codes.tolist() == general.codes.tolist()
        assert fast.names.texts() == general.names.texts()


@given(st.lists(st.text(max_size=3), min_size=1), st.lists(st.integers(-5, 15), min_size=1))
def test_merged_names_keep_every_text(texts: list[str], numbers: list[int]) -> None:
    first_seen = list(dict.fromkeys(texts))
    one = encode_texts(first_seen, np.array([first_seen.index(text) for text in texts], np.int64))
    names, (left, right) = merge_names(one, encode_integers(np.array(numbers, np.int64)))
    assert [names.text(code) for code in left] == texts
    assert [names.text(code) for code in right] == [str(number) for number in numbers]
    assert len(set(names.texts())) == len(names)


def test_numeric_names_have_values() -> None:
    assert Names(("1", "2.5")).numbers() == pytest.approx([1, 2.5])
    assert Names(("1", "cat")).numbers() is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ["dog", "s_rel", "cytocrowd_boxes"])
def test_real_files_are_read(name: str) -> None:
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "crowd" / name
    table = read_answers(folder / "answers.csv", folder / "gold.csv")
    lines = (folder / "answers.csv").read_text().splitlines()[1:]
    task = table.boxes.task if isinstance(table, BoxTable) else table.answers.task
    assert [table.tasks.text(code) for code in task] == [line.split(",")[0] for line in lines]
