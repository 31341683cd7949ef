"""The events of a project, numbered without gaps, and tickets for its websocket."""

import uuid
from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from kernel.errors import Forbidden
from kernel.events import read_events, stream_snapshot
from kernel.tickets import SECONDS
from projects.socket_urls import events_socket_url
from tasks.analytics.event_stream import (
    EVENT_KINDS,
    STREAM_ROLES,
    event_as_read,
    kinds_to_read,
    stream_role,
    totals_as_read,
)
from tasks.api.access import View, actor_of, project_of
from tasks.api.described import EventDataField
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest
from tasks.api.stream_access import make_ticket

AFTER = OpenApiParameter(
    "after", int, description="The number of the last event that you have; 0, the default, begins with the first one"
)
TYPE = OpenApiParameter(
    "type", str, many=True, enum=sorted(EVENT_KINDS), description="Only events of this type. Repeat it for several."
)
PAGE_SIZE = OpenApiParameter("page_size", int, description="Events per page, 1 to 500. Defaults to 50.")


class EventSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="1, 2, 3 and so on in each project, without gaps")
    type = serializers.CharField(
        help_text="What happened. New types may be added, so ignore those that you do not know. "
        + " ".join(f"`{name}`: {kind.meaning}." for name, kind in sorted(EVENT_KINDS.items()))
    )
    at = serializers.DateTimeField()
    delta = serializers.DictField(
        child=serializers.IntegerField(), help_text="By how much it changed the totals of the stream"
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Declared here, because a class attribute would shadow the serializer's `data` property.
        return {**super().get_fields(), "data": EventDataField()}


class EventPageSerializer(serializers.Serializer[Any]):
    """The events after a number, oldest first."""

    results = EventSerializer(many=True)
    next = serializers.IntegerField(
        help_text="Send this as `after` of the next request. It is above the last number here if events of other types"
        " were passed over."
    )
    last = serializers.IntegerField(help_text="Number of the last event that there is: you have all when `next` is it")


class EventTotalsSerializer(serializers.Serializer[Any]):
    """The sums of the deltas of all events up to a number."""

    number = serializers.IntegerField(help_text="Go on with `after` set to this number")
    totals = serializers.DictField(child=serializers.IntegerField())


class EventTicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Opens one websocket")
    seconds = serializers.IntegerField(help_text="How long it can be used")
    url = serializers.CharField(help_text="The websocket to open, with the ticket; add `after` and `type` as needed")


class EventsView(View):
    @operation(
        parameters=[AFTER, TYPE, PAGE_SIZE], responses=EventPageSerializer, summary="Events of a project, by number"
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Reads on from `after`, so that no event is missed or read twice. Responds with 410 and the type
        `events_gone` if the next event was deleted: read the totals, and go on after their number.
        """
        project = project_of(request, project_id, *STREAM_ROLES)
        role = stream_role(actor=actor_of(request), project=project)
        kinds = kinds_to_read(role=role, requested=request.query_params.getlist("type"))
        after, limit = int(request.query_params.get("after", 0)), ByNewest().get_page_size(request)
        page = read_events(project_id=project.pk, after=after, limit=limit, kinds=kinds)
        results = [event_as_read(event, role=role) for event in page.events]
        return Response({"results": results, "next": page.end, "last": page.last})


class EventTotalsView(View):
    @operation(responses=EventTotalsSerializer, summary="Totals of a project's events")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Where to begin without reading every event: the totals, and the number of the last event in them."""
        project = project_of(request, project_id, *STREAM_ROLES)
        role = stream_role(actor=actor_of(request), project=project)
        return Response(totals_as_read(stream_snapshot(project_id=project.pk), role=role))


class EventTicketsView(View):
    while_archived = True  # it changes nothing in the project

    def check_access(self, request: Request, **ids: Any) -> None:
        project_of(request, ids["project_id"], *STREAM_ROLES)

    @operation(
        request=None,
        responses={201: EventTicketSerializer},
        summary="Create a ticket for the websocket of events",
        repeatable="A ticket that is not used ends after half a minute, so another one does no harm.",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """For browsers, which cannot send the key in a header. The websocket ends with the key that made the ticket."""
        project = project_of(request, project_id, *STREAM_ROLES)
        if not isinstance(request.auth, ApiToken):
            raise Forbidden("Tickets are made with an API key, and end with it. Send one in the header Authorization.")
        ticket = make_ticket(token=request.auth, project=project)
        url = events_socket_url(request._request, project)
        body = {"ticket": ticket, "seconds": SECONDS, "url": f"{url}?{urlencode({'ticket': ticket})}"}
        return Response(body, status=status.HTTP_201_CREATED)
