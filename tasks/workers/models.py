"""What is measured of workers in a project: the lowest stage of the pipeline, so that every other one may read it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Actor
from projects.models import Project

EVIDENCE_PERIOD = "tasks_workerevidence_period_once_per_worker_and_source"
ONE_CURRENT_EVIDENCE = "tasks_workerevidence_one_current_per_worker_and_source"
ONE_PACE = "tasks_workerpace_one_per_project_and_worker"


class WorkerEvidence(models.Model):
    """How often a worker's answers were correct, by the source that says so, in one period.

    gold: answers to check images, counted when a whole hand is settled, taken back when the gold is suspended or
    retired, and judged anew if other answers are accepted. review: answers that equal a label which a
    person approved (correct) or rejected (incorrect); a trigger counts them when the verdict is committed. agreement:
    the newest answers that could be compared with those of independent other workers, and the expected number of right
    ones among them; replaced, not added to, whenever the worker's answers are tested. Resuming a
    paused worker starts the next period: trust and fits start from the current one, and the earlier ones stay as
    history. A worker without a row has no evidence yet.
    """

    class Source(models.TextChoices):
        GOLD = "gold"
        REVIEW = "review"
        AGREEMENT = "agreement"

    # `db_index=False`: the constraint on periods has an index that starts with the column.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=10, choices=Source.choices)
    period = models.PositiveIntegerField(default=1, db_default=1)
    is_current = models.BooleanField(default=True, db_default=True)
    correct = models.PositiveIntegerField(default=0, db_default=0)
    incorrect = models.PositiveIntegerField(default=0, db_default=0)
    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "worker", "source", "period"], name=EVIDENCE_PERIOD),
            models.UniqueConstraint(
                fields=["project", "worker", "source"], condition=Q(is_current=True), name=ONE_CURRENT_EVIDENCE
            ),
        ]


class WorkerPace(models.Model):
    """How long a worker's answers in a project took: their number, check images included, and the sum of their seconds.

    Counted when an answer is paid, so each answer once. `workers.pace` computes the size of a set from it. A worker
    without a row has no measured answers yet.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    answers = models.PositiveIntegerField(default=0, db_default=0)
    seconds = models.FloatField(default=0.0, db_default=0.0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "worker"], name=ONE_PACE)]
