"""What is new in a project's instructions for the worker who asks, and the confirmation of having read it."""

import uuid
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.api import examples
from tasks.api.access import View, actor_of, same_organisation
from tasks.api.operations import operation
from tasks.api.request_bodies import valid
from tasks.assignment.errors import InstructionsReplaced
from tasks.assignment.instructions import InstructionsNews, confirm_instructions, instructions_news
from tasks.standing.models import Standing
from tasks.standing.selectors import standing_for


class PieceSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["same", "added", "removed"])
    text = serializers.CharField()


class ParagraphSerializer(serializers.Serializer[Any]):
    pieces = PieceSerializer(many=True)


class NewsSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="The newest version; 0 if there are no instructions")
    body = serializers.CharField(allow_blank=True)
    since = serializers.IntegerField(allow_null=True, help_text="The version that you know; null if there is none")
    must_confirm = serializers.BooleanField(help_text="Whether you get no further set before you confirm it")
    paragraphs = ParagraphSerializer(
        many=True, help_text="Both versions in pieces of words; empty if nothing is new to you"
    )


class ConfirmationSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1)


class NewsView(View):
    scopes = {"GET": "work"}

    @operation(responses=NewsSerializer, summary="What is new in the instructions")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Compared with the newest version that you confirmed, or that one of your sets had."""
        return Response(_news(instructions_news(standing=_standing(request, project_id))))


class ConfirmView(View):
    scopes = {"POST": "work"}

    @operation(
        request=ConfirmationSerializer,
        bodies=examples.CONFIRMATION,
        responses={204: None},
        repeatable="A version is confirmed once; a retry changes nothing.",
        summary="Confirm the instructions",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """A set in progress needs no confirmation: it goes on with the instructions that it began with."""
        standing = _standing(request, project_id)
        version = valid(ConfirmationSerializer(data=request.data))["version"]
        if version > 2**31 - 1:
            raise InstructionsReplaced
        confirm_instructions(worker=standing.worker, project=standing.project, version=version)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _standing(request: Request, project_id: uuid.UUID) -> Standing:
    standing = standing_for(worker=actor_of(request), project_id=project_id)
    same_organisation(request, standing.project.organisation_id)
    return standing


def _news(news: InstructionsNews | None) -> dict[str, Any]:
    if news is None:
        return {"version": 0, "body": "", "since": None, "must_confirm": False, "paragraphs": []}
    return {
        "version": news.newest.version,
        "body": news.newest.body,
        "since": news.since.version if news.since else None,
        "must_confirm": news.must_confirm,
        "paragraphs": [
            {"pieces": [{"kind": piece.kind, "text": piece.text} for piece in each.pieces]} for each in news.paragraphs
        ],
    }
