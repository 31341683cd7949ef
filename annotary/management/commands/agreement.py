"""`manage.py agreement ANSWERS.csv --gold GOLD.csv`: report inter-annotator agreement for a file of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotary_core.aggregation.agreement.alpha import Level
from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.report import box_report, class_report
from annotary_core.aggregation.agreement.report_body import BoxReport, ClassReport
from annotary_core.aggregation.agreement.report_text import as_text
from annotary_core.aggregation.classification.dawid_skene import ConfusionTooLarge
from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.tables import BoxTable, read_answers
from annotary_core.aggregation.registry import DEFAULT_METHOD, METHODS


class Command(BaseCommand):
    """Report the agreement of workers and the uncertainty of their labels from a CSV file. Needs no database."""

    help = "Report agreement (Krippendorff, Fleiss, Cohen), confused labels and label errors for a CSV file of answers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("answers", type=Path, help="task,worker,label or task,worker,x1,y1,x2,y2,label")
        parser.add_argument("--gold", type=Path, help="gold: task,label or task,x1,y1,x2,y2,label")
        parser.add_argument(
            "--level",
            choices=get_args(Level),
            default="nominal",
            help="level of measurement of the labels (default: nominal)",
        )
        parser.add_argument(
            "--order", default="", help="labels from low to high, separated by commas, for the ordinal level"
        )
        parser.add_argument(
            "--method",
            choices=sorted(METHODS),
            default=DEFAULT_METHOD,
            help=f"aggregation method (default: {DEFAULT_METHOD})",
        )
        parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap intervals (default: 0)")
        parser.add_argument("--json", action="store_true", help="print all figures as JSON")

    def handle(
        self,
        *args: Any,
        answers: Path,
        gold: Path | None,
        level: Level,
        order: str,
        method: str,
        seed: int,
        **options: Any,
    ) -> None:
        names = [name.strip() for name in order.split(",")] if order else []
        bootstrap = Bootstrap(seed=seed)
        try:
            table = read_answers(answers, gold)
            report: ClassReport | BoxReport
            if isinstance(table, BoxTable):
                report = box_report(table, bootstrap=bootstrap)
            else:
                report = class_report(table, level=level, order=names, method=method, bootstrap=bootstrap)
        except (TableError, ConfusionTooLarge) as error:
            raise CommandError(str(error)) from error
        if isinstance(table, BoxTable) and table.merged:
            self.stderr.write(table.warning(), str)
        self.stdout.write(json.dumps(report, ensure_ascii=False, indent=1) if options["json"] else as_text(report))
