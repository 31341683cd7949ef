"""`manage.py service_account`: the first API key of a program, without a browser."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import ServiceAccountExists
from accounts.models import Organisation, Role
from accounts.service_accounts import SCOPES, create_service_account, replace_key
from kernel.errors import AnnotaryError


class Command(BaseCommand):
    help = (
        "Creates a service account, a member of an organization that is a program: it has API keys and cannot sign in."
        " Prints its key, which is shown only once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the program does, such as nightly-training")
        parser.add_argument("--organization", help="name or id; needed if there are several")
        parser.add_argument("--role", choices=[str(role) for role in SCOPES], default=str(Role.MANAGER))
        parser.add_argument("--days", type=int, default=365, help="days until the key expires (365)")
        parser.add_argument("--new-key", action="store_true", help="revoke the account's keys and print another one")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = _find(options["organization"])
        chosen: dict[str, Any] = {"organisation": organisation, "name": options["name"], "days": options["days"]}
        try:
            if options["new_key"]:
                _, secret = replace_key(**chosen)
            else:
                _, secret = create_service_account(**chosen, role=options["role"])
        except ServiceAccountExists as error:
            raise CommandError(f"{error} Use --new-key to revoke its keys and get another one.") from error
        except AnnotaryError as error:
            raise CommandError(str(error)) from error
        # The key alone on standard output, so that a script can keep it.
        self.stderr.write(f"The key of {options['name']} for {organisation.name}. It is shown only once:")
        self.stdout.write(secret)


def _find(wanted: str | None) -> Organisation:
    rows = list(Organisation.objects.order_by("id"))
    if wanted is not None:
        rows = [row for row in rows if wanted.casefold() in (row.name.casefold(), str(row.public_id))]
        if not rows:
            raise CommandError(
                f"There is no organization {wanted}. Pass its name, or its id from /api/v1/organisations/."
            )
    if not rows:
        raise CommandError("There is no organization yet. Start Annotary first, with 'python3 manage.py up'.")
    if len(rows) > 1:
        names = ", ".join(f"{row.name} ({row.public_id})" for row in rows[:20])
        raise CommandError(f"There are several organizations: {names}. Choose one with --organization.")
    return rows[0]
