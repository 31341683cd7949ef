"""The bodies of the API of pay: statements, payout runs, bonuses. Amounts are strings in `currency`, times seconds."""

from typing import Any

from rest_framework import serializers

from tasks.pay.models import MAX_REASON


class SumsSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    answers = serializers.IntegerField(help_text="Answers that were credited")
    seconds = serializers.CharField(help_text="Measured time that was paid; 0 if pay does not depend on it")
    pay = serializers.CharField(help_text="What the answers earned")
    top_ups = serializers.CharField(help_text="Up to the least pay of an hour")
    bonuses = serializers.CharField()
    corrections = serializers.CharField()
    earned = serializers.CharField(help_text="The sum of the four")
    paid = serializers.CharField(help_text="Paid out")
    unpaid = serializers.CharField(help_text="Earned and not paid out")
    waiting = serializers.CharField(help_text="Of what was earned, what is not approved yet")
    next_approval = serializers.DateTimeField(allow_null=True, help_text="When the first of that is approved")


class ProjectSumsSerializer(SumsSerializer):
    project = serializers.CharField(help_text="Its name")


class StatementSerializer(serializers.Serializer[Any]):
    projects = ProjectSumsSerializer(many=True)


class WorkerSumsSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField()
    name = serializers.CharField()
    sums = SumsSerializer(many=True)


class NewPayoutSerializer(serializers.Serializer[Any]):
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Pay what was approved until then; null is now"
    )


class PayoutTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    workers = serializers.IntegerField()
    amount = serializers.CharField()


class PayoutSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    until = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    created_by = serializers.UUIDField()
    totals = PayoutTotalSerializer(many=True)
    file = serializers.CharField(help_text="URL of the file, the same bytes each time")


class NewBonusSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField(max_length=20, help_text="0.01 to 1,000 in the project's currency, as a string")
    reason = serializers.CharField(max_length=MAX_REASON, help_text="The worker sees it")


class BonusSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="worker.public_id")
    amount = serializers.CharField()
    currency = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
