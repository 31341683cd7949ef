"""The first start: tables, and somebody who may sign in."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from accounts.services import create_first_administrator


class Command(BaseCommand):
    help = "Make the first administrator unless there is a user; prints the sign-in as JSON, or {} when there is one."
    # The first start waits for this; the servers load beside it and would report the same.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="bring the tables up to date before")
        parser.add_argument("--answer", type=Path, help="write the JSON to this file, for its owner alone")

    def handle(self, *args: Any, migrate: bool = False, answer: Path | None = None, **options: Any) -> None:
        if migrate:
            call_command("migrate", interactive=False, verbosity=options["verbosity"])
        made = create_first_administrator()
        text = json.dumps({"email": made[0], "password": made[1]} if made else {})
        if answer is None:
            self.stdout.write(text)
            return
        handle = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
