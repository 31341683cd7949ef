"""Repairs: voiding the answers of a worker, with a preview, and undoing that."""

import uuid
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Actor, Role
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.accounts import organisation_of
from tasks.api.filters import by_id, created, one_of
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page_at_once
from tasks.api.request_bodies import valid
from tasks.flow.repair import projects_of_worker, start_repair, start_repairs, undo_repair
from tasks.flow.repair_preview import RepairPreview, UndoPreview, preview_repair, preview_undo
from tasks.repair.models import MAX_REASON, Repair
from tasks.repair.selectors import project_repair, repairs_of
from tasks.snapshots.models import Snapshot
from tasks.standing.selectors import get_worker_standing, worker_of_organisation


class SinceSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Only answers submitted from then on; null for all"
    )


class NewRepairSerializer(SinceSerializer):
    reason = serializers.CharField(max_length=MAX_REASON)
    pay = serializers.ChoiceField(
        choices=Repair.Pay.choices,
        default=Repair.Pay.KEEP,
        help_text="What the worker earned with these answers stays, or is taken back by a correction",
    )


class UndoSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MAX_REASON)


class MarkedReleaseSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    labels = serializers.IntegerField(help_text="Labels of the release that rest on these answers")


class RepairPreviewSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(allow_null=True, help_text="Answers before are not concerned, or void already")
    answers = serializers.IntegerField(help_text="Answers that become void, check images and surplus included")
    kept = serializers.IntegerField(help_text="Finished images that keep enough answers and their label")
    changed = serializers.IntegerField(help_text="Finished images that keep enough answers and get another label")
    reopened = serializers.IntegerField(help_text="Finished images that are labeled again")
    waiting = serializers.IntegerField(help_text="Images that are not finished yet and need another answer")
    unapproved = serializers.IntegerField(help_text="Labels that are not approved any more")
    missing = serializers.IntegerField(help_text="Answers that are asked for again")
    cost = serializers.CharField(help_text="What these cost, with the expected share of check images")
    over_budget = serializers.CharField(help_text="By how much the project would exceed its budget; 0 if it does not")
    currency = serializers.CharField()
    paid = serializers.CharField(help_text="What the void answers are paid: what `take_back` takes back")
    releases = MarkedReleaseSerializer(many=True)
    estimated = serializers.BooleanField(help_text="Whether numbers of images were estimated from a sample")


class UndoPreviewSerializer(serializers.Serializer[Any]):
    answers = serializers.IntegerField(help_text="Answers to images that count again")
    restored = serializers.IntegerField(help_text="Images whose label and verdict become what they were")
    recomputed = serializers.IntegerField(help_text="Images whose label is computed from all of their answers")
    surplus = serializers.IntegerField(help_text="Answers that came in between, stay paid, and count no more")
    ended = serializers.IntegerField(help_text="Images in sets that nobody needs any more")
    paid = serializers.CharField(help_text="What the worker gets back")
    currency = serializers.CharField()
    releases = MarkedReleaseSerializer(many=True, help_text="Releases that are not marked any more")


class RepairSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="worker.public_id")
    state = serializers.ChoiceField(choices=Repair.State.choices)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField()
    answers = serializers.IntegerField()
    images = serializers.IntegerField(help_text="Images to deal with")
    done = serializers.IntegerField(help_text="Images that are dealt with")
    pay = serializers.ChoiceField(choices=Repair.Pay.choices)
    amount = serializers.DecimalField(max_digits=14, decimal_places=6, help_text="What was taken back")
    reason = serializers.CharField()
    created_by = serializers.UUIDField(source="created_by.public_id")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    undo_reason = serializers.CharField(allow_blank=True)
    undone_by = serializers.UUIDField(source="undone_by.public_id", allow_null=True, default=None)
    undone_at = serializers.DateTimeField(allow_null=True)
    releases = serializers.SerializerMethodField()

    @extend_schema_field(MarkedReleaseSerializer(many=True))
    def get_releases(self, repair: Repair) -> Any:
        marks = [mark for mark in repair.releases.all() if mark.labels]
        return _releases({mark.snapshot: mark.labels for mark in marks})


class RepairPreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=SinceSerializer,
        bodies=examples.REPAIR_PREVIEW,
        responses=RepairPreviewSerializer,
        repeatable="It changes nothing, however often it is sent.",
        summary="Preview voiding a worker's answers",
    )
    def post(self, request: Request, project_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        project, worker = _worker(request, project_id, worker_id)
        since = valid(SinceSerializer(data=request.data))["since"]
        return Response(_previewed(preview_repair(project=project, worker=worker, since=since)))


class WorkerRepairsView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=NewRepairSerializer,
        bodies=examples.REPAIR,
        responses={202: RepairSerializer},
        summary="Void a worker's answers",
    )
    def post(self, request: Request, project_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        """From the response on, no label, fit or release reads these answers. A job reopens images and updates labels.

        Releases wait until it has ended. Read the repair to see how far it is.
        """
        project, worker = _worker(request, project_id, worker_id)
        data = valid(NewRepairSerializer(data=request.data))
        repair = start_repair(project=project, worker=worker, by=actor_of(request), **data)
        return Response(RepairSerializer(repair).data, status=status.HTTP_202_ACCEPTED)


class OfOrganisationSerializer(SinceSerializer):
    worker = serializers.UUIDField()


class NewRepairsSerializer(NewRepairSerializer):
    worker = serializers.UUIDField()


class ProjectPreviewSerializer(serializers.Serializer[Any]):
    project = serializers.UUIDField()
    preview = RepairPreviewSerializer()


class ProjectPreviewsSerializer(serializers.Serializer[Any]):
    projects = ProjectPreviewSerializer(many=True, help_text="Those with answers to void")


class StartedRepairSerializer(RepairSerializer):
    project = serializers.UUIDField(source="project.public_id")


class StartedRepairsSerializer(serializers.Serializer[Any]):
    repairs = StartedRepairSerializer(many=True)


class RepairPreviewsView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=OfOrganisationSerializer,
        bodies=examples.REPAIR_PREVIEWS,
        responses=ProjectPreviewsSerializer,
        repeatable="It changes nothing, however often it is sent.",
        summary="Preview voiding a worker's answers in all projects",
    )
    def post(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """Of all projects of the organization that are not archived."""
        organisation = organisation_of(request, organisation_id, Role.MANAGER)
        data = valid(OfOrganisationSerializer(data=request.data))
        worker = worker_of_organisation(organisation=organisation, public_id=data["worker"])
        rows = []
        for project in projects_of_worker(organisation=organisation, worker=worker):
            preview = preview_repair(project=project, worker=worker, since=data["since"])
            if preview.answers:
                rows.append({"project": project.public_id, "preview": _previewed(preview)})
        return Response({"projects": rows})


class OrganisationRepairsView(View):
    scopes = {"POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        organisation_of(request, ids["organisation_id"], Role.MANAGER)

    @operation(
        request=NewRepairsSerializer,
        bodies=examples.REPAIRS,
        responses={202: StartedRepairsSerializer},
        summary="Void a worker's answers in all projects",
    )
    def post(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """In all projects of the organization that are not archived, or in none: one repair for each."""
        organisation = organisation_of(request, organisation_id, Role.MANAGER)
        data = valid(NewRepairsSerializer(data=request.data))
        worker = worker_of_organisation(organisation=organisation, public_id=data.pop("worker"))
        started = start_repairs(organisation=organisation, worker=worker, by=actor_of(request), **data)
        shape = StartedRepairSerializer().to_representation
        return Response({"repairs": [shape(row) for row in started]}, status=status.HTTP_202_ACCEPTED)


class RepairsView(View):
    @listing(
        RepairSerializer,
        filters=[
            one_of("state", Repair.State),
            by_id("worker", "worker__public_id", what="a worker", is_indexed=True),
            *created(),
        ],
        summary="Repairs of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        rows = repairs_of(project=project).order_by().prefetch_related("releases__snapshot")
        return page_at_once(request, rows, _shapes, order=ByNewest)


class RepairView(View):
    @operation(responses=RepairSerializer, summary="A repair")
    def get(self, request: Request, project_id: uuid.UUID, repair_id: uuid.UUID) -> Response:
        return Response(RepairSerializer(_repair(request, project_id, repair_id)).data)


class UndoPreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=None,
        responses=UndoPreviewSerializer,
        repeatable="It changes nothing, however often it is sent.",
        summary="Preview undoing a repair",
    )
    def post(self, request: Request, project_id: uuid.UUID, repair_id: uuid.UUID) -> Response:
        return Response(_undo_previewed(preview_undo(repair=_repair(request, project_id, repair_id))))


class UndoView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=UndoSerializer,
        bodies=examples.UNDO,
        responses={202: RepairSerializer},
        summary="Undo a repair",
    )
    def post(self, request: Request, project_id: uuid.UUID, repair_id: uuid.UUID) -> Response:
        """Labels and verdicts become what they were, unless people have decided about the image since."""
        repair = _repair(request, project_id, repair_id)
        reason = valid(UndoSerializer(data=request.data))["reason"]
        undone = undo_repair(repair=repair, by=actor_of(request), reason=reason)
        return Response(RepairSerializer(undone).data, status=status.HTTP_202_ACCEPTED)


def _worker(request: Request, project_id: uuid.UUID, worker_id: uuid.UUID) -> tuple[Project, Actor]:
    project = project_of(request, project_id, Role.MANAGER)
    return project, get_worker_standing(project=project, public_id=worker_id).worker


def _repair(request: Request, project_id: uuid.UUID, repair_id: uuid.UUID) -> Repair:
    return project_repair(project=project_of(request, project_id, Role.MANAGER), public_id=repair_id)


def _shapes(rows: list[Repair]) -> list[Any]:
    shape = RepairSerializer().to_representation
    return [shape(row) for row in rows]


def _previewed(preview: RepairPreview) -> dict[str, Any]:
    names = ("since", "answers", "kept", "changed", "reopened", "waiting", "unapproved", "missing", "currency")
    return {name: getattr(preview, name) for name in names} | {
        "cost": str(preview.cost),
        "over_budget": str(preview.budget.missing),
        "paid": str(preview.paid),
        "releases": _releases(preview.releases),
        "estimated": preview.is_estimate,
    }


def _undo_previewed(preview: UndoPreview) -> dict[str, Any]:
    names = ("answers", "restored", "recomputed", "surplus", "ended", "currency")
    return {name: getattr(preview, name) for name in names} | {
        "paid": str(preview.paid),
        "releases": _releases(preview.releases),
    }


def _releases(labels: Mapping[Snapshot, int]) -> list[dict[str, Any]]:
    rows = [{"id": row.public_id, "number": row.number, "labels": number} for row, number in labels.items()]
    return sorted(rows, key=lambda row: row["number"])
