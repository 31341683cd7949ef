"""`manage.py set_password`: gives a person another password."""

import sys
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import PasswordRefused
from accounts.models import Actor, User
from accounts.services import set_password

ATTEMPTS = 3


class Command(BaseCommand):
    help = (
        "Gives a person another password, for example when mail does not reach them, and ends their sessions. It asks"
        " for the password, so that none is left in the history of the shell; without a terminal it reads one line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address that the person signs in with")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.select_related("actor").filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"No account uses the address {email}.")
        if user.actor.kind == Actor.Kind.SERVICE:
            raise CommandError(f"{user.name} is a service account, which has API keys and no password.")
        self._change(user)
        self.stdout.write(f"The password of {user.email} is changed, and their sessions have ended.")
        if not user.is_active:
            self.stdout.write(f"The account is closed. Open it with: python3 manage.py account open {user.email}")

    def _change(self, user: User) -> None:
        for attempts_left in reversed(range(ATTEMPTS if sys.stdin.isatty() else 1)):
            try:
                return set_password(user=user, password=self._read())
            except (PasswordRefused, _Mismatch) as error:
                if not attempts_left:
                    raise CommandError(f"Nothing has changed. {error}") from error
                self.stderr.write(str(error))
        return None

    def _read(self) -> str:
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\r\n")
        password = getpass("New password: ")
        if getpass("Again: ") != password:
            raise _Mismatch("The two passwords differ.")
        return password


class _Mismatch(Exception):
    pass
