"""`manage.py replay ANSWERS.csv --gold GOLD.csv`: what the labels would have cost with fewer answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.csv_writer import whole_file
from annotary_core.aggregation.io.tables import BoxTable, ClassTable, read_answers
from annotary_core.aggregation.registry import DEFAULT_METHOD, METHODS
from annotary_core.aggregation.replay.policies import BOX_THRESHOLDS, THRESHOLDS, Policy, Replayed, policies
from annotary_core.aggregation.replay.replay import box_curve, curve
from annotary_core.aggregation.replay.report import plot, table, write_csv
from annotary_core.aggregation.stopping import ANSWERS_MIN, DEFAULT_THRESHOLD


def _numbers(kind: type[int] | type[float]) -> Callable[[str], list[int] | list[float]]:
    def read(text: str) -> list[int] | list[float]:
        return [kind(part) for part in text.split(",") if part.strip()]

    # argparse names the type when a value does not fit.
    read.__name__ = "list of whole numbers" if kind is int else "list of numbers"
    return read


class Command(BaseCommand):
    """Play policies of how many answers a task gets over the answers in a CSV file; needs no database."""

    help = "Accuracy and answers a task, for fixed numbers of answers and for asking only while an answer pays."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("answers", type=Path, help="task,worker,label or task,worker,x1,y1,x2,y2,label")
        parser.add_argument("--gold", type=Path, help="known truth: task,label or task,x1,y1,x2,y2,label")
        parser.add_argument("--method", choices=sorted(METHODS), default=DEFAULT_METHOD, help=f"({DEFAULT_METHOD})")
        parser.add_argument("--fixed", type=_numbers(int), help="numbers of answers: 1,2,3 (from one to all)")
        parser.add_argument(
            "--threshold",
            type=_numbers(float),
            help=f"price of an answer over value of a right label: 0.001,0.01 (a ladder around {DEFAULT_THRESHOLD})",
        )
        parser.add_argument("--price", type=float, help="of one answer, for the cost")
        parser.add_argument("--value", type=float, help="of a right label, in the same currency; makes the threshold")
        parser.add_argument("--answers-min", type=int, default=ANSWERS_MIN, help=f"({ANSWERS_MIN})")
        parser.add_argument("--answers-max", type=int, help="(all that there are)")
        parser.add_argument("--seed", type=int, default=0, help="turns the order in which the answers come (0)")
        parser.add_argument("--out", type=Path, help="also write the table as CSV")
        parser.add_argument("--plot", type=Path, help="also draw it, as SVG")

    def handle(self, *args: Any, answers: Path, gold: Path | None, price: float | None, **options: Any) -> None:
        try:
            given = read_answers(answers, gold)
            chosen = _chosen(given, price=price, **options)
            rows = _played(given, chosen, price)
        except (TableError, ValueError) as error:
            raise CommandError(str(error)) from error
        boxes = isinstance(given, BoxTable)
        for line in table(rows, right="F1" if boxes else "accuracy"):
            self.stdout.write(line)
        self._write(options["out"], lambda file: write_csv(rows, file))
        self._write(options["plot"], lambda file: file.write(plot(rows, right="F1" if boxes else "Accuracy")))

    def _write(self, path: Path | None, fill: Callable[[TextIO], object]) -> None:
        if path is None:
            return
        try:
            with whole_file(path) as file:
                fill(file)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}.") from error


def _chosen(
    given: ClassTable | BoxTable,
    *,
    price: float | None,
    value: float | None,
    threshold: list[float] | None,
    fixed: list[int] | None,
    method: str,
    answers_min: int,
    answers_max: int | None,
    seed: int,
    **_: Any,
) -> list[Policy]:
    """The policies to play; one without limits comes first, what all answers say."""
    if value is not None and (price is None or value <= 0):
        raise ValueError("--value must be above 0 and needs --price; their ratio is the threshold.")
    if value is not None and price is not None and threshold is None:
        threshold = [price / value]
    ladder: tuple[float, ...] = BOX_THRESHOLDS if isinstance(given, BoxTable) else THRESHOLDS
    if fixed is not None and threshold is None:
        ladder = ()
    most = _most(given)
    return [
        Policy(method, seed=seed),
        *policies(
            most,
            method=method,
            fixed=() if fixed is None and threshold is not None else fixed,
            thresholds=ladder if threshold is None else threshold,
            answers_min=answers_min,
            answers_max=answers_max,
            seed=seed,
        ),
    ]


def _most(given: ClassTable | BoxTable) -> int:
    """Answers of the task that has most."""
    if isinstance(given, BoxTable):
        pairs = np.stack([given.boxes.seen_task, given.boxes.seen_worker], axis=1)
    else:
        pairs = np.stack([given.answers.task, given.answers.worker], axis=1)
    tasks = np.unique(pairs, axis=0)[:, 0]
    return int(np.bincount(tasks).max(initial=1))


def _played(given: ClassTable | BoxTable, chosen: list[Policy], price: float | None) -> list[Replayed]:
    if isinstance(given, BoxTable):
        return box_curve(given.boxes, given.gold, chosen, price=price)
    return curve(given.answers, given.answers.gold, chosen, price=price)
