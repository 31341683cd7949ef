"""What is lost when a project is deleted, in numbers. Read-only."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from projects.models import Project
from tasks.batching.models import Task
from tasks.batching.selectors import count_tasks
from tasks.ingest.selectors import images_of
from tasks.pay.selectors import LEDGER_DIGITS, answers_waiting, ledger_totals
from tasks.snapshots.selectors import releases_of


@dataclass(frozen=True, slots=True)
class Losses:
    """What a deletion takes away. `unpaid` is what workers have earned and was not paid out, which they are still owed.

    Images count only if no other project labels them, because otherwise they stay.
    """

    images: int
    answers: int
    approved_labels: int
    releases: int
    unpaid: Decimal
    currency: str

    def to_json(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "answers": self.answers,
            "approved_labels": self.approved_labels,
            "releases": self.releases,
            "unpaid": str(self.unpaid.quantize(LEDGER_DIGITS)),
            "currency": self.currency,
        }


def project_losses(*, project: Project) -> Losses:
    """Return what is lost with the project, with a fixed number of queries that read indexes and totals."""
    others = Project.objects.filter(dataset_id=project.dataset_id, deleted_at__isnull=True).exclude(pk=project.pk)
    earned, paid, credited = ledger_totals(project=project)
    waiting, amount = answers_waiting(project=project)
    return Losses(
        images=0 if others.exists() else images_of(project=project).count(),
        answers=credited + waiting,
        approved_labels=count_tasks(projects=[project])[project.pk].get(Task.State.APPROVED, 0),
        releases=releases_of(project=project).count(),
        unpaid=earned - paid + amount,
        currency=project.currency,
    )
