"""`manage.py replay` reports what labels would have cost with fewer answers, as a table, as CSV and as a plot."""

import csv
import io
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotary_core.aggregation.replay.policies import Policy, PolicyResult
from annotary_core.aggregation.replay.report import plot

ROOT = Path(__file__).resolve().parents[3]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Five workers on thirty tasks; every third task is contested, the fifth worker always answers dog."""
    rows = ["task,worker,label"]
    for task in range(30):
        for worker in range(5):
            wrong = worker == 4 or (task % 3 == 2 and worker in {1, 2})
            rows.append(f"t{task},w{worker},{'dog' if wrong else 'cat'}")
    path = tmp_path / "answers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.csv"
    path.write_text("task,label\n" + "".join(f"t{task},cat\n" for task in range(30)))
    return path


def run_replay(answers: Path, **options: Any) -> list[str]:
    out = io.StringIO()
    call_command("replay", str(answers), stdout=out, **options)
    return out.getvalue().splitlines()


def test_the_table_has_one_line_per_policy(answers: Path, gold: Path) -> None:
    lines = run_replay(answers, gold=gold, fixed=[1, 3], threshold=[0.01], price=0.5)
    assert [line[:15].strip() for line in lines] == ["policy", "all answers", "fixed 1", "fixed 3", "threshold 0.01"]
    assert lines[1].split()[-7:] == ["150", "5.00", "100.0%", "66.67%", "66.67%", "100.0%", "75.00"]
    assert lines[2].split()[2:5] == ["30", "1.00", "20.0%"]


def test_without_gold_accuracy_is_blank_and_agreement_is_shown(answers: Path, tmp_path: Path) -> None:
    out = tmp_path / "replay.csv"
    run_replay(answers, fixed=[2], out=out)
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [(row["kind"], row["fixed"], row["accuracy"], row["cost"]) for row in rows] == [
        ("all", "", "", ""),
        ("fixed", "2", "", ""),
    ]
    assert 0.5 < float(rows[1]["agreement"]) <= 1


def test_price_and_value_set_the_threshold(answers: Path, tmp_path: Path) -> None:
    out = tmp_path / "replay.csv"
    run_replay(answers, price=0.02, value=4.0, out=out)
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [row["threshold"] for row in rows if row["kind"] == "dynamic"] == ["0.005"]
    assert float(rows[0]["cost"]) == pytest.approx(3.0)


def test_the_plot_is_an_svg_with_axes_and_one_marker_per_policy(answers: Path, gold: Path, tmp_path: Path) -> None:
    path = tmp_path / "replay.svg"
    run_replay(answers, gold=gold, fixed=[1, 2, 3], threshold=[0.001, 0.01], plot=path)
    tree = ET.fromstring(path.read_text())
    texts = ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]
    assert {"Answers per task", "Accuracy", "Stopping rule", "Fixed number of answers"} <= set(texts)
    marks = [node for node in tree.iter() if "mark dynamic" in node.get("class", "")]
    assert len(marks) == 2 + 1
    assert "prefers-color-scheme: dark" in path.read_text()
    positions = [float(node.get("cx", "0")) for node in marks]
    assert all(0 < position < 720 for position in positions)


def test_boxes_are_replayed_too(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    rows = [f"{task},{worker},0,0,{20 + worker},20,cat" for task in range(6) for worker in range(3)]
    path.write_text("task,worker,x1,y1,x2,y2,label\n" + "\n".join(rows) + "\n")
    lines = run_replay(path, fixed=[1], threshold=[0.5])
    assert "F1" in lines[0]
    assert lines[1].split()[2:4] == ["18", "3.00"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fixed": [0]}, "at least one answer"),
        ({"threshold": [-1.0]}, "0 or more"),
        ({"value": 3.0}, "needs --price"),
        ({"answers_min": 4, "answers_max": 2}, "cannot be below"),
    ],
)
def test_invalid_options_are_reported(answers: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run_replay(answers, **options)


def test_a_missing_folder_is_reported(answers: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        run_replay(answers, fixed=[1], plot=tmp_path / "none" / "plot.svg")


def test_a_single_policy_can_be_plotted_but_no_policies_cannot() -> None:
    row = PolicyResult(Policy(fixed=1), 10, 10, 1.0, 0.5, None, None, 1.0)
    assert "Same as with all answers" in plot([row])
    with pytest.raises(ValueError, match="nothing to plot"):
        plot([])


def test_the_command_runs_without_a_database(answers: Path, gold: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "replay", str(answers), "--gold", str(gold), "--fixed", "1,2"]
    environment = {"ANNOTARY_DATA": str(tmp_path / "data"), "ANNOTARY_BOOTSTRAP": "off", "PATH": "/usr/bin:/bin"}
    completed = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert completed.returncode == 0, completed.stderr
    assert [line.split()[:2] for line in completed.stdout.splitlines()[1:]] == [
        ["all", "answers"],
        ["fixed", "1"],
        ["fixed", "2"],
    ]
    bad = subprocess.run(
        [*command[:-1], "one"], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert bad.returncode != 0
    assert "list of whole numbers" in bad.stderr
