"""Workers whom an organization has blocked."""

import uuid
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Block, Organisation, Role
from accounts.selectors import block_for, blocks_of, display_names
from tasks.api import examples
from tasks.api.access import View, actor_of
from tasks.api.accounts import organisation_of
from tasks.api.filters import by_id, created
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page_at_once
from tasks.api.request_bodies import valid
from tasks.flow.revocation import block_worker, unblock_worker
from tasks.standing.selectors import worker_of_organisation


class NewBlockSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(help_text="Who works or worked in a project of the organization")
    reason = serializers.CharField(max_length=300, help_text="Your team sees it")


class BlockSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="actor.public_id")
    name = serializers.CharField()
    reason = serializers.CharField()
    created_by = serializers.UUIDField(source="created_by.public_id")
    created_at = serializers.DateTimeField()
    lifted_by = serializers.UUIDField(source="lifted_by.public_id", allow_null=True, default=None)
    lifted_at = serializers.DateTimeField(allow_null=True)


class BlocksView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _organisation(request, ids["organisation_id"])

    @listing(
        BlockSerializer,
        filters=[by_id("worker", "actor__public_id", what="a worker", is_indexed=True), *created()],
        summary="Blocked workers of an organization",
    )
    def get(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """With those whose block was lifted."""
        rows = blocks_of(organisation=_organisation(request, organisation_id)).order_by()
        return page_at_once(request, rows, _shown, order=ByNewest)

    @operation(
        request=NewBlockSerializer, bodies=examples.BLOCK, responses={201: BlockSerializer}, summary="Block a worker"
    )
    def post(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """Ends their sets, keys and access in all projects at once, and no invitation brings them back until it is
        lifted. What they answered stays; a repair voids it."""
        organisation = _organisation(request, organisation_id)
        data = valid(NewBlockSerializer(data=request.data))
        worker = worker_of_organisation(organisation=organisation, public_id=data["worker"])
        block = block_worker(organisation=organisation, worker=worker, by=actor_of(request), reason=data["reason"])
        return Response(_shown([block])[0], status=status.HTTP_201_CREATED)


class BlockView(View):
    scopes = {"DELETE": "manage"}

    @operation(responses={204: None}, summary="Lift a block")
    def delete(self, request: Request, organisation_id: uuid.UUID, block_id: uuid.UUID) -> Response:
        """An invitation can bring the worker back, to the projects of before as paused."""
        block = block_for(organisation=_organisation(request, organisation_id), public_id=block_id)
        unblock_worker(block=block, by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _organisation(request: Request, organisation_id: uuid.UUID) -> Organisation:
    return organisation_of(request, organisation_id, Role.MANAGER)


def _shown(blocks: list[Block]) -> list[Any]:
    names = display_names(actors=[row.actor.public_id for row in blocks])
    rows: list[Any] = list(blocks)
    for row in rows:
        row.name = names[str(row.actor.public_id)]
    return [BlockSerializer(row).data for row in rows]
