"""`manage.py replay ANSWERS.csv --gold GOLD.csv`: what the labels would have cost with fewer answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.csv_writer import atomic_text_file
from annotary_core.aggregation.io.tables import BoxTable, ClassTable, read_answers
from annotary_core.aggregation.registry import DEFAULT_METHOD, METHODS
from annotary_core.aggregation.replay.policies import BOX_THRESHOLDS, THRESHOLDS, Policy, PolicyResult, policies
from annotary_core.aggregation.replay.replay import replay_object_policies, replay_policies
from annotary_core.aggregation.replay.report import plot, table, write_csv
from annotary_core.aggregation.stopping import ANSWERS_MIN, DEFAULT_THRESHOLD


def _number_list(kind: type[int] | type[float]) -> Callable[[str], list[int] | list[float]]:
    def read(text: str) -> list[int] | list[float]:
        return [kind(part) for part in text.split(",") if part.strip()]

    # argparse shows the type's name in the error for an invalid value.
    read.__name__ = "list of whole numbers" if kind is int else "list of numbers"
    return read


class Command(BaseCommand):
    """Replay policies for the number of answers per task over the answers in a CSV file; needs no database."""

    help = "Report accuracy and answers per task for fixed numbers of answers and for the stopping rule."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("answers", type=Path, help="task,worker,label or task,worker,x1,y1,x2,y2,label")
        parser.add_argument("--gold", type=Path, help="ground truth: task,label or task,x1,y1,x2,y2,label")
        parser.add_argument(
            "--method", choices=sorted(METHODS), default=DEFAULT_METHOD, help=f"(default: {DEFAULT_METHOD})"
        )
        parser.add_argument(
            "--fixed", type=_number_list(int), help="numbers of answers, such as 1,2,3 (default: from one to all)"
        )
        parser.add_argument(
            "--threshold",
            type=_number_list(float),
            help=f"answer price / label value, such as 0.001,0.01 (default: a range around {DEFAULT_THRESHOLD})",
        )
        parser.add_argument("--price", type=float, help="price of one answer; adds the cost")
        parser.add_argument(
            "--value", type=float, help="value of a right label, in the same currency; sets the threshold"
        )
        parser.add_argument(
            "--answers-min", type=int, default=ANSWERS_MIN, help=f"minimum answers per task (default: {ANSWERS_MIN})"
        )
        parser.add_argument("--answers-max", type=int, help="maximum answers per task (default: all)")
        parser.add_argument("--seed", type=int, default=0, help="seed of the order of answers (default: 0)")
        parser.add_argument("--out", type=Path, help="also write the table as CSV")
        parser.add_argument("--plot", type=Path, help="also write a plot as SVG")

    def handle(self, *args: Any, answers: Path, gold: Path | None, price: float | None, **options: Any) -> None:
        try:
            loaded = read_answers(answers, gold)
            selected = _policies(loaded, price=price, **options)
            rows = _replay(loaded, selected, price)
        except (TableError, ValueError) as error:
            raise CommandError(str(error)) from error
        boxes = isinstance(loaded, BoxTable)
        if isinstance(loaded, BoxTable) and loaded.merged:
            self.stderr.write(loaded.warning(), str)
        for line in table(rows, right="F1" if boxes else "accuracy"):
            self.stdout.write(line)
        self._write(options["out"], lambda file: write_csv(rows, file))
        self._write(options["plot"], lambda file: file.write(plot(rows, right="F1" if boxes else "Accuracy")))

    def _write(self, path: Path | None, fill: Callable[[TextIO], object]) -> None:
        if path is None:
            return
        try:
            with atomic_text_file(path) as file:
                fill(file)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}.") from error


def _policies(
    loaded: ClassTable | BoxTable,
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
    """Return the policies to replay; the first one takes all answers."""
    if value is not None and (price is None or value <= 0):
        raise ValueError("--value must be above 0 and needs --price; their ratio is the threshold.")
    if value is not None and price is not None and threshold is None:
        threshold = [price / value]
    ladder: tuple[float, ...] = BOX_THRESHOLDS if isinstance(loaded, BoxTable) else THRESHOLDS
    if fixed is not None and threshold is None:
        ladder = ()
    max_answers = _max_answers(loaded)
    return [
        Policy(method, seed=seed),
        *policies(
            max_answers,
            method=method,
            fixed=() if fixed is None and threshold is not None else fixed,
            thresholds=ladder if threshold is None else threshold,
            answers_min=answers_min,
            answers_max=answers_max,
            seed=seed,
        ),
    ]


def _max_answers(loaded: ClassTable | BoxTable) -> int:
    """Return the largest number of answers of a task."""
    if isinstance(loaded, BoxTable):
        pairs = np.stack([loaded.boxes.seen_task, loaded.boxes.seen_worker], axis=1)
    else:
        pairs = np.stack([loaded.answers.task, loaded.answers.worker], axis=1)
    tasks = np.unique(pairs, axis=0)[:, 0]
    return int(np.bincount(tasks).max(initial=1))


def _replay(loaded: ClassTable | BoxTable, selected: list[Policy], price: float | None) -> list[PolicyResult]:
    if isinstance(loaded, BoxTable):
        gold = None if loaded.gold is None else loaded.gold.by_task()
        return replay_object_policies(loaded.boxes, gold, selected, price=price)
    return replay_policies(loaded.answers, loaded.answers.gold, selected, price=price)
