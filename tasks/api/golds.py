"""Gold: check images, the answers to them, and their supply."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import Count, Q
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from accounts.selectors import display_names_for
from kernel.errors import NotFound
from tasks.analytics.gold_supply import gold_supply
from tasks.annotation.selectors import current_bodies
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.filters import Filter, by_id, one_of, prefix
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page, page_at_once
from tasks.api.request_bodies import AnswerSerializer, body_of, valid
from tasks.assignment.models import Assignment
from tasks.flow.gold_images import make_gold_image, read_accepted, retire_gold_image
from tasks.flow.gold_judgement import change_gold, reactivate_gold
from tasks.flow.gold_promotion import MAX_PROMOTED, promote_labels, promotion_candidates
from tasks.flow.set_aside import restore_gold_offers
from tasks.gold.models import Gold, GoldResult
from tasks.gold.selectors import results_of
from tasks.ingest.models import Image


class GoldSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    image = serializers.UUIDField(source="image.public_id")
    source_key = serializers.CharField(source="image.source_key")
    state = serializers.CharField()
    origin = serializers.CharField(source="source", help_text="manager, truth or consensus")
    accepted = AnswerSerializer(many=True)
    tolerance = serializers.DictField(
        child=serializers.FloatField(),
        help_text="`iou`: the least similarity of an object to one of the accepted answer, 0 to 1; `misses` and"
        " `extras`: how many objects may be missing or too many",
    )
    views_wanted = serializers.IntegerField(
        allow_null=True,
        help_text="How many workers may see it, as many as see an image of work; null for check images from before"
        " there was a limit",
    )
    suspended_at = serializers.DateTimeField(allow_null=True, help_text="Since when good workers have failed it")
    exposure = serializers.IntegerField(help_text="How often it was assigned")
    is_set_aside = serializers.BooleanField(help_text="Offered to nobody new, because many workers skipped it")
    skips = serializers.IntegerField(default=0, help_text="How many workers have skipped it")


class NewGoldSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField()
    answer = AnswerSerializer()


class ToleranceSerializer(serializers.Serializer[Any]):
    iou = serializers.FloatField(min_value=0.01, max_value=1, required=False)
    misses = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    extras = serializers.IntegerField(min_value=0, max_value=1000, required=False)


class GoldChangeSerializer(serializers.Serializer[Any]):
    accepted = AnswerSerializer(many=True, required=False)
    tolerance = ToleranceSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Send `accepted`, `tolerance`, or both.")
        return attrs


class PromotionSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(min_value=1, max_value=MAX_PROMOTED, help_text="How many labels to promote")


class PromotedSerializer(serializers.Serializer[Any]):
    promoted = serializers.IntegerField(help_text="Fewer than asked for if there were no more candidates")


class GoldAnswerSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(help_text="Pseudonym of the worker")
    name = serializers.CharField()
    answer = AnswerSerializer()
    correct = serializers.BooleanField()
    score = serializers.FloatField(help_text="0 to 1: partial credit by the objects that match")
    why = serializers.CharField()
    counts = serializers.BooleanField(help_text="Whether it is part of the worker's record")
    at = serializers.DateTimeField()


class SupplySerializer(serializers.Serializer[Any]):
    unused = serializers.IntegerField(help_text="Check images that no worker has seen")
    views_left = serializers.IntegerField(help_text="How many more answers the check images may get")
    needed = serializers.IntegerField(help_text="How many unused ones the work that is left needs")
    missing = serializers.IntegerField()
    answers_left = serializers.IntegerField(help_text="Answers that the work still needs")
    workers = serializers.IntegerField(help_text="Active workers")
    gold_each = serializers.IntegerField(help_text="How many each of them will get")
    per_image = serializers.FloatField(help_text="How many answers an image gets")
    hours = serializers.FloatField(
        allow_null=True, help_text="How long they last at the pace of the last hour; null without a pace"
    )
    lasts_answers = serializers.IntegerField(help_text="For how many answers they last")
    is_out = serializers.BooleanField()
    without_limit = serializers.IntegerField(help_text="From before the number of views was limited")
    suspended = serializers.IntegerField()
    had = serializers.IntegerField(help_text="How many the project has ever had")
    candidates = serializers.IntegerField(help_text="Labels that can be promoted")
    why_no_candidates = serializers.CharField(allow_blank=True)


class GoldsView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    @listing(
        GoldSerializer,
        filters=[
            one_of("state", Gold.State),
            Filter(
                "is_set_aside",
                lambda value: Q(is_set_aside=value == "true"),
                "Whether it is offered to nobody new, because many workers skipped it",
                enum=["true", "false"],
            ),
            one_of("origin", Gold.Source, "source"),
            by_id("image", "image__public_id", what="an image", is_indexed=True),
            prefix("image__source_key"),
        ],
        summary="Check images of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        skips = Count("assignments", filter=Q(assignments__state=Assignment.State.SKIPPED))
        rows = Gold.objects.filter(project=project).select_related("image").annotate(skips=skips)
        return page(request, rows, GoldSerializer().to_representation, newest_first=False)

    @operation(
        request=NewGoldSerializer, bodies=examples.GOLD, responses={201: GoldSerializer}, summary="Create a check image"
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(NewGoldSerializer(data=request.data))
        image = Image.objects.filter(dataset_id=project.dataset_id, public_id=data["image"]).first()
        if image is None:
            raise NotFound("This project has no image with that id.")
        gold = make_gold_image(project=project, image=image, raw=body_of(request)["answer"], by=actor_of(request))
        return Response(GoldSerializer(gold).data, status=status.HTTP_201_CREATED)


class GoldView(View):
    scopes = {"DELETE": "manage", "PATCH": "manage"}

    @operation(
        request=GoldChangeSerializer,
        bodies=examples.GOLD_CHANGE,
        responses={200: GoldSerializer},
        summary="Change the accepted answers or the tolerance of a check image",
    )
    def patch(self, request: Request, gold_id: uuid.UUID) -> Response:
        """All answers to it are compared anew, and the workers' records are corrected."""
        gold = _gold_of(request, gold_id)
        data = valid(GoldChangeSerializer(data=request.data))
        raw = body_of(request).get("accepted")
        changed = change_gold(
            gold=gold,
            by=actor_of(request),
            accepted=None if raw is None else read_accepted(gold=gold, raw=raw),
            tolerance=data.get("tolerance"),
        )
        return Response(GoldSerializer(changed).data)

    @operation(responses={204: None}, summary="Retire a check image")
    def delete(self, request: Request, gold_id: uuid.UUID) -> Response:
        gold = _gold_of(request, gold_id)
        retire_gold_image(gold=gold, by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class OfferGoldView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=None,
        responses={204: None},
        repeatable="Offering what is offered changes nothing.",
        summary="Offer a check image again that many workers skipped",
    )
    def post(self, request: Request, gold_id: uuid.UUID) -> Response:
        restore_gold_offers(gold=_gold_of(request, gold_id), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReactivateGoldView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=None,
        responses={200: GoldSerializer},
        repeatable="The second call is refused with 409.",
        summary="Use a suspended check image again",
    )
    def post(self, request: Request, gold_id: uuid.UUID) -> Response:
        gold = reactivate_gold(gold=_gold_of(request, gold_id), by=actor_of(request))
        return Response(GoldSerializer(gold).data)


