"""Finds jobs whose message or worker was lost, and sends them again."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from kernel.broker import BrokerUnavailable, messages_in
from kernel.clock import ClockTimestamp
from kernel.closing import close_dead
from kernel.models import Job, OutboxMessage

logger = structlog.get_logger(__name__)

RESEND_AFTER = timedelta(seconds=30)
AT_ONCE = 500


def resend_lost_jobs() -> int:
    """Write outbox messages for jobs that are due and whose message or worker is lost; returns their number.

    Jobs whose worker died on the last attempt are closed, and their owners told.
    """
    now = ClockTimestamp()
    died = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=now)
    dead = list(died.filter(attempts__gte=F("max_attempts")).order_by("id").values_list("pk", flat=True)[:AT_ONCE])
    failed = [pk for pk in dead if _close(pk)]
    lost = _resend(died.filter(attempts__lt=F("max_attempts")))
    due = Q(not_before__isnull=True) | Q(not_before__lt=now)
    queued = Job.objects.filter(due, state=Job.State.QUEUED)
    # Nothing is on its way for these: they were held back until now.
    held_back = _resend(queued.filter(sent_at__isnull=True))
    for queue in _queues_with_lost_messages():
        lost += _resend(queued.filter(queue=queue, sent_at__lt=now - RESEND_AFTER))
    if lost or failed:
        logger.warning("jobs sent again", resent=lost, failed=failed)
    return len(lost) + len(held_back)


def _close(job_id: int) -> bool:
    try:
        return close_dead(job_id)
    except Exception:
        logger.exception("job not closed; the next sweep retries it", job_id=job_id)
        return False


@transaction.atomic
def _resend(jobs: QuerySet[Job]) -> list[int]:
    """Skips jobs whose message is still in the outbox, where it would otherwise pile up while the broker is down."""
    unsent = Exists(OutboxMessage.objects.filter(job=OuterRef("pk")))
    rows = jobs.filter(~unsent).select_for_update(skip_locked=True, no_key=True).order_by("id")[:AT_ONCE]
    lost = list(rows.only("pk", "queue", "project_id"))
    Job.objects.filter(pk__in=[row.pk for row in lost]).update(sent_at=None)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(job=row, queue=row.queue, project_id=row.project_id or 0) for row in lost
    )
    return [row.pk for row in lost]


def _queues_with_lost_messages() -> list[str]:
    """Queues in which the broker has fewer messages than were sent and not yet taken.

    As long as it has them all, the jobs wait because the workers are busy, and sending them again would only make the
    queue longer.
    """
    sent = Job.objects.filter(state=Job.State.QUEUED, sent_at__lt=ClockTimestamp() - RESEND_AFTER)
    waiting = dict(sent.values_list("queue").annotate(jobs=Count("pk")).order_by())
    if not waiting:
        return []
    try:
        return [queue for queue, jobs in waiting.items() if messages_in(queue) < jobs]
    except BrokerUnavailable as error:
        logger.warning("lost messages are looked for by the next sweep: the broker is unavailable", error=str(error))
        return []
