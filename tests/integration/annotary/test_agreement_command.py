"""`manage.py agreement` reports inter-annotator agreement as text or JSON."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotary_core.aggregation.agreement.report import box_report, class_report
from annotary_core.aggregation.agreement.report_text import as_text
from annotary_core.aggregation.io.tables import BoxTable, ClassTable, read_answers

ROOT = Path(__file__).resolve().parents[3]
BOXES = """task,worker,x1,y1,x2,y2,label
1,w,0,0,10,10,cat
1,v,0,0,10,10,cat
1,u,0,0,10,10,dog
2,w,30,30,40,40,dog
2,v,30,30,40,40,dog
2,u,,,,,
"""


def write_file(folder: Path, content: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def answers(folder: Path, labels: tuple[str, ...] = ("low", "middle", "high"), *, time: bool = False) -> Path:
    """60 tasks answered by ann, bob and cat, who label seven of ten correctly and guess on the others."""
    rng = np.random.default_rng(0)
    lines = ["task,worker,label" + (",time" if time else "")]
    for task in range(60):
        for worker in ("ann", "bob", "cat"):
            label = labels[task % 3 if rng.random() < 0.7 else int(rng.integers(3))]
            lines.append(f"{task},{worker},{label}" + (f",{task}" if time else ""))
    return write_file(folder, "\n".join(lines))


def gold(folder: Path) -> Path:
    return write_file(
        folder, "task,label\n" + "\n".join(f"{t},{('low', 'middle', 'high')[t % 3]}" for t in range(60)), "g.csv"
    )


def get_report(path: Path, gold: Path | None = None, **options: Any) -> Any:
    table = read_answers(path, gold)
    if isinstance(table, BoxTable):
        return box_report(table)
    assert isinstance(table, ClassTable)
    return class_report(table, method="majority", **options)


def test_the_report_has_every_measure_and_is_plain_json(tmp_path: Path) -> None:
    report = get_report(answers(tmp_path, time=True), gold(tmp_path))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["answers"], report["tasks"], report["workers"], report["labels"]) == (180, 60, 3, 3)
    assert report["alpha"]["low"] < report["alpha"]["value"] < report["alpha"]["high"]
    assert report["alpha"]["value"] == pytest.approx(0.49, abs=0.15)
    assert [pair["first"] + pair["second"] for pair in report["cohen"]["pairs"]] == ["annbob", "anncat", "bobcat"]
    assert report["cohen"]["mean_kappa"] == pytest.approx(report["fleiss"]["kappa"], abs=0.05)
    assert {row["label"] for row in report["by_class"]} == {"low", "middle", "high"}
    assert sum(part["tasks"] for part in report["over_time"]) == 60
    assert {row["worker"] for row in report["gold"]["workers"]} == {"ann", "bob", "cat"}
    assert report["gold"]["accuracy"] > 0.8
    assert report["suspects"][0]["wrong"] >= report["suspects"][-1]["wrong"]


def test_labels_evaluated_against_gold_were_computed_without_it(tmp_path: Path) -> None:
    report = get_report(answers(tmp_path), gold(tmp_path))["gold"]
    assert report["accuracy"] < 1
    assert report["confidence"] < 1


def test_ordinal_labels_need_numbers_or_an_order(tmp_path: Path) -> None:
    path = answers(tmp_path)
    with pytest.raises(CommandError, match="give their order with --order"):
        call_command("agreement", str(path), level="ordinal", stdout=io.StringIO())
    with pytest.raises(CommandError, match="it lacks high"):
        call_command("agreement", str(path), level="ordinal", order="low,middle", stdout=io.StringIO())
    named = get_report(path, level="ordinal", order=["low", "middle", "high"])["alpha"]["value"]
    numbered = get_report(answers(tmp_path, ("1", "2", "3")), level="ordinal")["alpha"]["value"]
    assert named == numbered
    with pytest.raises(CommandError, match="use the nominal level"):
        call_command("agreement", str(answers(tmp_path)), level="interval", stdout=io.StringIO())


def test_text_report_contains_the_figures(tmp_path: Path) -> None:
    report = get_report(answers(tmp_path, time=True), gold(tmp_path))
    text = as_text(report)
    assert text.startswith("180 answers of 3 workers on 60 tasks (3.0 per task), 3 labels\n")
    assert f"Krippendorff's alpha (nominal)    {report['alpha']['value']:.3f}" in text
    for title in (
        "Each label against the others",
        "Over time",
        "Most likely wrong",
        "Against gold",
        "Workers with the lowest accuracy",
    ):
        assert title in text
    assert max(map(len, text.splitlines())) < 200


def test_a_single_worker_gives_a_report_without_figures(tmp_path: Path) -> None:
    report = get_report(write_file(tmp_path, "task,worker,label\n1,w,a\n2,w,b\n"))
    assert report["alpha"]["value"] is None
    assert "Krippendorff's alpha (nominal)    -" in as_text(report)


def test_boxes_are_compared_by_location_and_label(tmp_path: Path) -> None:
    path = write_file(tmp_path, BOXES)
    truth = write_file(tmp_path, "task,x1,y1,x2,y2,label\n1,0,0,10,10,cat\n2,30,30,40,40,dog\n", "gold.csv")
    report = get_report(path, truth)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    # All agree on task 1; on task 2 one of three workers drew nothing.
    assert report["place"]["observed"] == pytest.approx(1 / 3, abs=1e-6)
    assert report["place_and_label"]["observed"] == pytest.approx(2 / 3, abs=1e-6)
    assert {row["worker"]: row["distance"] for row in report["gold"]} == {"w": 0, "v": 0, "u": 0.5}
    assert not math.isclose(report["label"]["value"], 1)
    assert "Distance from gold" in as_text(report)


def test_bad_input_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="line 2: 2 cells"):
        call_command("agreement", str(write_file(tmp_path, "task,worker,label\n1,2\n")))


def test_it_runs_as_a_program_and_prints_json(tmp_path: Path) -> None:
    arguments = [sys.executable, str(ROOT / "manage.py"), "agreement", str(answers(tmp_path)), "--json"]
    environment = {"ANNOTARY_DATA": str(tmp_path / "data"), "ANNOTARY_BOOTSTRAP": "off", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answers"] == 180
