"""`manage.py relay`: runs the relay until it is stopped."""

from typing import Any

from django.core.management.base import BaseCommand

from kernel.relay import Relay


class Command(BaseCommand):
    help = "Sends outbox messages to the broker and live events to the websockets. Runs until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        Relay().run()
