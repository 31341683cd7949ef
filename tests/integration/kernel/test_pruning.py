"""Closed jobs and idempotency records are deleted after a month; live and recent rows stay."""

from datetime import timedelta

import pytest

from kernel.clock import utc_now
from kernel.idempotency import once
from kernel.jobs import enqueue
from kernel.models import IdempotencyRecord, Job
from kernel.pruning import prune
from tests.job_kinds import WORK, Work

pytestmark = pytest.mark.django_db

LONG_AGO = utc_now() - timedelta(days=31)


def test_old_closed_jobs_are_deleted_and_old_live_ones_stay() -> None:
    done, failed, waiting, recent = (enqueue(WORK, Work(n)) for n in range(4))
    assert done and failed and waiting and recent
    Job.objects.exclude(pk=recent.pk).update(created_at=LONG_AGO)
    Job.objects.filter(pk=done.pk).update(state="done", finished_at=LONG_AGO)
    Job.objects.filter(pk=failed.pk).update(state="failed", finished_at=LONG_AGO)
    Job.objects.filter(pk=recent.pk).update(state="done", finished_at=utc_now())

    prune()

    assert set(Job.objects.values_list("pk", flat=True)) == {waiting.pk, recent.pk}


def test_old_idempotency_records_are_deleted() -> None:
    for key in ("old", "new"):
        once(actor_id=1, operation="o", key=key, body_sha256="0" * 64, act=lambda: (200, {}))
    IdempotencyRecord.objects.filter(key="old").update(created_at=LONG_AGO)

    assert prune() == 1
    assert [row.key for row in IdempotencyRecord.objects.all()] == ["new"]


def test_many_old_rows_are_deleted_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.pruning.CHUNK_SIZE", 2)
    for number in range(5):
        once(actor_id=1, operation="o", key=str(number), body_sha256="0" * 64, act=lambda: (200, {}))
    IdempotencyRecord.objects.update(created_at=LONG_AGO)

    assert prune() == 5
