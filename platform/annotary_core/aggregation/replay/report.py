"""Replay results as a text table, as CSV, and as an SVG plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import TextIO

from annotary_core.aggregation.replay.policies import PolicyResult

_COLUMNS = (
    *("kind", "method", "fixed", "threshold", "labels", "tasks", "labels_per_task", "share_of_all"),
    *("accuracy", "majority_accuracy", "agreement", "cost"),
)
_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 64, 60
#: The Okabe-Ito colors, distinguishable with color blindness; the lines also differ in markers and dashes.
_STYLE = """
svg { color-scheme: light dark; }
.paper { fill: #fdfbf7; } .ink, text { fill: #221f1a; } .soft { fill: #6a645a; }
.axis { stroke: #6a645a; stroke-width: 1; fill: none; } .grid { stroke: #e4dfd5; stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.dynamic { stroke: #b65100; } .fixed { stroke: #0072b2; } .majority { stroke: #6a645a; stroke-dasharray: 5 4; }
.mark.dynamic { fill: #b65100; } .mark.fixed { fill: #0072b2; }
.mark.majority { fill: #fdfbf7; stroke-dasharray: none; }
text { font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums; } .title { font-size: 16px; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #1b1916; } .ink, text { fill: #f1ece2; } .soft { fill: #a9a294; }
  .axis { stroke: #a9a294; } .grid { stroke: #34302a; }
  .dynamic { stroke: #f0a04b; } .fixed { stroke: #56b4e9; } .majority { stroke: #a9a294; }
  .mark.dynamic { fill: #f0a04b; } .mark.fixed { fill: #56b4e9; } .mark.majority { fill: #1b1916; }
}
"""


def table(rows: Sequence[PolicyResult], *, right: str = "accuracy") -> Iterator[str]:
    """Yield the lines of a text table, unknown values blank. right: the name of the accuracy column."""
    cost = any(row.cost is not None for row in rows)
    yield (
        f"{'policy':<22}{'answers':>10}{'per task':>10}{'of all':>8}{right:>10}{'majority':>10}{'agreement':>11}"
        + (f"{'cost':>14}" if cost else "")
    )
    for row in rows:
        yield (
            f"{_name(row):<22}{row.labels:>10,}{row.labels_per_task:>10.2f}{row.share_of_all:>8.1%}"
            f"{_percent(row.accuracy):>10}{_percent(row.majority_accuracy):>10}{row.agreement:>11.1%}"
            + (f"{row.cost:>14,.2f}" if row.cost is not None else "")
        )


def write_csv(rows: Sequence[PolicyResult], out: TextIO) -> None:
    """Write one line per policy: kind is all, fixed or dynamic; unknown values are empty."""
    out.write(",".join(_COLUMNS) + "\n")
    for row in rows:
        policy = row.policy
        cells = (
            *(_kind(row), policy.method, policy.fixed, policy.threshold, row.labels, row.tasks),
            *(row.labels_per_task, row.share_of_all, row.accuracy, row.majority_accuracy, row.agreement, row.cost),
        )
        out.write(",".join(_cell(cell) for cell in cells) + "\n")


def plot(rows: Sequence[PolicyResult], *, right: str = "Accuracy") -> str:
    """Return an SVG of accuracy over answers per task, for light and dark pages; without gold, of agreement.

    Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("There is nothing to plot.")
    known = all(row.accuracy is not None for row in rows)
    lines = [
        _Line("dynamic", "Stopping rule", _points(rows, "dynamic", known=known)),
        _Line("fixed", "Fixed number of answers", _points(rows, "fixed", known=known)),
    ]
    if known:
        lines.append(_Line("majority", "Majority vote, fixed number", _majority(rows)))
    visible = [line for line in lines if line.points]
    all_answers = [(row.labels_per_task, _y_value(row, known=known)) for row in rows if _kind(row) == "all"]
    points = [point for line in visible for point in line.points] + all_answers
    frame = _Frame.around(points)
    label = right if known else "Same as with all answers"
    title = f"{label} by answers per task, {rows[0].policy.method}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label='
        f'"{escape(title)}"><style>{_STYLE}</style><title>{escape(title)}</title>',
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/><text class="title" x="{_LEFT}" y="26">'
        f"{escape(title)}</text>",
        *_axes(frame, label),
        *_legend(visible),
        *(part for line in reversed(visible) for part in line.render(frame)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class _Frame:
    """The visible range of the plane, and its ticks."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    @classmethod
    def around(cls, points: Sequence[tuple[float, float]]) -> _Frame:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return cls(_ticks(0.0, max(xs), 8), _ticks(min(ys), max(ys), 6))

    def to_pixels(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / (self.x[-1] - self.x[0])
        up = (y - self.y[0]) / (self.y[-1] - self.y[0])
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)


@dataclass(frozen=True, slots=True)
class _Line:
    kind: str
    name: str
    points: list[tuple[float, float]]

    def render(self, frame: _Frame) -> Iterator[str]:
        pixels = [frame.to_pixels(x, y) for x, y in self.points]
        yield (f'<polyline class="line {self.kind}" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels) + '"/>')
        for (x, y), (answers, value) in zip(pixels, self.points, strict=True):
            yield self.mark(x, y, f"{self.name}: {value:.1%} with {answers:.2f} answers per task")

    def mark(self, x: float, y: float, tooltip: str) -> str:
        shape = (
            f'<rect class="mark {self.kind}" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7">'
            if self.kind == "fixed"
            else f'<circle class="mark {self.kind}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
        )
        return f"{shape}<title>{escape(tooltip)}</title></{'rect' if self.kind == 'fixed' else 'circle'}>"


def _axes(frame: _Frame, label: str) -> Iterator[str]:
    left, bottom = frame.to_pixels(frame.x[0], frame.y[0])
    right, top = frame.to_pixels(frame.x[-1], frame.y[-1])
    digits = max(0, -floor(log10(frame.y[1] - frame.y[0]) + 2 + 1e-9))
    for value in frame.y:
        _, y = frame.to_pixels(frame.x[0], value)
        yield f'<path class="grid" d="M{left:.1f} {y:.1f}H{right:.1f}"/>'
        yield f'<text class="soft" x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:.{digits}%}</text>'
    for value in frame.x:
        x, _ = frame.to_pixels(value, frame.y[0])
        yield f'<path class="axis" d="M{x:.1f} {bottom:.1f}v5"/>'
        yield f'<text class="soft" x="{x:.1f}" y="{bottom + 20:.1f}" text-anchor="middle">{value:g}</text>'
    yield f'<path class="axis" d="M{left:.1f} {bottom:.1f}H{right:.1f}"/>'
    yield f'<text x="{(left + right) / 2:.1f}" y="{_HEIGHT - 14}" text-anchor="middle">Answers per task</text>'
    middle = (top + bottom) / 2
    yield f'<text x="20" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 20 {middle:.1f})">{label}</text>'


def _legend(lines: Sequence[_Line]) -> Iterator[str]:
    x = float(_LEFT)
    for line in lines:
        yield f'<path class="line {line.kind}" d="M{x:.1f} 46h24"/>{line.mark(x + 12, 46, line.name)}'
        yield f'<text x="{x + 32:.1f}" y="50">{escape(line.name)}</text>'
        x += 48 + 7.2 * len(line.name)


def _points(rows: Sequence[PolicyResult], kind: str, *, known: bool) -> list[tuple[float, float]]:
    return sorted((row.labels_per_task, _y_value(row, known=known)) for row in rows if _kind(row) == kind)


def _majority(rows: Sequence[PolicyResult]) -> list[tuple[float, float]]:
    return sorted((row.labels_per_task, row.majority_accuracy or 0.0) for row in rows if _kind(row) == "fixed")


def _y_value(row: PolicyResult, *, known: bool) -> float:
    return row.accuracy if known and row.accuracy is not None else row.agreement


def _ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Return round numbers around the range, at least two."""
    span = max(high - low, 1e-6)
    step = 10.0 ** floor(log10(span / most))
    step = next(step * times for times in (1, 2, 5, 10, 20) if span / (step * times) <= most)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return tuple(round(number * step, 10) for number in range(first, max(last, first + 1) + 1))


def _kind(row: PolicyResult) -> str:
    if row.policy.fixed is not None:
        return "fixed"
    return "all" if row.policy.threshold is None else "dynamic"


def _name(row: PolicyResult) -> str:
    policy = row.policy
    if policy.fixed is not None:
        return f"fixed {policy.fixed}"
    return "all answers" if policy.threshold is None else f"threshold {policy.threshold:g}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
