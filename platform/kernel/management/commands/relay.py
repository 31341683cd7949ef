"""`manage.py relay`: runs until it is stopped."""

from typing import Any

from django.core.management.base import BaseCommand

from kernel.relay import Relay


class Command(BaseCommand):
    help = "Carries outbox messages to the broker and events to the websockets."

    def handle(self, *args: Any, **options: Any) -> None:
        Relay().run()
