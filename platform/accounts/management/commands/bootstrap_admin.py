"""`manage.py bootstrap_admin`: prepares the first start, with tables and a first administrator."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.services import create_first_administrator


class Command(BaseCommand):
    help = "Creates the first administrator and prints the sign-in as JSON, or {} if any user exists."
    # The first start waits for this command; the servers, which load in parallel, run the same checks.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="apply migrations first")
        parser.add_argument(
            "--answer",
            type=Path,
            help="write the JSON to this file, readable only by its owner, instead of printing it",
        )

    def handle(self, *args: Any, migrate: bool = False, answer: Path | None = None, **options: Any) -> None:
        if migrate:
            call_command("migrate", interactive=False, verbosity=options["verbosity"])
        with transaction.atomic():
            sign_in = create_first_administrator()
            text = json.dumps({"email": sign_in[0], "password": sign_in[1]} if sign_in else {})
            # Before the commit: an account whose password nobody has seen would lock everyone out. If there is none to
            # create, the file may hold the sign-in of a start that was interrupted before it was shown.
            if answer is not None and sign_in:
                _write_private(answer, text)
        if answer is None:
            self.stdout.write(text)


def _write_private(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
