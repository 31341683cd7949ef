"""`manage.py synthesize OUT --count 200 --seed 7`: write a folder of synthetic scenes with their ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotary_core.synthesis.scenes.synthesize import synthesize
from annotary_core.wording import format_count


class Command(BaseCommand):
    """Draw synthetic scenes and their exact labels, for trying out the platform without your own images."""

    help = "Draw synthetic scenes into OUT/images and write their exact labels to OUT/truth.json (COCO)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", type=Path, help="the output folder, created if missing")
        parser.add_argument("--count", type=int, default=200, help="the number of scenes (default: 200)")
        parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same scenes (default: 7)")
        parser.add_argument("--strokes", action="store_true", help="draw open lines instead of objects")

    def handle(self, *args: Any, out: Path, count: int, seed: int, strokes: bool, **options: Any) -> None:
        if not 1 <= count <= 1_000_000:
            raise CommandError("--count must be between 1 and 1000000.")
        truth = synthesize(out, count=count, seed=seed, strokes=strokes)
        self.stdout.write(f"Wrote {format_count(count, 'scene')} to {truth.parent} and the labels to {truth.name}.")
