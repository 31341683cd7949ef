"""The structure of reports, for the OpenAPI document: progress, workers, and the evidence behind a label."""

from typing import Any

from rest_framework import serializers

from tasks.analytics.forecast import Outlook
from tasks.analytics.worker_flags import Signal
from tasks.api.request_bodies import AnswerSerializer
from tasks.standing.models import Standing


class ProgressSerializer(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    open = serializers.IntegerField()
    answered = serializers.IntegerField()
    approved = serializers.IntegerField()
    check_images = serializers.IntegerField(help_text="Not counted in the others")
    places_open = serializers.IntegerField(help_text="Answers that open images still need, without those in work")
    in_work = serializers.IntegerField(help_text="Images that workers have now")
    answers_left = serializers.IntegerField()


class ThroughputSerializer(serializers.Serializer[Any]):
    """Answers in the last hour, or since the first set if that is more recent."""

    answers = serializers.IntegerField()
    workers = serializers.IntegerField()
    hours = serializers.FloatField()


class ForecastSerializer(serializers.Serializer[Any]):
    hours = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField(allow_null=True)
    answers_left = serializers.IntegerField()


class DeadlineSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    outlook = serializers.ChoiceField(
        choices=[str(each) for each in Outlook],
        help_text="Whether it will be met at the pace of the last hour: `met` and `missed` hold for the whole interval"
        " of the forecast, `likely` and `unlikely` for its middle; `answered`: no answer is missing",
    )
    hours_late = serializers.FloatField(help_text="By how much it is, or would be, missed")


class QualityFiguresSerializer(serializers.Serializer[Any]):
    checks_seen = serializers.IntegerField()
    checks_correct = serializers.IntegerField()
    checks_share = serializers.FloatField(allow_null=True)
    agreement = serializers.FloatField(allow_null=True)
    agreement_answers = serializers.IntegerField()
    confidence = serializers.FloatField(allow_null=True)
    reviewed = serializers.IntegerField()
    approved = serializers.IntegerField()
    fixed = serializers.IntegerField()
    rejected = serializers.IntegerField()


class CostSerializer(serializers.Serializer[Any]):
    earned = serializers.CharField()
    paid = serializers.CharField()
    answers_per_approved = serializers.FloatField(allow_null=True, help_text="Answers to an approved image, on average")
    per_approved = serializers.CharField(allow_null=True, help_text="What these answers cost")
    expected = serializers.CharField(help_text="When all images are answered")
    price = serializers.CharField(help_text="Price of one answer")
    committed = serializers.CharField(help_text="Paid, owed, and what live sets will earn")
    budget = serializers.CharField(allow_null=True, help_text="What workers may earn in total; null for no limit")
    left = serializers.CharField(allow_null=True, help_text="What is left of the budget")


class FiguresSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    progress = ProgressSerializer()
    throughput = ThroughputSerializer()
    forecast = ForecastSerializer(allow_null=True)
    deadline = DeadlineSerializer(allow_null=True)
    quality = QualityFiguresSerializer()
    cost = CostSerializer()


class WorkerFlagSerializer(serializers.Serializer[Any]):
    signal = serializers.ChoiceField(choices=[str(each) for each in Signal])
    value = serializers.FloatField(help_text="A share; for `time` seconds, for `returns` images")
    limit = serializers.FloatField(help_text="What the value is beyond")
    count = serializers.IntegerField(allow_null=True, help_text="The share was counted as this many")
    of = serializers.IntegerField(help_text="of this many; for `time`, the number of answers")
    low = serializers.FloatField(allow_null=True, help_text="Lower end of the share's 99% interval")
    high = serializers.FloatField(allow_null=True)
    decisive = serializers.BooleanField(
        help_text="Whether it flags the worker by itself, or only supports one that does"
    )
    strength = serializers.FloatField(help_text="How far the interval is beyond the limit, 0 to 1")
    worker = serializers.UUIDField(
        allow_null=True, help_text="For `same_...`: whose answers or device they are; otherwise null"
    )


class WorkerFindingsSerializer(serializers.Serializer[Any]):
    gold_right = serializers.FloatField(help_text="The scores of check images, 0 to 1 each, summed up")
    gold_seen = serializers.IntegerField()
    agreeing = serializers.FloatField(help_text="The expected number of right answers by what others said")
    compared = serializers.IntegerField(help_text="Answers to images that others answered too")
    fast = serializers.IntegerField(help_text="Answers in less than a third of the time that others need")
    timed = serializers.IntegerField()
    evidence = serializers.FloatField(
        help_text="Log likelihood ratio of answering without looking against the best-fitting honest worker"
    )
    limit = serializers.FloatField(help_text="Above this much evidence, the worker is paused")
    stage_gold = serializers.IntegerField(help_text="Check images that were counted when the stage last changed")


class WorkerFiguresSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    answers = serializers.IntegerField()
    skipped = serializers.IntegerField()
    skip_reasons = serializers.DictField(
        child=serializers.IntegerField(), help_text="Skipped images by the reason that the worker gave, if any"
    )
    expired = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)
    checks_seen = serializers.IntegerField()
    checks_correct = serializers.IntegerField()
    checks_share = serializers.FloatField(allow_null=True)
    trust = serializers.FloatField(
        help_text="Expected accuracy by check images, reviews and, at half the weight, agreement with others since"
        " the worker joined or was last resumed; it starts from the organization's other projects of the same type"
    )
    trust_low = serializers.FloatField(help_text="Lower end of its 90% interval")
    trust_high = serializers.FloatField()
    stage = serializers.ChoiceField(
        choices=Standing.Stage.choices,
        help_text="`coached` and `watched` (who gets more check images): the whole interval is below a mark",
    )
    awaits_decision = serializers.BooleanField(
        help_text="A rule paused the worker, and no manager has decided yet: `resume`, `confirm` or `remove`"
    )
    findings = WorkerFindingsSerializer(allow_null=True, help_text="What the newest test of the answers found")
    reviews_approved = serializers.IntegerField(
        help_text="Answers equal to a label that a person approved; approvals of whole batches are not counted"
    )
    reviews_rejected = serializers.IntegerField(help_text="Answers equal to a label that a person rejected")
    agreement = serializers.FloatField(allow_null=True)
    agreement_answers = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True, help_text="Median time of an answer")
    earned = serializers.CharField()
    flags = WorkerFlagSerializer(
        many=True,
        help_text="Signals that the worker needs a look; empty if there are none. With more than 40 workers, computed"
        " after a request and at most every two minutes",
    )


class LabelVersionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    content_hash = serializers.CharField()
    method = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()


class LabelWithEvidenceSerializer(LabelVersionSerializer):
    body = AnswerSerializer()
    evidence = serializers.DictField(
        help_text="What the method based the label on; its fields depend on the method. Every object names its tool"
    )


class WeighedAnswerSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(help_text="Pseudonym of the worker, or id of the model")
    model = serializers.CharField(allow_null=True, help_text="Name of the model, if a model answered")
    name = serializers.CharField(help_text="The worker's name or email address for managers, a pseudonym for reviewers")
    annotation = serializers.UUIDField()
    answer = AnswerSerializer()
    differences = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="What differs from the label beyond the project's tolerance, in words; null while there is no label",
    )
    weight = serializers.FloatField(help_text="Probability that the worker is right")
    influence = serializers.FloatField(allow_null=True, help_text="Shift of the log-odds of the agreed class, in nats")
    confusion = serializers.DictField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="The worker's answers for this class, by class number",
    )
    detection = serializers.FloatField(allow_null=True, help_text="Share of the objects that the worker finds")
    false_rate = serializers.FloatField(allow_null=True, help_text="False objects for each image")


class EvidenceSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField()
    state = serializers.CharField()
    round = serializers.IntegerField()
    wanted = serializers.IntegerField()
    label = LabelWithEvidenceSerializer(allow_null=True)  # type: ignore[assignment]  # a field named like an attribute
    versions = LabelVersionSerializer(many=True)
    state_version = serializers.IntegerField(help_text="Version of the worker model; 0 while it rests on gold alone")
    learnt_at = serializers.DateTimeField(allow_null=True)
    cold = serializers.BooleanField(help_text="Whether there are too few answers to fit the worker model")
    answers = WeighedAnswerSerializer(many=True)
    confidence = serializers.FloatField(allow_null=True)
    posterior = serializers.DictField(help_text="Probabilities by class number, or by object; empty without answers")
    posterior_version = serializers.IntegerField(allow_null=True)
