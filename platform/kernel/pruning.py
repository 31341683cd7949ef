"""Deletes rows that are kept for a limited time: closed jobs, and idempotency records.

Rows are read in small chunks, oldest first, so that pruning reads little more than it deletes. After a month no client
retries a call; one that does finds its answer already recorded and changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Model

from kernel.clock import database_now
from kernel.models import IdempotencyRecord, Job

RETENTION = timedelta(days=30)
CHUNK_SIZE = 2000


def prune() -> int:
    """Delete old rows; return how many. Failed jobs are kept as long as done ones; live jobs are never deleted."""
    cutoff = database_now() - RETENTION
    deleted = 0
    for model, filters in ((Job, {"finished_at__isnull": False}), (IdempotencyRecord, {})):
        deleted += _prune(model, cutoff, filters)
    return deleted


def _prune(model: type[Model], cutoff: datetime, filters: Mapping[str, object]) -> int:
    deleted, last = 0, 0
    while True:
        chunk = list(
            model._default_manager.filter(pk__gt=last).order_by("pk").values_list("pk", "created_at")[:CHUNK_SIZE]
        )
        old = [pk for pk, created in chunk if created < cutoff]
        deleted += model._default_manager.filter(pk__in=old, **filters).delete()[0]
        if len(old) < CHUNK_SIZE:
            return deleted
        last = old[-1]
