"""Which exceptions are outages. Real drivers raise them in tests/integration/outages; these are the kinds."""

import errno
import smtplib

import psycopg
import pytest
import structlog
from django.db import IntegrityError, InterfaceError, InternalError, OperationalError, ProgrammingError
from kombu.exceptions import OperationalError as BrokerError
from psycopg import errors
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import DataError

from kernel.errors import Conflict, Unavailable
from kernel.outages import (
    DatabaseContended,
    DatabaseUnavailable,
    OutageReport,
    ServiceUnavailable,
    StorageFull,
    StorageUnavailable,
    outage_of,
)


def from_driver(wrapper: type[Exception], driver: Exception) -> Exception:
    """Return Django's exception as raised from the driver's."""
    error = wrapper(str(driver))
    error.__cause__ = driver
    return error


class ClientError(Exception):
    """Like boto3's, which is not installed: known by its module alone."""

    __module__ = "botocore.exceptions"


OUTAGES = [
    (OperationalError("connection refused"), DatabaseUnavailable),
    (from_driver(OperationalError, errors.AdminShutdown()), DatabaseUnavailable),
    (from_driver(OperationalError, errors.TooManyConnections()), DatabaseUnavailable),
    (from_driver(OperationalError, errors.QueryCanceled()), DatabaseUnavailable),
    (from_driver(OperationalError, PoolTimeout()), DatabaseUnavailable),
    (from_driver(OperationalError, errors.DiskFull()), StorageFull),
    (from_driver(OperationalError, errors.DeadlockDetected()), DatabaseContended),
    (from_driver(OperationalError, errors.SerializationFailure()), DatabaseContended),
    (from_driver(InternalError, errors.ReadOnlySqlTransaction()), DatabaseUnavailable),
    (InterfaceError("the connection is closed"), DatabaseUnavailable),
    (psycopg.OperationalError("gone"), DatabaseUnavailable),
    (PoolTimeout(), DatabaseUnavailable),
    (OSError(errno.ENOSPC, "full"), StorageFull),
    (OSError(errno.EDQUOT, "quota"), StorageFull),
    (OSError(errno.EIO, "broken"), StorageUnavailable),
    (OSError(errno.EROFS, "read-only"), StorageUnavailable),
    (ClientError("AccessDenied"), StorageUnavailable),
    (RedisAway("refused"), ServiceUnavailable),
    (BrokerError("refused"), ServiceUnavailable),
    (ConnectionRefusedError(errno.ECONNREFUSED, "mail"), ServiceUnavailable),
    (smtplib.SMTPServerDisconnected("gone"), ServiceUnavailable),
    (TimeoutError("slow"), ServiceUnavailable),
]
BUGS = [
    ValueError("bug"),
    ProgrammingError("syntax"),
    IntegrityError("unique"),
    from_driver(InternalError, errors.InFailedSqlTransaction()),
    from_driver(OperationalError, errors.StatementTooComplex()),
    FileNotFoundError(errno.ENOENT, "missing"),
    IsADirectoryError(errno.EISDIR, "a folder"),
    DataError("a value that cannot be stored"),
    Conflict(),
    None,
]


@pytest.mark.parametrize(("error", "kind"), OUTAGES, ids=[repr(error) for error, _ in OUTAGES])
def test_outages_are_recognized(error: Exception, kind: type[Unavailable]) -> None:
    outage = outage_of(error)
    assert type(outage) is kind
    assert (outage.status, outage.code) == (503, "unavailable")
    assert outage.retry_after > 0


@pytest.mark.parametrize("error", BUGS, ids=repr)
def test_bugs_stay_bugs(error: Exception | None) -> None:
    assert outage_of(error) is None


def test_a_flood_of_one_kind_is_reported_once() -> None:
    report = OutageReport(every=60)
    with structlog.testing.capture_logs() as lines:
        for _ in range(100):
            report.add(DatabaseUnavailable(), OperationalError("connection refused\nat 10.0.0.1"))
        report.add(StorageFull(), OSError(errno.ENOSPC, "full"))
    assert [(line["kind"], line["log_level"]) for line in lines] == [
        ("DatabaseUnavailable", "warning"),
        ("StorageFull", "warning"),
    ]
    assert lines[0]["error"] == "OperationalError: connection refused"
