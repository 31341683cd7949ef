"""`manage.py aggregate` writes a complete file of labels for a file of answers, or nothing."""

import csv
import gzip
import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotary_core.aggregation.io.aggregate_table import aggregate, summary, write_labels
from annotary_core.aggregation.io.csv_writer import atomic_text_file
from annotary_core.aggregation.io.tables import read_answers

ROOT = Path(__file__).resolve().parents[3]
ANSWERS = "task,worker,label\nt10,w,cat\nt10,v,cat\nt10,u,dog\nt9,w,dog\n"
BOXES = "task,worker,x1,y1,x2,y2,label\n1,w,0,0,10,10,cat\n1,v,0,0,10,12,cat\n1,u,50,50,60,60,dog\n2,w,,,,,\n"


def write_file(folder: Path, content: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def labels_of(path: Path, gold: Path | None = None, threshold: float = 0.5) -> list[dict[str, str]]:
    """The written labels, read back."""
    table = read_answers(path, gold)
    out = io.StringIO()
    write_labels(table, aggregate(table, method="majority"), out, threshold=threshold)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_one_row_per_task_with_confidence_and_count(tmp_path: Path) -> None:
    assert labels_of(write_file(tmp_path, ANSWERS)) == [
        {"task": "t10", "label": "cat", "confidence": "0.666667", "n": "3"},
        {"task": "t9", "label": "dog", "confidence": "1.000000", "n": "1"},
    ]


def test_gold_tasks_are_clamped(tmp_path: Path) -> None:
    gold = write_file(tmp_path, "task,label\nt10,bird\n", "gold.csv")
    rows = labels_of(write_file(tmp_path, ANSWERS), gold)
    assert rows[0] == {"task": "t10", "label": "bird", "confidence": "1.000000", "n": "3"}
    table = read_answers(write_file(tmp_path, ANSWERS), gold)
    assert "1 task has gold" in summary(table, aggregate(table, method="majority"))


def test_boxes_are_written_with_corners(tmp_path: Path) -> None:
    rows = labels_of(write_file(tmp_path, BOXES), threshold=0)
    assert [(row["task"], row["x2"], row["label"], row["n"]) for row in rows] == [
        ("1", "10.00", "cat", "2"),
        ("1", "60.00", "dog", "1"),
    ]
    assert 10 <= float(rows[0]["y2"]) <= 12
    assert list(rows[0]) == ["task", "x1", "y1", "x2", "y2", "label", "confidence", "n"]
    assert float(rows[0]["confidence"]) > float(rows[1]["confidence"])
    assert labels_of(write_file(tmp_path, BOXES), threshold=1.1) == []


def test_gold_boxes_determine_which_boxes_exist(tmp_path: Path) -> None:
    gold = write_file(tmp_path, "task,x1,y1,x2,y2,label\n1,50,50,60,60,dog\n", "gold.csv")
    assert [row["x1"] for row in labels_of(write_file(tmp_path, BOXES), gold)] == ["50.00"]
    table = read_answers(write_file(tmp_path, BOXES), gold)
    text = summary(table, aggregate(table, method="majority"))
    assert text == ("3 boxes of 3 workers on 2 tasks: 2 objects, 1 of them written. 1 task has gold.")


def test_names_with_commas_quotes_and_formulas_are_escaped(tmp_path: Path) -> None:
    rows = labels_of(write_file(tmp_path, 'task,worker,label\n"a,""b""",w,=1+1\n-5,w,-2\n'))
    assert [(row["task"], row["label"]) for row in rows] == [("-5", "-2"), ('a,"b"', "'=1+1")]


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    stderr = io.StringIO()
    call_command("aggregate", str(write_file(tmp_path, ANSWERS)), out=out, method="majority", stderr=stderr)
    assert out.read_text() == "task,label,confidence,n\nt10,cat,0.666667,3\nt9,dog,1.000000,1\n"
    assert stderr.getvalue() == "4 answers of 3 workers on 2 tasks, 2 labels, 0 ties broken by hash.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "labels.csv"]


def test_a_file_that_ends_in_gz_is_compressed(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv.gz"
    call_command("aggregate", str(write_file(tmp_path, ANSWERS)), out=out, stderr=io.StringIO())
    assert gzip.decompress(out.read_bytes()).startswith(b"task,label,confidence,n\n")


def test_bad_input_leaves_an_existing_file_unchanged(tmp_path: Path) -> None:
    out = write_file(tmp_path, "earlier", "labels.csv")
    with pytest.raises(CommandError, match="line 2: 2 cells"):
        call_command("aggregate", str(write_file(tmp_path, "task,worker,label\n1,2\n")), out=out)
    assert out.read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "labels.csv"]


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_text_file(tmp_path / "labels.csv") as out:
        out.write("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_missing_output_folder_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("aggregate", str(write_file(tmp_path, ANSWERS)), out=tmp_path / "none" / "labels.csv")


def program(folder: Path, answers: Path) -> subprocess.Popen[str]:
    """Start the command as a user does, with a data folder in which nothing runs."""
    arguments = [sys.executable, str(ROOT / "manage.py"), "aggregate", str(answers), "--method", "majority"]
    environment = {"ANNOTARY_DATA": str(folder / "data"), "ANNOTARY_BOOTSTRAP": "off", "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_it_runs_as_a_program_without_a_database(tmp_path: Path) -> None:
    with program(tmp_path, write_file(tmp_path, ANSWERS)) as process:
        out, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert out.splitlines() == ["task,label,confidence,n", "t10,cat,0.666667,3", "t9,dog,1.000000,1"]
    assert stderr.startswith("4 answers")


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    many = "task,worker,label\n" + "".join(f"{task},1,1\n" for task in range(20_000))
    with program(tmp_path, write_file(tmp_path, many)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "task,label,confidence,n\n"
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode == 141
    assert stderr == ""
