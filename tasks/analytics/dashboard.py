"""The figures of a project's console: progress, quality, cost and forecast. All plain JSON, money as text."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypedDict

from django.db.models import Avg, Count, Min, Q
from django.db.models.functions import TruncHour

from kernel.clock import database_now, rfc3339
from projects.models import Project
from tasks.analytics.forecast import Deadline, Forecast, deadline_outlook, forecast
from tasks.analytics.worker_agreement import project_agreement
from tasks.assignment.budget import committed
from tasks.assignment.models import Assignment
from tasks.assignment.set_aside import count_waiting_slots
from tasks.batching.models import Task
from tasks.batching.selectors import answers_per_approved, count_open_slots, count_tasks
from tasks.consensus.models import ConsensusLabel
from tasks.pay.budget import answer_cost
from tasks.pay.selectors import LEDGER_DIGITS, ledger_totals
from tasks.qualification.selectors import count_check_images
from tasks.review.models import Review
from tasks.workers.evidence import gold_of_project

WINDOW = timedelta(hours=1)


class Progress(TypedDict):
    """answers_left: the answers that open images still need, including those under a live lease (of `in_work` leases,
    to check images too). Check images are counted as `check_images` alone."""

    images: int
    open: int
    answered: int
    approved: int
    check_images: int
    places_open: int
    in_work: int
    answers_left: int


class Throughput(TypedDict):
    """Answers to tasks, not to gold, in the last `hours`."""

    answers: int
    workers: int
    hours: float


class BoardQuality(TypedDict):
    """Gold answers seen and correct, and the share of answers that match the agreed label; None without data."""

    checks_seen: int
    checks_correct: int
    checks_share: float | None
    agreement: float | None
    agreement_answers: int


class LabelQuality(BoardQuality):
    """Also the mean confidence of the labels, and how many verdicts people have given on them."""

    confidence: float | None
    reviewed: int
    approved: int
    fixed: int
    rejected: int


class Cost(TypedDict):
    """per_approved: what the answers to an approved image cost on average, without gold: see `answers_per_approved`.
    expected: the total cost of all images: what has been earned, plus the remaining answers and the gold that is mixed
    in with them. It does not include answers requested later because people disagree. committed: what has been earned,
    is waiting, or is in live sets. left: the rest of the budget, if there is one."""

    earned: str
    paid: str
    answers_per_approved: float | None
    per_approved: str | None
    expected: str
    price: str
    committed: str
    budget: str | None
    left: str | None


class _Figures(TypedDict):
    currency: str
    progress: Progress
    throughput: Throughput
    forecast: Forecast | None
    deadline: Deadline | None
    cost: Cost


class BoardFigures(_Figures):
    """Figures without data are None: a share of zero, a forecast without an answer in the last hour."""

    quality: BoardQuality


class ProjectFigures(_Figures):
    """The figures of the board, with the quality of the labels."""

    quality: LabelQuality


def project_figures(*, project: Project) -> ProjectFigures:
    figures = board_figures(project=project)
    return {**figures, "quality": _with_reviews(project, figures["quality"])}


def board_figures(*, project: Project) -> BoardFigures:
    """Progress, throughput, forecast, quality and cost, with the precision of the ledger."""
    progress = _progress(project)
    throughput = _throughput(project)
    ahead = forecast(left=progress["answers_left"], done=throughput["answers"], hours=throughput["hours"])
    return {
        "currency": project.currency,
        "progress": progress,
        "throughput": throughput,
        "forecast": ahead,
        "deadline": _deadline(project, ahead),
        "quality": _quality(project),
        "cost": _cost(project, progress),
    }


def _progress(project: Project) -> Progress:
    counts = count_tasks(projects=[project])[project.pk]
    images, is_open, slots = sum(counts.values()), counts.get(Task.State.OPEN, 0), count_open_slots(project=project)
    live = Assignment.objects.filter(project=project, state=Assignment.State.LEASED)
    in_work = live.aggregate(leases=Count("pk"), answers=Count("pk", filter=Q(task__isnull=False)))
    return {
        "images": images,
        "open": is_open,
        "answered": images - is_open,
        "approved": counts.get(Task.State.APPROVED, 0),
        "check_images": count_check_images(project=project),
        "places_open": slots,
        "in_work": in_work["leases"],
        "answers_left": slots - count_waiting_slots(project=project) + in_work["answers"],
    }


def _throughput(project: Project) -> Throughput:
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


def _deadline(project: Project, ahead: Forecast | None) -> Deadline | None:
    if project.deadline_at is None:
        return None
    hours_left = (project.deadline_at - database_now()).total_seconds() / 3600
    return {"at": rfc3339(project.deadline_at), **deadline_outlook(hours_left=hours_left, ahead=ahead)}


def _quality(project: Project) -> BoardQuality:
    gold = gold_of_project(project_id=project.pk)
    agreement = project_agreement(project=project)
    return {
        "checks_seen": gold.seen,
        "checks_correct": gold.correct,
        "checks_share": _share(gold.correct, gold.seen),
        "agreement": agreement.share,
        "agreement_answers": agreement.answers,
    }


def _with_reviews(project: Project, quality: BoardQuality) -> LabelQuality:
    labels = ConsensusLabel.objects.filter(project=project, is_current=True)
    verdicts = Review.objects.filter(project=project, by_policy=False, annotation__isnull=True)
    by_verdict = dict(verdicts.values_list("verdict").annotate(count=Count("pk")))
    return {
        **quality,
        "confidence": labels.aggregate(mean=Avg("confidence"))["mean"],
        "reviewed": sum(by_verdict.values()),
        "approved": by_verdict.get(Review.Verdict.APPROVE, 0),
        "fixed": by_verdict.get(Review.Verdict.FIX, 0),
        "rejected": by_verdict.get(Review.Verdict.REJECT, 0),
    }


def _cost(project: Project, progress: Progress) -> Cost:
    earned, paid, answers = ledger_totals(project=project)
    one_answer = answer_cost(project)
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
