"""The label quality report of a project: agreement, confusions, calibration, doubtful labels and workers."""

from typing import Any

from projects.models import Project
from tasks.analytics.calibration import calibration_figures, doubtful_label_figures, worker_quality
from tasks.analytics.inter_annotator_agreement import agreement_figures
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.selectors import settled_answers


def project_quality(*, project: Project) -> dict[str, Any]:
    """Plain JSON: workers and tasks by public id, classes by number, shares from 0 to 1. Expensive, so a job computes
    it (see `reports`). If "answers" is 0, it has no other keys."""
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
