"""The bodies of the worker's API: sets, offers, earnings. Gold and work look the same in all of them."""

from typing import Any

from rest_framework import serializers

from projects.models import PayBy
from tasks.api.projects import SchemaSerializer
from tasks.api.request_bodies import AnswerSerializer, RegionSerializer
from tasks.assignment.errors import ImagesTodayUsed, InstructionsUnread, LiveSetsReached, ShareReached
from tasks.assignment.models import Assignment, Hand


class CorrectionSerializer(serializers.Serializer[Any]):
    """You answered this image before, and a reviewer sent it back to you. A correction is not paid again."""

    reason = serializers.CharField(help_text="Why your answer was rejected")
    region = RegionSerializer(allow_null=True, help_text="The part of the image that this is about")
    answer = AnswerSerializer(
        allow_null=True, help_text="Your answer, to begin with; null if its classes have changed since"
    )


class AssignmentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    position = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Assignment.State.choices)
    width = serializers.IntegerField(help_text="Width of the upright image, in pixels")
    height = serializers.IntegerField()
    image = serializers.CharField(help_text="URL of the image to display")
    answer = AnswerSerializer(allow_null=True)
    correction = CorrectionSerializer(allow_null=True, help_text="What to correct, if the image was sent back to you")


class HandSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    project = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Hand.State.choices)
    expires_at = serializers.DateTimeField(
        help_text="An answer moves it once less than half of `lease_seconds` is left"
    )
    extendable_until = serializers.DateTimeField(help_text="Neither answers nor `extend` move the end beyond this")
    lease_seconds = serializers.IntegerField(help_text="The time that a renewal or an extension gives, from then on")
    size = serializers.IntegerField()
    price = serializers.CharField(help_text="What an answer, an object or an hour pays: see `pay_by`")
    pay_by = serializers.ChoiceField(choices=PayBy.values)
    hourly_floor = serializers.CharField(allow_null=True, help_text="What an hour pays at least; null without a floor")
    paid_seconds = serializers.IntegerField(
        allow_null=True, help_text="Time of one answer that is paid at most; null if pay does not depend on the time"
    )
    currency = serializers.CharField()
    schema = SchemaSerializer()
    instructions = serializers.CharField(allow_blank=True)
    assignments = AssignmentSerializer(many=True)


class SettledSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    answers = serializers.IntegerField()
    earned = serializers.CharField()
    currency = serializers.CharField()
    advice = serializers.CharField(
        allow_blank=True, help_text="General advice to show now and then; it says nothing about this set's images"
    )


class ExtendedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Id of the set")
    expires_at = serializers.DateTimeField()
    extendable_until = serializers.DateTimeField()


class LedgerSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    project = serializers.UUIDField(source="project.public_id")
    kind = serializers.CharField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    created_at = serializers.DateTimeField()


class HourlySerializer(serializers.Serializer[Any]):
    low = serializers.CharField(help_text="In the project's currency")
    high = serializers.CharField()
    is_own = serializers.BooleanField(
        help_text="Whether it is your own mean so far; otherwise the means of the lower and of the upper half of 20"
        " workers or more, without a tenth at each end"
    )


class OfferSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    price = serializers.CharField(help_text="What an answer, an object or an hour pays: see `pay_by`")
    pay_by = serializers.ChoiceField(choices=PayBy.values)
    hourly_floor = serializers.CharField(allow_null=True, help_text="What an hour pays at least; null without a floor")
    paid_seconds = serializers.IntegerField(
        allow_null=True, help_text="Time of one answer that is paid at most; null if pay does not depend on the time"
    )
    currency = serializers.CharField()
    seconds_per_answer = serializers.IntegerField(help_text="Time per answer that the manager expects, in seconds")
    images_left_today = serializers.IntegerField(
        source="allowance.caps.left_today",
        allow_null=True,
        help_text="New images that you can still get today, until 00:00 UTC; null without a limit",
    )
    images_left = serializers.IntegerField(
        source="allowance.caps.left_of_share",
        allow_null=True,
        help_text="New images that one person can still get in this project; null without a limit",
    )
    refusal = serializers.ChoiceField(
        choices=[each.code for each in (InstructionsUnread, LiveSetsReached, ImagesTodayUsed, ShareReached)],
        allow_null=True,
        help_text="Code of the problem that taking a new set would give now; null if it would give none",
    )
    set_size = serializers.IntegerField(
        help_text="Images in your next set; more if images that belong together are in it, fewer if few are left"
    )
    set_seconds = serializers.IntegerField(help_text="About how long it takes you, from your own answers so far")
    set_bytes = serializers.IntegerField(
        allow_null=True, help_text="About the size of the images of a set; null until it is computed"
    )
    hourly = HourlySerializer(
        source="details.hourly",
        allow_null=True,
        help_text="What an hour of measured time pays; null while there are too few measured answers",
    )
    images_left_at_least = serializers.IntegerField(
        source="details.images_left",
        allow_null=True,
        help_text="Roughly how much work is left for you: 0 for fewer than 100 images, then 100, 200, 500, 1000 ...;"
        " null until it is computed",
    )
    approved_at = serializers.DateTimeField(
        source="details.approved_at",
        allow_null=True,
        help_text="When the pay of a set would be approved that is handed in now; null for at once",
    )
    last_payout_at = serializers.DateTimeField(
        source="details.last_payout_at", allow_null=True, help_text="When the organization last paid out"
    )


class BalanceSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    waiting = serializers.CharField(help_text="Earned in sets that are not yet handed in")
    approved = serializers.CharField(help_text="Credited and not yet paid out")
    paid = serializers.CharField()


class WorkSerializer(serializers.Serializer[Any]):
    projects = OfferSerializer(many=True)
    balance = BalanceSerializer(many=True)
