"""Render the agreement report as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from annotary_core.aggregation.agreement.report_body import (
    AlphaFigures,
    BoxReport,
    ClassReport,
    Cohen,
    Confused,
    GoldFigures,
)
from annotary_core.wording import format_count

#: Rows of a table, and tasks that a worker or a pair needs to be listed among the worst.
_ROWS = 10
#: Longer names are truncated.
_WIDTH = 40
_THRESHOLDS = "Krippendorff requires .800, or .667 for tentative conclusions."


def as_text(report: ClassReport | BoxReport) -> str:
    """Render a report of agreement.report as text with small tables."""
    lines = _classes(report) if report["kind"] == "classes" else _boxes(report)
    return "\n".join(lines) + "\n"


def _classes(report: ClassReport) -> Iterator[str]:
    tasks = report["tasks"]
    yield (
        f"{format_count(report['answers'], 'answer')} of {format_count(report['workers'], 'worker')}"
        f" on {format_count(tasks, 'task')}"
        f" ({report['answers'] / tasks:.1f} per task), {format_count(report['labels'], 'label')}"
    )
    if report["repeated"]:
        yield f"{report['repeated']} are repeated answers to a task by the same worker, which share one vote."
    yield ""
    yield from _alpha(f"Krippendorff's alpha ({report['level']})", report["alpha"])
    fleiss = report["fleiss"]
    yield f"{'Fleiss kappa':34}{_n(fleiss['kappa'])}   pairs of workers agree on {_share(fleiss['agreement'])}"
    yield f"{'Cohen kappa, mean of pairs':34}{_n(report['cohen']['mean_kappa'])}"
    yield _THRESHOLDS
    yield from _table("Each label against the others", report["by_class"], ("label", "alpha", "votes"), rows_at_most=50)
    yield from _table("Over time", report.get("over_time", []), ("from", "to", "tasks", "alpha"))
    yield from _pairs(report["cohen"])
    yield from _confused(report["confused"])
    yield from _uncertainty(report)
    if "gold" in report:
        yield from _gold(report["gold"])


def _boxes(report: BoxReport) -> Iterator[str]:
    yield (
        f"{format_count(report['boxes'], 'box', 'boxes')} of {format_count(report['workers'], 'worker')}"
        f" on {format_count(report['tasks'], 'task')},"
        f" {format_count(report['labels'], 'label')}"
    )
    yield ""
    yield from _alpha("alpha of location (IoU)", report["place"])
    yield from _alpha("alpha of location and label", report["place_and_label"])
    yield from _alpha("alpha of labels of matched boxes", report["label"], "objects")
    yield "Boxes rarely overlap by chance, so alpha of location is stricter than alpha of labels."
    yield from _table(
        "Boxes of each label separately", report["by_class"], ("label", "alpha", "boxes"), rows_at_most=50
    )
    yield from _table(
        "Pairs of workers: mean distance (0 for equal boxes, 1 for no overlap)",
        report["pairs"],
        ("first", "second", "n", "distance"),
    )
    yield from _table("Distance from gold", report.get("gold", []), ("worker", "n", "distance"), rows_at_most=50)


def _alpha(name: str, result: AlphaFigures, units: str = "tasks") -> Iterator[str]:
    interval = ""
    if result["low"] is not None:
        interval = f"   ({result['confidence']:.0%} interval {_n(result['low'])} to {_n(result['high'])})"
    yield f"{name:34}{_n(result['value'])}{interval}   {result['tasks']} {units} with two or more workers"


def _pairs(cohen: Cohen) -> Iterator[str]:
    eligible = [pair for pair in cohen["pairs"] if pair["kappa"] is not None and pair["n"] >= _ROWS]
    lowest = sorted(eligible, key=lambda pair: (pair["kappa"] or 0.0, -pair["n"]))[:_ROWS]
    columns = ("first", "second", "n", "agreement", "kappa")
    yield from _table("Pairs of workers with the most common tasks", cohen["pairs"], columns)
    yield from _table(f"Pairs with the lowest kappa (at least {_ROWS} common tasks)", lowest, columns)


def _confused(rows: Sequence[Confused]) -> Iterator[str]:
    clear = [row for row in rows if (row["score"] or 0.0) >= 2]
    if not clear:
        return
    yield ""
    yield "Labels confused more often than the workers' general error rate explains"
    for row in clear[:_ROWS]:
        cause = "by many workers: check the instructions" if row["unclear"] else f"mainly by worker {row['worst']}"
        if not row["unclear"] and (row["score_without_worst"] or 0.0) >= 2:
            cause = "by several workers"
        yield (
            f"  {row['a']} as {row['b']} {_share(row['a_as_b'])}, {row['b']} as {row['a']} {_share(row['b_as_a'])},"
            f" {_share(row['affected'])} of {format_count(row['workers'], 'worker')} affected: {cause}"
            f" (score {row['score'] or 0.0:.1f},"
            f" {row['score_without_worst'] or 0.0:.1f} without the worst worker)"
        )


def _uncertainty(report: ClassReport) -> Iterator[str]:
    doubt = report["doubt"]
    yield ""
    yield (
        f"Labels by {doubt['method']}: expected error rate {_share(doubt['expected_error'])}"
        f" ({doubt['expected_wrong']:.0f} labels), mean entropy {_n(doubt['entropy'])} bits per task"
    )
    columns = ("task", "label", "wrong", "other", "n")
    yield from _table("Most likely wrong", [row for row in report["suspects"] if row["wrong"]], columns)


def _gold(gold: GoldFigures) -> Iterator[str]:
    yield ""
    yield (
        f"Against gold ({format_count(gold['tasks'], 'task')}): accuracy {_share(gold['accuracy'])}, mean confidence"
        f" {_share(gold['confidence'])}, calibration error {_n(gold['calibration_error'])}, Brier score"
        f" {_n(gold['brier'])}, log loss {_n(gold['log_loss'])}"
    )
    yield from _table(
        "Calibration of confidence", gold["reliability"], ("from", "to", "n", "confidence", "right"), rows_at_most=50
    )
    eligible = [row for row in gold["workers"] if row["n"] >= _ROWS]
    workers = sorted(eligible, key=lambda row: (row["right"] or 0.0, -row["n"]))
    yield from _table(
        f"Workers with the lowest accuracy on gold (at least {_ROWS} gold tasks)",
        workers,
        ("worker", "n", "right", "kappa"),
    )


def _table(
    title: str, rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, rows_at_most: int = _ROWS
) -> Iterator[str]:
    if not rows:
        return
    shown = rows[:rows_at_most]
    cells = [list(columns), *([_cell(row[name]) for name in columns] for row in shown)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    yield ""
    yield title if len(shown) == len(rows) else f"{title} (first {len(shown)} of {len(rows)})"
    for line in cells:
        yield "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))


def _cell(value: object) -> str:
    if isinstance(value, str) and len(value) > _WIDTH:
        return value[: _WIDTH - 1] + "…"
    return _n(value) if value is None or isinstance(value, float) else str(value)


def _n(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"
