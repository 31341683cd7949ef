"""Tells outages (a store that is away, full or busy) from programming errors.

The entry points of HTTP and websockets ask `outage_of` about each exception that nothing else has handled, so no caller
below them has to translate the errors of drivers.
"""

import errno
import smtplib
import socket
import threading
import time

import psycopg
import structlog
from django.db import utils as django_errors
from kombu.exceptions import OperationalError as BrokerError
from redis import exceptions as redis_errors

from kernel.errors import Unavailable

logger = structlog.get_logger(__name__)

DATABASE_ERRORS = (
    *(django_errors.OperationalError, django_errors.InterfaceError),
    *(psycopg.OperationalError, psycopg.InterfaceError),
)
# InternalError is a bug except for these: the server is a standby, or it ended an idle or long transaction.
DATABASE_STATES = {"25006", "25P03", "25P04"}
DISK_FULL = "53100"
CONTENTION = {"40001", "40P01", "55P03"}
# 54: the statement is too complex, which trying again does not change.
NO_OUTAGE = ("54",)
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DISK_AWAY = {
    *(errno.EIO, errno.EROFS, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESHUTDOWN),
    *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOLCK, errno.EREMOTEIO),
}
NETWORK = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ETIMEDOUT}
# boto3 is optional and generates most of its classes at run time, so its errors are known by their packages.
REMOTE_STORAGE = {"botocore", "boto3", "s3transfer"}
REPORT_EVERY = 10.0


class DatabaseUnavailable(Unavailable):
    """The database is unavailable. Try again shortly."""


class DatabaseContended(Unavailable):
    """Someone else is changing the same data. Try again."""

    retry_after = 1


class StorageUnavailable(Unavailable):
    """The file storage is unavailable. Try again shortly."""


class StorageFull(Unavailable):
    """The server has no room left to store this. Ask its administrator to free up disk space, then try again."""

    retry_after = 60


class ServiceUnavailable(Unavailable):
    """A service that the server depends on is unavailable. Try again shortly."""


def outage_of(error: BaseException | None) -> Unavailable | None:
    """Return the outage that this exception means, or None if it is an ordinary error or a bug."""
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, (*DATABASE_ERRORS, django_errors.InternalError, psycopg.InternalError)):
        return _database_outage(error)
    if isinstance(error, redis_errors.RedisError) and not isinstance(error, redis_errors.DataError):
        return ServiceUnavailable()
    if isinstance(error, BrokerError | smtplib.SMTPServerDisconnected | smtplib.SMTPConnectError):
        return ServiceUnavailable()
    if isinstance(error, OSError):
        return _system_outage(error)
    if error is not None and any(base.__module__.partition(".")[0] in REMOTE_STORAGE for base in type(error).__mro__):
        return StorageUnavailable()
    return None


def _database_outage(error: BaseException) -> Unavailable | None:
    driver = error if isinstance(error, psycopg.Error) else error.__cause__
    state = getattr(driver, "sqlstate", None) or ""
    if state == DISK_FULL:
        return StorageFull()
    if state in CONTENTION:
        return DatabaseContended()
    if isinstance(error, DATABASE_ERRORS):
        return None if state.startswith(NO_OUTAGE) else DatabaseUnavailable()
    return DatabaseUnavailable() if state in DATABASE_STATES else None


def _system_outage(error: OSError) -> Unavailable | None:
    if error.errno in FULL:
        return StorageFull()
    if error.errno in DISK_AWAY:
        return StorageUnavailable()
    if error.errno in NETWORK or isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
        return ServiceUnavailable()
    return None


class OutageReport:
    """Logs outages: one warning per kind and `every` seconds, because each request meets the same outage."""

    def __init__(self, every: float = REPORT_EVERY) -> None:
        self._every = every
        self._last: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, outage: Unavailable, error: BaseException) -> None:
        kind, now = type(outage).__name__, time.monotonic()
        with self._lock:
            if now - self._last.get(kind, -self._every) < self._every:
                self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
                return
            self._last[kind] = now
            suppressed = self._suppressed.pop(kind, 0)
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
        logger.warning("unavailable", kind=kind, error=reason, more=suppressed, **_place(error))


def _place(error: BaseException) -> dict[str, str]:
    """Of two transactions that waited for each other: which waited for what, and in which table. It has no data."""
    if not isinstance(error, psycopg.errors.DeadlockDetected):
        return {}
    return {"waits": error.diag.message_detail or "", "context": error.diag.context or ""}


_report = OutageReport()


def handle_outage(error: BaseException | None) -> Unavailable | None:
    """Like `outage_of`, and log what was unavailable; for the places that answer a client."""
    outage = outage_of(error)
    if outage is not None and error is not None:
        _report.add(outage, error.__cause__ or error)
    return outage
