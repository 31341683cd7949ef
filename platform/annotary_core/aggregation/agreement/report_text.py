"""The report on agreement as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Json = dict[str, Any]
#: Rows of a table, and the tasks in common that a worker or a pair needs to be named as the worst.
_ROWS = 10
#: Longer names are cut.
_WIDTH = 40
_BOUNDS = "Krippendorff asks for .800, and .667 where tentative conclusions do."


def as_text(report: Json) -> str:
    """The report of agreement.report in words and small tables."""
    lines = _classes(report) if report["kind"] == "classes" else _boxes(report)
    return "\n".join(lines) + "\n"


def _classes(report: Json) -> Iterator[str]:
    tasks = report["tasks"]
    yield (
        f"{report['answers']} answers of {report['workers']} workers on {tasks} tasks"
        f" ({report['answers'] / tasks:.1f} a task), {report['labels']} labels"
    )
    if report["repeated"]:
        yield f"{report['repeated']} of them are repeated answers of a worker to a task, which share one vote."
    yield ""
    yield from _alpha(f"Krippendorff's alpha ({report['level']})", report["alpha"])
    fleiss = report["fleiss"]
    yield f"{'Fleiss kappa':34}{_n(fleiss['kappa'])}   pairs of workers agree on {_share(fleiss['agreement'])}"
    yield f"{'Cohen kappa, mean of pairs':34}{_n(report['cohen']['mean_kappa'])}"
    yield _BOUNDS
    yield from _table("Each label against the others", report["by_class"], ("label", "alpha", "votes"), rows_at_most=50)
    yield from _table("Over time", report.get("over_time", []), ("from", "to", "tasks", "alpha"))
    yield from _pairs(report["cohen"])
    yield from _confused(report["confused"])
    yield from _doubt(report)
    if "gold" in report:
        yield from _gold(report["gold"])


def _boxes(report: Json) -> Iterator[str]:
    yield (
        f"{report['boxes']} boxes of {report['workers']} workers on {report['tasks']} tasks, {report['labels']} labels"
    )
    yield ""
    yield from _alpha("alpha of place (IoU)", report["place"])
    yield from _alpha("alpha of place and label", report["place_and_label"])
    yield from _alpha("alpha of labels where boxes meet", report["label"], "objects")
    yield "Boxes seldom meet by chance, so alpha of place is stricter than alpha of labels."
    yield from _table("Boxes of one label alone", report["by_class"], ("label", "alpha", "boxes"), rows_at_most=50)
    yield from _table(
        "Pairs of workers: mean distance (0 the same boxes, 1 nothing in common)",
        report["pairs"],
        ("first", "second", "n", "distance"),
    )
    yield from _table("Distance from gold", report.get("gold", []), ("worker", "n", "distance"), rows_at_most=50)


def _alpha(name: str, found: Json, units: str = "tasks") -> Iterator[str]:
    interval = ""
    if found["low"] is not None:
        interval = f"   ({found['confidence']:.0%} interval {_n(found['low'])} to {_n(found['high'])})"
    yield f"{name:34}{_n(found['value'])}{interval}   {found['tasks']} {units} with two workers or more"


def _pairs(cohen: Json) -> Iterator[str]:
    known = [pair for pair in cohen["pairs"] if pair["kappa"] is not None and pair["n"] >= _ROWS]
    lowest = sorted(known, key=lambda pair: (pair["kappa"], -pair["n"]))[:_ROWS]
    columns = ("first", "second", "n", "agreement", "kappa")
    yield from _table("Pairs of workers with most tasks in common", cohen["pairs"], columns)
    yield from _table(f"Pairs that agree least (of {_ROWS} tasks or more in common)", lowest, columns)


def _confused(rows: Sequence[Json]) -> Iterator[str]:
    clear = [row for row in rows if row["score"] >= 2]
    if not clear:
        return
    yield ""
    yield "Labels that are confused more than the workers' general noise explains"
    for row in clear[:_ROWS]:
        cause = "by many: look at the instructions" if row["unclear"] else f"most of all by worker {row['worst']}"
        if not row["unclear"] and row["score_without_worst"] >= 2:
            cause = "by several"
        yield (
            f"  {row['a']} as {row['b']} {_share(row['a_as_b'])}, {row['b']} as {row['a']} {_share(row['b_as_a'])},"
            f" {_share(row['affected'])} of {row['workers']} workers: {cause} (score {row['score']:.1f},"
            f" {row['score_without_worst']:.1f} without the worst)"
        )


def _doubt(report: Json) -> Iterator[str]:
    doubt = report["doubt"]
    yield ""
    yield (
        f"Labels by {doubt['method']}: {_share(doubt['expected_error'])} of them expected to be wrong"
        f" ({doubt['expected_wrong']:.0f}), {_n(doubt['entropy'])} bits of doubt a task"
    )
    columns = ("task", "label", "wrong", "other", "n")
    yield from _table("Most likely wrong", [row for row in report["suspects"] if row["wrong"]], columns)


def _gold(gold: Json) -> Iterator[str]:
    yield ""
    yield (
        f"Against gold ({gold['tasks']} tasks): {_share(gold['accuracy'])} right, mean confidence"
        f" {_share(gold['confidence'])}, calibration error {_n(gold['calibration_error'])}, Brier score"
        f" {_n(gold['brier'])}, log loss {_n(gold['log_loss'])}"
    )
    yield from _table(
        "Is confidence earned?", gold["reliability"], ("from", "to", "n", "confidence", "right"), rows_at_most=50
    )
    known = [row for row in gold["workers"] if row["n"] >= _ROWS]
    workers = sorted(known, key=lambda row: (row["right"], -row["n"]))
    yield from _table(
        f"Workers furthest from gold (of {_ROWS} gold tasks or more)", workers, ("worker", "n", "right", "kappa")
    )


def _table(title: str, rows: Sequence[Json], columns: Sequence[str], *, rows_at_most: int = _ROWS) -> Iterator[str]:
    if not rows:
        return
    shown = rows[:rows_at_most]
    cells = [list(columns), *([_cell(row[name]) for name in columns] for row in shown)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    yield ""
    yield title if len(shown) == len(rows) else f"{title} (first {len(shown)} of {len(rows)})"
    for line in cells:
        yield "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, str) and len(value) > _WIDTH:
        return value[: _WIDTH - 1] + "…"
    return _n(value) if value is None or isinstance(value, float) else str(value)


def _n(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
