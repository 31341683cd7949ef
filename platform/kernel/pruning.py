"""Removes what the kernel keeps for a while only: closed jobs, and answers to idempotent calls.

Rows are looked at from the oldest on and in small portions, so that a prune reads what it deletes and little more.
After a month no client repeats a call; one that does finds its answer in the record and changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Model

from kernel.clock import database_now
from kernel.models import IdempotencyRecord, Job

KEPT = timedelta(days=30)
PORTION = 2000


def prune() -> int:
    """Returns how many rows went. A failed job is kept as long as a done one; a live one is never touched."""
    before = database_now() - KEPT
    gone = 0
    for model, closed in ((Job, {"finished_at__isnull": False}), (IdempotencyRecord, {})):
        gone += _prune(model, before, closed)
    return gone


def _prune(model: type[Model], before: datetime, closed: Mapping[str, object]) -> int:
    gone, last = 0, 0
    while True:
        portion = list(
            model._default_manager.filter(pk__gt=last).order_by("pk").values_list("pk", "created_at")[:PORTION]
        )
        old = [pk for pk, made in portion if made < before]
        gone += model._default_manager.filter(pk__in=old, **closed).delete()[0]
        if len(old) < PORTION:
            return gone
        last = old[-1]
