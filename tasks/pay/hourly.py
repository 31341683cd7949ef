"""What a worker earned in an hour of measured time so far: of their own answers, check images counted like work."""

from collections.abc import Collection
from decimal import Decimal

from accounts.models import Actor
from projects.models import Project
from tasks.pay.models import LedgerTotal
from tasks.workers.models import WorkerPace

#: With fewer measured answers, one slow image would decide.
LEAST_ANSWERS = 20


def own_hourly(*, worker: Actor, projects: Collection[Project]) -> dict[int, Decimal]:
    """Return {project id: what the worker earned in an hour so far}, in its currency, without those with few answers.

    Answers without a measured time count as if they took as long as the others.
    """
    totals = LedgerTotal.objects.filter(worker=worker, project__in=projects, answers__gte=LEAST_ANSWERS)
    currencies = {project.pk: project.currency for project in projects}
    earned = {row.project_id: row.earned / row.answers for row in totals if row.currency == currencies[row.project_id]}
    paces = WorkerPace.objects.filter(worker=worker, project__in=list(earned), answers__gte=LEAST_ANSWERS)
    return {
        row.project_id: earned[row.project_id] * row.answers * 3600 / Decimal(str(row.seconds))
        for row in paces
        if row.seconds > 0 and earned[row.project_id] > 0
    }
