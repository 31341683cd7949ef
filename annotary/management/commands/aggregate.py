"""`manage.py aggregate ANSWERS.csv --gold GOLD.csv --out LABELS.csv`: aggregate a file of answers into labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotary_core.aggregation.classification.dawid_skene import ConfusionTooLarge
from annotary_core.aggregation.io.aggregate_table import THRESHOLD, aggregate, summary, write_labels
from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.csv_writer import atomic_text_file
from annotary_core.aggregation.io.tables import read_answers
from annotary_core.aggregation.registry import DEFAULT_METHOD, METHODS


class Command(BaseCommand):
    """Aggregate the answers in a CSV file into labels. Needs no database."""

    help = "Aggregate answers (task,worker,label) into labels (task,label,confidence,n), and boxes into boxes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("answers", type=Path, help="task,worker,label or task,worker,x1,y1,x2,y2,label")
        parser.add_argument(
            "--method",
            choices=sorted(METHODS),
            default=DEFAULT_METHOD,
            help=f"aggregation method (default: {DEFAULT_METHOD})",
        )
        parser.add_argument("--gold", type=Path, help="gold: task,label or task,x1,y1,x2,y2,label")
        parser.add_argument(
            "--out", type=Path, help="output file (default: standard output); compressed if it ends in .gz"
        )
        parser.add_argument(
            "--threshold",
            type=float,
            default=THRESHOLD,
            help=f"minimum probability that a box exists (default: {THRESHOLD})",
        )
        parser.add_argument("--seed", type=int, default=0, help="seed of the tie breaking (default: 0)")

    def handle(
        self,
        *args: Any,
        answers: Path,
        method: str,
        gold: Path | None,
        out: Path | None,
        threshold: float,
        seed: int,
        **options: Any,
    ) -> None:
        if threshold != threshold:
            raise CommandError("The threshold must be a number, such as 0.5.")
        try:
            table = read_answers(answers, gold)
            result = aggregate(table, method=method, seed=seed)
        except (TableError, ConfusionTooLarge) as error:
            raise CommandError(str(error)) from error
        if out is None:
            write_labels(table, result, cast(TextIO, self.stdout), threshold=threshold)
        else:
            try:
                with atomic_text_file(out) as file:
                    write_labels(table, result, file, threshold=threshold)
            except OSError as error:
                raise CommandError(f"{out} cannot be written: {error.strerror or error}.") from error
        self.stderr.write(summary(table, result, threshold=threshold), str)
