"""`manage.py account`: closes, reopens and signs out people's accounts."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services import reactivate
from tasks.flow.revocation import deactivate, sign_out_everywhere


class Command(BaseCommand):
    help = (
        "Closes an account (sessions, API keys and sets end at once), opens a closed one again, or signs a person out"
        " on every device and revokes their API keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["close", "open", "sign-out"])
        parser.add_argument("email", help="the address that the person signs in with")

    def handle(self, *args: Any, action: str, email: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"No account uses the address {email}.")
        if action == "close":
            deactivate(user=user)
            self.stdout.write(f"The account {user.email} is closed. Its sessions, API keys and sets have ended.")
        elif action == "open":
            reactivate(user=user)
            self.stdout.write(f"The account {user.email} is open again. The person can sign in.")
        else:
            sign_out_everywhere(user=user, revoke_keys=True)
            self.stdout.write(f"{user.email} is signed out everywhere, and the API keys are revoked.")
