"""The figures of a project's console: how far it is, how good it is, what it costs, when it ends. All plain JSON."""

from datetime import timedelta
from decimal import Decimal
from math import sqrt
from typing import Any

from django.db.models import Aggregate, Avg, Count, F, FloatField, Max, Min, Q, Sum

from kernel.clock import database_now
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
#: Two-sided 95 % of a normal distribution, halved since the square root of a Poisson count has the deviation 1/2.
_REACH = 1.96 / 2
_CENT = Decimal("0.000001")

Json = dict[str, Any]


class Median(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def project_figures(*, project: Project) -> Json:
    """Progress, throughput, forecast, quality and cost; money as text with the digits of the ledger.

    Figures that have no ground yet are None: a share of nothing, a forecast without an answer in the last hour.
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
    """`answers_left` counts the answers that open images still want, those in workers' hands included."""
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
    """Answers to work, not to check images, of the last hour, or since the first one when that is less long ago."""
    now = database_now()
    submitted = Assignment.objects.filter(project=project, task__isnull=False, submitted_at__isnull=False)
    recent = submitted.filter(submitted_at__gt=now - WINDOW).aggregate(
        answers=Count("pk"), workers=Count("worker", distinct=True), first=Min("leased_at")
    )
    began = max(recent["first"], now - WINDOW) if recent["first"] else now - WINDOW
    return {
        "answers": recent["answers"],
        "workers": recent["workers"],
        "hours": round(max((now - began).total_seconds(), 60) / 3600, 4),
    }


def forecast(*, left: int, done: int, hours: float) -> Json | None:
    """Hours until the answers that are left are in, with a 95 % interval, if people keep on as in the last `hours`.

    The interval takes the answers of the window for a Poisson count, whose square root has a deviation of about 1/2
    whatever its mean (Bartlett 1936): the few answers of a quiet hour give a wide one. `high` is None when the window
    allows for nobody working at all. None without an answer in the window.
    """
    if left <= 0:
        return {"hours": 0.0, "low": 0.0, "high": 0.0, "answers_left": 0}
    if done <= 0:
        return None
    fewest = max(sqrt(done) - _REACH, 0.0) ** 2
    most = (sqrt(done + 1) + _REACH) ** 2
    return {
        "hours": round(left * hours / done, 3),
        "low": round(left * hours / most, 3),
        "high": round(left * hours / fewest, 3) if fewest > 0 else None,
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
    """`expected` is what all images will have cost: what was earned, and the answers left with the check images that
    come with them. Answers that are asked for later, where people disagree, are not in it."""
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
    """A row for each worker who was ever admitted, those with the most answers first; workers by their public ids."""
    standings = Standing.objects.filter(project=project).select_related("worker")
    done = _answered_by(project)
    earned = dict(
        LedgerEntry.objects.filter(project=project)
        .exclude(kind=LedgerEntry.Kind.PAYOUT)
        .values_list("worker_id")
        .annotate(sum=Sum("amount"))
    )
    seconds = dict(
        Annotation.objects.filter(project=project, is_current=True, seconds__isnull=False)
        .values_list("actor_id")
        .annotate(median=Median("seconds"))
    )
    agreed = agreements(project=project, by_worker=True).of
    rows = []
    for standing in standings:
        pk = standing.worker_id
        agreement = agreed.get(pk)
        rows.append(
            {
                "worker": str(standing.worker.public_id),
                "state": standing.state,
                "reason": standing.reason,
                **done.get(pk, {"answers": 0, "skipped": 0, "expired": 0, "last_at": None}),
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


def _answered_by(project: Project) -> dict[int, Json]:
    """Check images count like work: to the worker, and on the payslip, they are."""
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
            "last_at": row["last"].isoformat() if row["last"] else None,
        }
        for row in rows
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _money(amount: Decimal) -> str:
    return str(amount.quantize(_CENT))
