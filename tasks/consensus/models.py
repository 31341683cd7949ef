"""Consensus labels in versions, their posteriors, and the fitted state that they are computed from."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.batching.models import Task

LABEL_VERSION = "tasks_consensuslabel_version_once_per_task"
ONE_CURRENT_LABEL = "tasks_consensuslabel_one_current_per_task"
STATE_VERSION = "tasks_consensusstate_version_once_per_project"
ONE_CURRENT_STATE = "tasks_consensusstate_one_current_per_project"
ONE_RELIABILITY = "tasks_workerreliability_once_per_state_and_worker"
ONE_OPEN_PROPOSAL = "tasks_labelproposal_one_open_per_label"
DECIDED_PROPOSAL = "tasks_labelproposal_decided_has_time"


class ConsensusLabel(models.Model):
    """A version of a task's agreed label. Append-only: only `is_current` may change (a trigger refuses the rest).

    `content_hash` is `labels.content_hash` of the body; recomputing to the same hash writes no new version.
    `evidence` names the method, answers and shares behind it. For a reviewer's fix, the method is `review`.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    # `db_index=False`: the constraint on versions has an index that starts with the column.
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="labels", db_index=False)
    version = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    body = models.JSONField()
    content_hash = models.CharField(max_length=64)
    method = models.CharField(max_length=40)
    confidence = models.FloatField()
    evidence = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "version"], name=LABEL_VERSION),
            models.UniqueConstraint(fields=["task"], condition=Q(is_current=True), name=ONE_CURRENT_LABEL),
        ]
        indexes = [
            # The labels to review are counted and found from the index alone, least sure first.
            models.Index(
                fields=["project", "confidence", "id"],
                include=["task", "method"],
                condition=Q(is_current=True),
                name="tasks_label_by_confidence",
            ),
            # Few: labels that a release leaves out.
            models.Index(
                fields=["project", "task"],
                condition=Q(is_current=True, body__verdict="cannot_tell"),
                name="tasks_label_cannot_tell",
            ),
        ]


class LabelProposal(models.Model):
    """Other content that the newest estimates support for an approved label, until a manager decides.

    open: to be decided; it is updated or deleted when newer estimates want something else. sent: the label goes back to
    review, with the content that is computed then. kept: the label stays, and what looks the same is not proposed again
    for the same answers. The content of a row changes only invisibly, so its public id stands for what was shown.
    `confidence` is that of the content, `label_confidence` what the same posterior gives to the approved label.
    `evidence` has the answers with the weights that they have now; the label's own evidence has the earlier ones.
    """

    class State(models.TextChoices):
        OPEN = "open"
        SENT = "sent"
        KEPT = "kept"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="+")
    label = models.ForeignKey(ConsensusLabel, on_delete=models.CASCADE, related_name="proposals")
    body = models.JSONField()
    confidence = models.FloatField()
    label_confidence = models.FloatField()
    evidence = models.JSONField()
    state_version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label"], condition=Q(state="open"), name=ONE_OPEN_PROPOSAL),
            models.CheckConstraint(
                condition=Q(state="open") & Q(decided_at__isnull=True) | ~Q(state="open") & Q(decided_at__isnull=False),
                name=DECIDED_PROPOSAL,
            ),
        ]
        indexes = [models.Index(fields=["project", "id"], condition=Q(state="open"), name="tasks_proposals_open")]


class Posterior(models.Model):
    """The mutable posterior that accompanies a task's label. `state_version` is the version of the project's state that
    it was computed from, 0 before the first fit; `confidence` is the confidence of the label it implies."""

    task = models.OneToOneField(Task, on_delete=models.CASCADE, related_name="posterior")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    answers = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    confidence = models.FloatField(null=True)
    state_version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=Now())


class ConsensusState(models.Model):
    """The result of a fit of a project, in versions; a version never changes, and exactly one is current.

    `header` holds everything except the workers, who have their own rows. `fingerprint` is the digest of the fit's
    input: fitting the same input again writes nothing. `settled` is the number of settled answers in the project's live
    stream, `seconds` the duration of the fit; both determine when the next fit is worthwhile. A version is kept until
    the one after next is written, so that a reader that has loaded its header still finds its workers.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    header = models.JSONField()
    answers = models.PositiveBigIntegerField()
    settled = models.BigIntegerField(default=0)
    fingerprint = models.CharField(max_length=64)
    seconds = models.FloatField(default=0.0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name=STATE_VERSION),
            models.UniqueConstraint(fields=["project"], condition=Q(is_current=True), name=ONE_CURRENT_STATE),
        ]


class WorkerReliability(models.Model):
    """The estimated reliability of one worker, a person or a model, in one version of a project's state."""

    state = models.ForeignKey(ConsensusState, on_delete=models.CASCADE, related_name="workers", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    body = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["state", "worker"], name=ONE_RELIABILITY)]


class Prediction(models.Model):
    """The class probabilities of a model's annotation: {class number: p}, summing to 1."""

    annotation = models.OneToOneField(Annotation, on_delete=models.CASCADE, related_name="prediction")
    probabilities = models.JSONField()
