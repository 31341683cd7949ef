"""The figures of a project's console: progress, quality, cost and forecast. All plain JSON."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any

from django.db.models import Aggregate, Avg, Count, F, FloatField, Max, Min, Q, Sum
from django.db.models.functions import TruncHour

from kernel.clock import database_now, rfc3339
from projects.models import Project
from tasks.analytics.worker_agreement import agreements
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.pay.models import LedgerEntry
from tasks.review.models import Review
from tasks.standing.models import Standing

WINDOW = timedelta(hours=1)
#: The two-sided 95% quantile of a normal distribution, times 1/2, the deviation of the square root of a Poisson count.
_HALF_WIDTH = 1.96 / 2
_LEDGER_DIGITS = Decimal("0.000001")

Json = dict[str, Any]


class Median(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def project_figures(*, project: Project) -> Json:
    """Progress, throughput, forecast, quality and cost; money as text with the precision of the ledger.

    Figures without data are None: a share of zero, a forecast without an answer in the last hour.
    """
    progress = _progress(project)
    throughput = _throughput(project)
    return {
        "currency": project.currency,
        "progress": progress,
        "throughput": throughput,
        "forecast": forecast(left=progress["answers_left"], done=throughput["answers"], hours=throughput["hours"]),
        "quality": _quality(project),
        "cost": _cost(project, progress),
    }


def _progress(project: Project) -> Json:
    """`answers_left` counts the answers that open images still need, including those under a live lease."""
    is_open = Q(state=Task.State.OPEN)
    counts = Task.objects.filter(project=project).aggregate(
        images=Count("pk"),
        open=Count("pk", filter=is_open),
        approved=Count("pk", filter=Q(state=Task.State.APPROVED)),
        places=Sum(F("wanted") - F("taken"), filter=is_open, default=0),
    )
    live = Assignment.objects.filter(project=project, state=Assignment.State.LEASED)
    return {
        "images": counts["images"],
        "open": counts["open"],
        "answered": counts["images"] - counts["open"],
        "approved": counts["approved"],
        "places_open": counts["places"],
        "in_work": live.count(),
        "answers_left": counts["places"] + live.filter(task__isnull=False).count(),
    }


def _throughput(project: Project) -> Json:
    """Answers to tasks, not to gold, in the last hour, or since the first lease if that is more recent."""
    now = database_now()
    submitted = Assignment.objects.filter(project=project, task__isnull=False, submitted_at__isnull=False)
    recent = submitted.filter(submitted_at__gt=now - WINDOW).aggregate(
        answers=Count("pk"), workers=Count("worker", distinct=True), first=Min("leased_at")
    )
    start = max(recent["first"], now - WINDOW) if recent["first"] else now - WINDOW
    return {
        "answers": recent["answers"],
        "workers": recent["workers"],
        "hours": round(max((now - start).total_seconds(), 60) / 3600, 4),
    }


def answers_per_hour(*, project: Project, hours: int) -> list[tuple[datetime, int]]:
    """Return (start of the hour, answers submitted in it) for the last whole UTC hours, the current one last.

    Answers to gold count too.
    """
    start = database_now().astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    submitted = Assignment.objects.filter(project=project, submitted_at__gte=start)
    by_hour = submitted.values_list(TruncHour("submitted_at", tzinfo=UTC)).annotate(answers=Count("pk"))
    counts = dict(by_hour.order_by())
    starts = [start + timedelta(hours=number) for number in range(hours)]
    return [(hour, counts.get(hour, 0)) for hour in starts]


def forecast(*, left: int, done: int, hours: float) -> Json | None:
    """Hours until the remaining answers are in, with a 95% interval, at the pace of the last `hours`.

    The interval treats the answers in the window as a Poisson count, whose square root has a deviation of about 1/2
    whatever its mean (Bartlett 1936): the few answers of a quiet hour give a wide interval. `high` is None if the
    window is compatible with no work at all. Returns None without an answer in the window.
    """
    if left <= 0:
        return {"hours": 0.0, "low": 0.0, "high": 0.0, "answers_left": 0}
    if done <= 0:
        return None
    low_count = max(sqrt(done) - _HALF_WIDTH, 0.0) ** 2
    high_count = (sqrt(done + 1) + _HALF_WIDTH) ** 2
    return {
        "hours": round(left * hours / done, 3),
        "low": round(left * hours / high_count, 3),
        "high": round(left * hours / low_count, 3) if low_count > 0 else None,
        "answers_left": left,
    }


def _quality(project: Project) -> Json:
    gold = Standing.objects.filter(project=project).aggregate(
        seen=Sum("gold_seen", default=0), correct=Sum("gold_correct", default=0)
    )
    labels = ConsensusLabel.objects.filter(project=project, is_current=True)
    verdicts = Review.objects.filter(project=project, by_policy=False, annotation__isnull=True)
    by_verdict = dict(verdicts.values_list("verdict").annotate(count=Count("pk")))
    agreement = agreements(project=project).total
    return {
        "checks_seen": gold["seen"],
        "checks_correct": gold["correct"],
        "checks_share": _share(gold["correct"], gold["seen"]),
        "agreement": agreement.share,
        "agreement_answers": agreement.answers,
        "confidence": labels.aggregate(mean=Avg("confidence"))["mean"],
        "reviewed": sum(by_verdict.values()),
        "approved": by_verdict.get(Review.Verdict.APPROVE, 0),
        "fixed": by_verdict.get(Review.Verdict.FIX, 0),
        "rejected": by_verdict.get(Review.Verdict.REJECT, 0),
    }


def _cost(project: Project, progress: Json) -> Json:
    """`expected` is the total cost of all images: what has been earned, plus the remaining answers and the gold that is
    mixed in with them. It does not include answers requested later because people disagree."""
    entries = LedgerEntry.objects.filter(project=project)
    work = entries.exclude(kind=LedgerEntry.Kind.PAYOUT)
    earned = work.aggregate(sum=Sum("amount", default=Decimal(0)))["sum"]
    paid = -entries.filter(kind=LedgerEntry.Kind.PAYOUT).aggregate(sum=Sum("amount", default=Decimal(0)))["sum"]
    one_answer = project.price / (1 - Decimal(str(project.gold_rate)))
    approved = progress["approved"]
    return {
        "earned": _money(earned),
        "paid": _money(paid),
        "per_approved": _money(earned / approved) if approved else None,
        "expected": _money(earned + one_answer * progress["answers_left"]),
        "price": _money(project.price),
    }


def worker_figures(*, project: Project) -> list[Json]:
    """A row for every worker ever admitted, most answers first; workers by public id."""
    standings = Standing.objects.filter(project=project).select_related("worker")
    counts = _counts_by_worker(project)
    earned, seconds = _earned_by_worker(project), _median_seconds_by_worker(project)
    agreement_by_worker = agreements(project=project, by_worker=True).by_worker
    rows = []
    for standing in standings:
        pk = standing.worker_id
        agreement = agreement_by_worker.get(pk)
        rows.append(
            {
                "worker": str(standing.worker.public_id),
                "state": standing.state,
                "reason": standing.reason,
                **counts.get(pk, {"answers": 0, "skipped": 0, "expired": 0, "last_at": None}),
                "checks_seen": standing.gold_seen,
                "checks_correct": standing.gold_correct,
                "checks_share": _share(standing.gold_correct, standing.gold_seen),
                "trust": round(standing.trust, 4),
                "agreement": agreement.share if agreement else None,
                "agreement_answers": agreement.answers if agreement else 0,
                "seconds": seconds.get(pk),
                "earned": _money(earned.get(pk, Decimal(0))),
            }
        )
    return sorted(rows, key=lambda row: (-row["answers"], row["worker"]))


def _earned_by_worker(project: Project) -> dict[int, Decimal]:
    credits = LedgerEntry.objects.filter(project=project).exclude(kind=LedgerEntry.Kind.PAYOUT)
    return dict(credits.values_list("worker_id").annotate(sum=Sum("amount")))


def _median_seconds_by_worker(project: Project) -> dict[int, float]:
    timed = Annotation.objects.filter(project=project, is_current=True, seconds__isnull=False)
    return dict(timed.values_list("actor_id").annotate(median=Median("seconds")))


def _counts_by_worker(project: Project) -> dict[int, Json]:
    """Counts by worker. Gold counts like work, as it does for the worker and in the ledger."""
    rows = (
        Assignment.objects.filter(project=project)
        .values("worker_id")
        .annotate(
            answers=Count("pk", filter=Q(state=Assignment.State.SUBMITTED)),
            skipped=Count("pk", filter=Q(state=Assignment.State.SKIPPED)),
            expired=Count("pk", filter=Q(state=Assignment.State.EXPIRED)),
            last=Max("submitted_at"),
        )
    )
    return {
        row["worker_id"]: {
            "answers": row["answers"],
            "skipped": row["skipped"],
            "expired": row["expired"],
            "last_at": rfc3339(row["last"]) if row["last"] else None,
        }
        for row in rows
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _money(amount: Decimal) -> str:
    return str(amount.quantize(_LEDGER_DIGITS))
