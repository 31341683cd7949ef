"""Tickets: secrets that can be redeemed once, within seconds, for callers that cannot send a header: browsers."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.db import connection

from kernel.clock import database_now
from kernel.errors import AnnotaryError
from kernel.ids import new_secret
from kernel.models import Ticket

SECONDS = 30
PREFIX = "annt_"
# Deleting in the same statement that reads is what makes a ticket single-use.
REDEEM = """
DELETE FROM kernel_ticket WHERE secret_sha256 = %s RETURNING data, expires_at > clock_timestamp()
"""


class TicketInvalid(AnnotaryError):
    """This ticket was used, has expired or is incomplete. Request another one for each connection."""

    status = 401
    code = "ticket_invalid"


def issue_ticket(*, data: dict[str, Any]) -> str:
    """Return the secret of a new ticket that stands for `data` for `SECONDS`. Deletes the tickets that have expired."""
    now = database_now()
    Ticket.objects.filter(expires_at__lt=now).delete()
    secret = new_secret(PREFIX)
    Ticket.objects.create(secret_sha256=_hash(secret), data=data, expires_at=now + timedelta(seconds=SECONDS))
    return secret


def redeem_ticket(*, secret: str) -> dict[str, Any]:
    """Use up the ticket and return what it stands for. Raises TicketInvalid."""
    with connection.cursor() as cursor:
        cursor.execute(REDEEM, [_hash(secret)])
        row = cursor.fetchone()
    if row is None or not row[1]:
        raise TicketInvalid
    data: Any = row[0]
    return json.loads(data) if isinstance(data, str) else dict(data)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
