"""What a worker reads about themselves: by project, and what they have passed. Check images count like work."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from tasks.analytics.own_standing import OwnStanding, Stage, exam_skills, held_qualifications, own_standings
from tasks.api.access import View, actor_of
from tasks.api.described_work import BalanceSerializer
from tasks.api.operations import operation
from tasks.pay.selectors import LEDGER_DIGITS


class OwnMoneySerializer(BalanceSerializer):
    top_ups = serializers.CharField(help_text="What was added to reach the least pay of an hour; part of the others")
    next_approval = serializers.DateTimeField(allow_null=True, help_text="When the first of what waits is approved")
    paid_at = serializers.DateTimeField(allow_null=True, help_text="When you were last paid")


class OwnStandingSerializer(serializers.Serializer[Any]):
    project = serializers.UUIDField(source="project.public_id")
    name = serializers.CharField(source="project.name")
    stage = serializers.ChoiceField(
        choices=[each.value for each in Stage],
        help_text="`new`: fewer than 20 answers; `paused`: you take no sets, for `reason`. Nothing here says how right"
        " your answers are",
    )
    reason = serializers.CharField(allow_blank=True, help_text="Why you are paused")
    awaits_decision = serializers.BooleanField(help_text="Whether a rule paused you and a person decides")
    answers = serializers.IntegerField(help_text="Answers that you gave")
    answers_in_set = serializers.IntegerField(source="in_set", help_text="Of these, in a set that is not handed in")
    answers_waiting = serializers.IntegerField(source="waiting", help_text="Whose pay waits, `answers_in_set` included")
    answers_approved = serializers.IntegerField(source="approved")
    rejected = serializers.IntegerField(help_text="Rejected answers that you can see")
    appealable = serializers.IntegerField(help_text="Of these, those that you can appeal against")
    appeal_until = serializers.DateTimeField(allow_null=True, help_text="When the first of these can no longer be")
    measured_seconds = serializers.FloatField(source="seconds", help_text="Time while images were open")
    advised_at = serializers.DateTimeField(
        allow_null=True, help_text="When the last set ended with general advice, which some get by chance"
    )
    images_left_today = serializers.IntegerField(source="allowance.caps.left_today", allow_null=True)
    images_left = serializers.IntegerField(source="allowance.caps.left_of_share", allow_null=True)
    money = OwnMoneySerializer(many=True)


class HeldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    organisation = serializers.UUIDField(source="organisation.public_id")
    since = serializers.DateTimeField()
    value = serializers.FloatField(allow_null=True, help_text="Of a skill: the share that was right in your exam")


class StandingsSerializer(serializers.Serializer[Any]):
    projects = OwnStandingSerializer(many=True)
    qualifications = HeldSerializer(many=True)
    skills = HeldSerializer(many=True, help_text="Skills that your own exams have set")


class OwnStandingsView(View):
    scopes = {"GET": "work"}

    @operation(responses=StandingsSerializer, summary="My standing, by project")
    def get(self, request: Request) -> Response:
        """Your answers, pay, limits and appeals in each project, and the exams that you have passed."""
        worker = actor_of(request)
        organisation = request.auth.organisation if isinstance(request.auth, ApiToken) else None
        rows = own_standings(worker=worker, organisation=organisation)
        qualifications = held_qualifications(worker=worker, organisation=organisation)
        skills = exam_skills(worker=worker, organisation=organisation)
        body = {"projects": [_shape(row) for row in rows], "qualifications": qualifications, "skills": skills}
        return Response(StandingsSerializer(body).data)


def _shape(own: OwnStanding) -> dict[str, Any]:
    paused = own.stage is Stage.PAUSED
    fields = ("project", "stage", "answers", "in_set", "waiting", "approved", "rejected", "appealable", "appeal_until")
    shown: dict[str, Any] = {name: getattr(own, name) for name in (*fields, "seconds", "advised_at", "allowance")}
    shown["reason"] = own.standing.reason if paused else ""
    shown["awaits_decision"] = paused and own.standing.awaits_decision
    sums = {each.currency: each for each in own.sums}
    shown["money"] = [
        {
            "currency": row.currency,
            "waiting": row.waiting.quantize(LEDGER_DIGITS),
            "approved": row.approved.quantize(LEDGER_DIGITS),
            "paid": row.paid.quantize(LEDGER_DIGITS),
            "top_ups": sums[row.currency].top_ups.quantize(LEDGER_DIGITS) if row.currency in sums else "0.000000",
            "next_approval": sums[row.currency].next_approval if row.currency in sums else None,
            "paid_at": sums[row.currency].paid_at if row.currency in sums else None,
        }
        for row in own.money
    ]
    return shown
