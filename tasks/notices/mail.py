"""Notices by mail: a person's due notices in one message, each notice once.

A process leases the notices of a person in a transaction of its own, sends, and records that they were sent. Whoever
comes meanwhile finds none. If the process dies or the server refuses, they are due again when the lease ends, until
they are `GIVEN_UP_AFTER` late. Only a process that dies between the server's "accepted" and its own commit sends a
message twice; both have the same Message-ID, by which mail programs recognize it.
"""

import hashlib
import time
from datetime import timedelta
from smtplib import SMTPConnectError, SMTPException, SMTPServerDisconnected
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction

from accounts.models import User
from annotary_core.wording import format_count
from kernel.clock import ClockTimestamp
from kernel.job_kinds import JobKind, NoArgs
from kernel.jobs import enqueue
from kernel.locks import lock_named
from tasks.notices.models import Notice
from tasks.notices.selectors import words_of_notice
from tasks.notices.services import lock_notices

logger = structlog.get_logger(__name__)

SEND = JobKind("notices.send_mail", NoArgs)
LEASE = timedelta(minutes=10)
#: A mail that could not be sent for so long is left: it would tell of old things.
GIVEN_UP_AFTER = timedelta(days=3)
#: A job sends for this long, so that others of its queue have their turn.
TURN_SECONDS = 20.0
#: After these, other mails would fail as well.
UNREACHABLE = (SMTPServerDisconnected, SMTPConnectError)
#: Notices of one mail; it says how many more there are.
MOST_IN_A_MAIL = 20

DUE = """
mailed_at IS NULL AND mail_at <= clock_timestamp() AND mail_at > clock_timestamp() - %(given_up)s
  AND (mail_lease_until IS NULL OR mail_lease_until <= clock_timestamp())
"""

NEXT = f"""
SELECT recipient_id FROM tasks_notice WHERE {DUE} AND recipient_id <> ALL(%(passed)s)
ORDER BY mail_at LIMIT 1
"""  # noqa: S608

# Notices that their recipient is marking as read just now are left to the next mail, if they are still unread.
CLAIM = f"""
UPDATE tasks_notice SET mail_lease_until = clock_timestamp() + %(lease)s
WHERE id IN (
    SELECT id FROM tasks_notice WHERE recipient_id = %(recipient)s AND {DUE} ORDER BY id FOR UPDATE SKIP LOCKED)
RETURNING id
"""  # noqa: S608


def queue_mails() -> bool:
    """Queue the job that sends what is due, unless nothing is or it is queued; return whether it was."""
    if _next_recipient([]) is None:
        return False
    with transaction.atomic():
        return enqueue(SEND, NoArgs(), dedupe_key=SEND.name) is not None


def send_due_mails() -> int:
    """Send the mails that are due, one per person, for at most `TURN_SECONDS`; return how many. Outside transactions.

    A server that cannot be reached ends the turn. A person to whom it refuses to send holds up nobody else.
    """
    started, sent, passed, server = time.monotonic(), 0, list[int](), get_connection()
    try:
        while time.monotonic() - started < TURN_SECONDS and (recipient := _next_recipient(passed)) is not None:
            passed.append(recipient)
            ids = _claim(recipient)
            try:
                sent += _send(ids, server)
            except OSError as error:  # those of smtplib are among them
                logger.warning("notices not mailed", notices=len(ids), error=type(error).__name__)
                if not isinstance(error, SMTPException) or isinstance(error, UNREACHABLE):
                    break
    finally:
        server.close()
    return sent


def _next_recipient(passed: list[int]) -> int | None:
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"given_up": GIVEN_UP_AFTER, "passed": passed}
        cursor.execute(NEXT, params)
        row = cursor.fetchone()
        return row[0] if row else None


@transaction.atomic
def _claim(recipient: int) -> list[int]:
    """Waits for others who claim for the same person. Lease what is due for them; return the row ids."""
    lock_named(f"notices mailed to {recipient}")
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"recipient": recipient, "lease": LEASE, "given_up": GIVEN_UP_AFTER}
        cursor.execute(CLAIM, params)
        return sorted(pk for (pk,) in cursor.fetchall())


def _send(ids: list[int], server: BaseEmailBackend) -> int:
    """Send one mail about these notices, and record it; return 1, or 0 if nobody is to get it any more."""
    rows = list(
        Notice.objects.filter(pk__in=ids, mail_at__isnull=False, read_at__isnull=True)
        .exclude(project__deleted_at__isnull=False)
        .select_related("project", "organisation")
        .order_by("pk")
    )
    user = User.objects.filter(actor=rows[0].recipient_id, is_active=True).first() if rows else None
    if user is not None:
        _message(rows, user.email, server).send()
    with transaction.atomic():
        lock_notices(Notice.objects.filter(pk__in=ids))
        Notice.objects.filter(pk__in=ids).update(mailed_at=ClockTimestamp(), mail_lease_until=None)
    return int(user is not None)


def _message(rows: list[Notice], address: str, server: BaseEmailBackend) -> EmailMessage:
    base, count = settings.ANNOTARY_BASE_URL, len(rows)
    lines = []
    for row in rows[:MOST_IN_A_MAIL]:
        words = words_of_notice(row)
        lines += [words.text, *([f"{base}{words.path}"] if base else []), ""]
    if count > MOST_IN_A_MAIL:
        lines += [f"And {format_count(count - MOST_IN_A_MAIL, 'more notice')}: see Notices.", ""]
    choose = f"{base}/me/" if base else "your account page"
    lines += [f"Choose on {choose} which of these mails you get, and how often.", "", "Annotary"]
    number = hashlib.sha256(f"{rows[0].recipient_id} {rows[0].public_id}".encode()).hexdigest()[:32]
    return EmailMessage(
        subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{format_count(count, 'new notice')}",
        body="\n".join(lines),
        to=[address],
        headers={"Message-ID": f"<notice-{number}@annotary>", "Auto-Submitted": "auto-generated"},
        connection=server,
    )
