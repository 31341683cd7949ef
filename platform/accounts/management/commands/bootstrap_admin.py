"""`manage.py bootstrap_admin`: prepares the first start, with tables and a first administrator."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

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
        sign_in = create_first_administrator()
        text = json.dumps({"email": sign_in[0], "password": sign_in[1]} if sign_in else {})
        if answer is None:
            self.stdout.write(text)
            return
        handle = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