class GoldAnswersView(View):
    scopes = {"GET": "manage"}

    @listing(
        GoldAnswerSerializer,
        filters=[
            by_id("worker", "worker__public_id", what="a worker", is_indexed=True),
            Filter(
                "correct",
                lambda value: Q(correct=value == "true"),
                "Whether it was judged correct",
                enum=["true", "false"],
                is_indexed=True,
            ),
        ],
        summary="Answers to a check image",
    )
    def get(self, request: Request, gold_id: uuid.UUID) -> Response:
        """Those that were compared, which is when a whole set is handed in."""
        gold = _gold_of(request, gold_id)
        return page_at_once(request, results_of(gold=gold), lambda rows: _answers(request, gold, rows), order=ByNewest)


class GoldSupplyView(View):
    scopes = {"GET": "manage"}

    @operation(responses={200: SupplySerializer}, summary="How many check images a project needs")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        supply, candidates = gold_supply(project=project), promotion_candidates(project=project)
        figures = {"missing": supply.missing, "is_out": supply.is_out, **asdict(supply)}
        return Response(figures | {"candidates": candidates.count, "why_no_candidates": candidates.why})


class PromoteView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=PromotionSerializer,
        bodies=examples.PROMOTION,
        responses={200: PromotedSerializer},
        summary="Make approved labels check images",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Labels of high confidence that a person approved, spread over the classes."""
        project = project_of(request, project_id, Role.MANAGER)
        count = valid(PromotionSerializer(data=request.data))["count"]
        golds = promote_labels(project=project, count=count, by=actor_of(request))
        return Response({"promoted": len(golds)})


def _answers(request: Request, gold: Gold, rows: Sequence[GoldResult]) -> list[dict[str, Any]]:
    workers = {str(row.worker.public_id) for row in rows}
    organisation = gold.project.organisation_id
    names = display_names_for(actor_of(request), organisation_id=organisation, actors=workers)
    bodies = current_bodies(assignment_ids=[row.assignment_id for row in rows])
    return [
        {
            "worker": str(row.worker.public_id),
            "name": names[str(row.worker.public_id)],
            "answer": bodies.get(row.assignment_id),
            "correct": row.correct,
            "score": row.score,
            "why": row.why,
            "counts": row.counts,
            "at": row.created_at,
        }
        for row in rows
    ]


def _gold_of(request: Request, gold_id: uuid.UUID) -> Gold:
    gold = Gold.objects.select_related("project").filter(public_id=gold_id).first()
    if gold is None:
        raise NotFound
    project_of(request, gold.project.public_id, Role.MANAGER)
    return gold
