"""The label quality report of a project: agreement, confusions, calibration, doubtful labels and workers."""

from typing import Required, TypedDict

from projects.models import Project
from tasks.analytics.calibration import (
    Calibration,
    DoubtfulLabel,
    WorkerQuality,
    calibration_figures,
    doubtful_label_figures,
    worker_quality,
)
from tasks.analytics.inter_annotator_agreement import Agreement, Confusion, agreement_figures
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.selectors import settled_answers


class QualityReport(TypedDict, total=False):
    """What `agreement_figures` and the functions of `calibration` return. Plain JSON: workers and tasks by public id,
    classes by number, shares from 0 to 1. If `answers` is 0, it has no other keys. tasks: those with an answer.
    decided: those with a label. workers_count: those who answered."""

    answers: Required[int]
    tasks: int
    workers: list[WorkerQuality]
    workers_count: int
    decided: int
    calibration: Calibration
    agreement: Agreement
    confusions: list[Confusion]
    labels: int
    confidence: float | None
    expected_wrong: float | None
    doubtful: list[DoubtfulLabel]
    doubtful_count: int


def project_quality(*, project: Project) -> QualityReport:
    """Expensive, so a job computes it (see `reports`)."""
    answers = settled_answers().filter(project=project).count()
    if not answers or project.schema is None:
        return {"answers": 0}
    workers = worker_quality(project=project)
    tasks = Task.objects.filter(project=project)
    return {
        "answers": answers,
        "tasks": tasks.exclude(posterior__isnull=True).count(),
        "workers": workers,
        "workers_count": sum(row["answers"] > 0 for row in workers),
        "decided": ConsensusLabel.objects.filter(project=project, is_current=True).count(),
        "calibration": calibration_figures(project=project),
        **agreement_figures(project=project),
        **doubtful_label_figures(project=project),
    }
