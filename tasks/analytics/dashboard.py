"""The figures of a project's console: progress, quality, cost and forecast. All plain JSON."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any

from django.db.models import Avg, Count, Min, Q
from django.db.models.functions import TruncHour

from kernel.clock import database_now
from projects.models import Project
from tasks.analytics.worker_agreement import project_agreement
from tasks.assignment.budget import committed
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.batching.selectors import answers_per_approved, count_check_tasks, count_open_slots, count_tasks
from tasks.consensus.models import ConsensusLabel
from tasks.pay.selectors import LEDGER_DIGITS, ledger_totals
from tasks.review.models import Review
from tasks.workers.evidence import gold_of_project

WINDOW = timedelta(hours=1)
#: The two-sided 95% quantile of a normal distribution, times 1/2, the deviation of the square root of a Poisson count.
_HALF_WIDTH = 1.96 / 2

Json = dict[str, Any]


def project_figures(*, project: Project) -> Json:
    """The figures of the board, and under "quality" also the labels' mean confidence and the verdicts of people."""
    figures = board_figures(project=project)
    return figures | {"quality": figures["quality"] | _reviewed(project)}


def board_figures(*, project: Project) -> Json:
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
    """`answers_left` counts the answers that open images still need, including those under a live lease. Check images
    are counted as `check_images` alone."""
    counts = count_tasks(projects=[project])[project.pk]
    images, is_open, slots = sum(counts.values()), counts.get(Task.State.OPEN, 0), count_open_slots(project=project)
    live = Assignment.objects.filter(project=project, state=Assignment.State.LEASED)
    in_work = live.aggregate(leases=Count("pk"), answers=Count("pk", filter=Q(task__isnull=False)))
    return {
        "images": images,
        "open": is_open,
        "answered": images - is_open,
        "approved": counts.get(Task.State.APPROVED, 0),
        "check_images": count_check_tasks(project=project),
        "places_open": slots,
        "in_work": in_work["leases"],
        "answers_left": slots + in_work["answers"],
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
    gold = gold_of_project(project_id=project.pk)
    agreement = project_agreement(project=project)
    return {
        "checks_seen": gold.seen,
        "checks_correct": gold.correct,
        "checks_share": _share(gold.correct, gold.seen),
        "agreement": agreement.share,
        "agreement_answers": agreement.answers,
    }


def _reviewed(project: Project) -> Json:
    """The mean confidence of the labels, and how many verdicts people have given on them."""
    labels = ConsensusLabel.objects.filter(project=project, is_current=True)
    verdicts = Review.objects.filter(project=project, by_policy=False, annotation__isnull=True)
    by_verdict = dict(verdicts.values_list("verdict").annotate(count=Count("pk")))
    return {
        "confidence": labels.aggregate(mean=Avg("confidence"))["mean"],
        "reviewed": sum(by_verdict.values()),
        "approved": by_verdict.get(Review.Verdict.APPROVE, 0),
        "fixed": by_verdict.get(Review.Verdict.FIX, 0),
        "rejected": by_verdict.get(Review.Verdict.REJECT, 0),
    }


def _cost(project: Project, progress: Json) -> Json:
    """`per_approved` is what the answers to an approved image cost on average, without gold: see
    `answers_per_approved`. `expected` is the total cost of all images: what has been earned, plus the remaining answers
    and the gold that is mixed in with them. It does not include answers requested later because people disagree.
    `committed` is what has been earned, is waiting, or is in live sets; `left` is the rest of the budget, if there is
    one."""
    earned, paid, answers = ledger_totals(project=project)
    one_answer = project.price / (1 - Decimal(str(project.gold_rate)))
    each = answers_per_approved(project=project) if answers else None
    promised = committed(project=project)
    return {
        "earned": _money(earned),
        "paid": _money(paid),
        "answers_per_approved": round(each, 4) if each is not None else None,
        "per_approved": _money(earned / answers * Decimal(str(each))) if each is not None else None,
        "expected": _money(earned + one_answer * progress["answers_left"]),
        "price": _money(project.price),
        "committed": _money(promised),
        "budget": _money(project.budget) if project.budget is not None else None,
        "left": _money(project.budget - promised) if project.budget is not None else None,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _money(amount: Decimal) -> str:
    return str(amount.quantize(LEDGER_DIGITS))
