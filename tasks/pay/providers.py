"""Where the payouts of a run go. A provider turns them into a file; one that moves the money would do so from it.

A run keeps the name of its provider, and its file is made again from immutable rows whenever it is downloaded. So the
output of a provider never changes: another layout is another provider, with another name.
"""

import csv
import io
from collections.abc import Generator, Iterable
from typing import Protocol

from annotary_core.aggregation.io.encoding import neutralize_formulas
from kernel.clock import rfc3339
from tasks.pay.models import Payout, PayoutRun

#: Payouts that are encoded at a time.
AT_ONCE = 500


class PayoutProvider(Protocol):
    """name: as it is stored with each run, 20 characters at most. suffix, content_type, columns: of the file."""

    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    @property
    def content_type(self) -> str: ...

    @property
    def columns(self) -> int: ...

    def file(self, run: PayoutRun, payouts: Iterable[Payout]) -> Generator[bytes, None, None]:
        """Yield the bytes of the run's file, which depend on the rows alone; payouts come with their worker."""
        ...


class CsvFile:
    """A table for a bank or a payment service: one line for each payout, amounts with a point."""

    name = "csv"
    suffix = "csv"
    content_type = "text/csv; charset=utf-8"
    COLUMNS = ("payout", "worker", "name", "email", "amount", "currency", "entries", "approved_until")
    columns = len(COLUMNS)

    def file(self, run: PayoutRun, payouts: Iterable[Payout]) -> Generator[bytes, None, None]:
        until = rfc3339(run.until)
        target = io.StringIO()
        writer = csv.writer(target)
        writer.writerow(self.COLUMNS)
        for number, row in enumerate(payouts, start=1):
            name, email = neutralize_formulas([row.payee_name, row.payee_email])
            amount = f"{row.amount.normalize():f}"
            ids = (row.public_id, row.worker.public_id)
            writer.writerow([*ids, name, email, amount, row.currency, row.entries, until])
            if number % AT_ONCE == 0:
                yield target.getvalue().encode()
                target.seek(0)
                target.truncate()
        yield target.getvalue().encode()


PROVIDERS: dict[str, PayoutProvider] = {each.name: each for each in (CsvFile(),)}
DEFAULT = "csv"
