"""Releases and their exports."""

import base64
import uuid
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from annotary_core.formats.registry import FORMATS
from kernel.errors import NotFound
from kernel.progress import Progress
from storage.views import blob_response
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.described import ExportReportField, ReleaseCountsField, WorkProgressSerializer
from tasks.api.errors import ExportNotReady
from tasks.api.filters import Filter, created, one_of
from tasks.api.negotiation import OCTETS, as_negotiated, file_types
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page_at_once
from tasks.api.request_bodies import valid
from tasks.exports.models import Export
from tasks.exports.selectors import download_name, exports_of, file_of
from tasks.exports.selectors import progress_of as export_progress
from tasks.exports.services import request_export
from tasks.repair.change_selectors import IN_FORCE as CHANGES_IN_FORCE
from tasks.repair.selectors import IN_FORCE
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import progress_of as snapshot_progress
from tasks.snapshots.services import create_snapshot, retract


class VoidLabelsSerializer(serializers.Serializer[Any]):
    repair = serializers.UUIDField()
    at = serializers.DateTimeField()
    labels = serializers.IntegerField(help_text="Labels of the release that rest on answers which are void now")


class ChangedLabelsSerializer(serializers.Serializer[Any]):
    change = serializers.UUIDField()
    at = serializers.DateTimeField()
    labels = serializers.IntegerField(help_text="Labels of the release with classes that were changed since")


class ReleaseSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    number = serializers.IntegerField()
    state = serializers.CharField()
    content_hash = serializers.CharField()
    items = serializers.IntegerField(source="items_count")
    counts = ReleaseCountsField(help_text="Images and objects by class, split and kind of review")
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.SerializerMethodField()
    retracted = serializers.SerializerMethodField()
    voided = serializers.SerializerMethodField()
    class_changes = serializers.SerializerMethodField()

    @extend_schema_field(WorkProgressSerializer(allow_null=True, help_text="Null for a release that failed"))
    def get_progress(self, snapshot: Snapshot) -> Any:
        known = self.context.get("progress") or snapshot_progress(snapshots=[snapshot])
        return _as_json(known[snapshot.pk])

    def get_retracted(self, snapshot: Snapshot) -> bool:
        return any(note.retracts for note in snapshot.notes.all())

    @extend_schema_field(VoidLabelsSerializer(many=True, help_text="Voided after the release, which does not change"))
    def get_voided(self, snapshot: Snapshot) -> Any:
        marks = [mark for mark in snapshot.repairs.all() if mark.labels and mark.repair.state in IN_FORCE]
        return [
            {"repair": str(mark.repair.public_id), "at": mark.repair.created_at, "labels": mark.labels}
            for mark in marks
        ]

    @extend_schema_field(
        ChangedLabelsSerializer(many=True, help_text="Changed after the release, which has the classes as they were")
    )
    def get_class_changes(self, snapshot: Snapshot) -> Any:
        marks = [mark for mark in snapshot.class_changes.all() if mark.labels and mark.change.state in CHANGES_IN_FORCE]
        return [
            {"change": str(mark.change.public_id), "at": mark.change.created_at, "labels": mark.labels}
            for mark in marks
        ]


class ExportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    release = serializers.UUIDField(source="snapshot.public_id")
    format = serializers.CharField()
    state = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes")
    report = ExportReportField(help_text="Counts, and labels that the format cannot represent")
    error = serializers.CharField()
    ready_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.SerializerMethodField()

    @extend_schema_field(WorkProgressSerializer(allow_null=True, help_text="Null for an export that failed"))
    def get_progress(self, export: Export) -> Any:
        known = self.context.get("progress") or export_progress(exports=[export])
        return _as_json(known[export.pk])


class NewExportSerializer(serializers.Serializer[Any]):
    format = serializers.CharField(max_length=20)


class RetractSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class ReleasesView(View):
    scopes = {"POST": "manage"}

    @listing(
        ReleaseSerializer,
        filters=[
            one_of("state", Snapshot.State),
            Filter("number", "number", "Number of the release", kind=int, is_indexed=True),
            *created(),
        ],
        summary="Releases of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.CLIENT)
        rows = Snapshot.objects.filter(project=project).prefetch_related(
            "notes", "repairs__repair", "class_changes__change"
        )
        return page_at_once(request, rows, _releases, order=ByNewest)

    @operation(request=None, responses={202: ReleaseSerializer}, summary="Create a release")
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        snapshot = create_snapshot(project=project, by=actor_of(request))
        return Response(ReleaseSerializer(snapshot).data, status=status.HTTP_202_ACCEPTED)


class ReleaseView(View):
    @operation(responses=ReleaseSerializer, summary="A release")
    def get(self, request: Request, release_id: uuid.UUID) -> Response:
        return Response(ReleaseSerializer(_release(request, release_id, Role.CLIENT)).data)


class RetractView(View):
    scopes = {"POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _release(request, ids["release_id"], Role.MANAGER)

    @operation(
        request=RetractSerializer, bodies=examples.RETRACT, responses=ReleaseSerializer, summary="Retract a release"
    )
    def post(self, request: Request, release_id: uuid.UUID) -> Response:
        snapshot = _release(request, release_id, Role.MANAGER)
        data = valid(RetractSerializer(data=request.data))
        retract(snapshot=snapshot, by=actor_of(request), reason=data["reason"])
        return Response(ReleaseSerializer(_release(request, release_id, Role.MANAGER)).data)


class ExportsView(View):
    scopes = {"POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _release(request, ids["release_id"], Role.MANAGER)

    @listing(
        ExportSerializer,
        filters=[one_of("format", sorted(FORMATS)), one_of("state", Export.State)],
        summary="Exports of a release",
    )
    def get(self, request: Request, release_id: uuid.UUID) -> Response:
        snapshot = _release(request, release_id, Role.CLIENT)
        return page_at_once(request, exports_of(snapshot=snapshot), _exports, order=ByNewest)

    @operation(
        request=NewExportSerializer,
        bodies=examples.EXPORT,
        responses={202: ExportSerializer},
        summary="Export a release in a format",
    )
    def post(self, request: Request, release_id: uuid.UUID) -> Response:
        snapshot = _release(request, release_id, Role.MANAGER)
        data = valid(NewExportSerializer(data=request.data))
        export = request_export(snapshot=snapshot, format=data["format"], by=actor_of(request))
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)


class ExportView(View):
    @operation(responses=ExportSerializer, summary="An export")
    def get(self, request: Request, export_id: uuid.UUID) -> Response:
        return Response(ExportSerializer(_export(request, export_id)).data)


class DownloadView(View):
    produces = ("application/zip", OCTETS)

    @operation(responses=file_types(*produces), summary="Download an export")
    def get(self, request: Request, export_id: uuid.UUID) -> HttpResponseBase:
        export = _export(request, export_id)
        file = file_of(export)
        if file is None:
            raise ExportNotReady
        response = blob_response(request=request._request, blob=file, name=download_name(export), download=True)
        response["Repr-Digest"] = f"sha-256=:{_base64(export.sha256)}:"
        return as_negotiated(request, response, self.produces)


def _releases(rows: list[Snapshot]) -> list[dict[str, Any]]:
    serializer = ReleaseSerializer(context={"progress": snapshot_progress(snapshots=rows)})
    return [serializer.to_representation(row) for row in rows]


def _exports(rows: list[Export]) -> list[dict[str, Any]]:
    serializer = ExportSerializer(context={"progress": export_progress(exports=rows)})
    return [serializer.to_representation(row) for row in rows]


def _as_json(progress: Progress | None) -> dict[str, Any] | None:
    return progress.as_json() if progress else None


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _release(request: Request, release_id: uuid.UUID, role: str) -> Snapshot:
    snapshot = (
        Snapshot.objects.select_related("project")
        .prefetch_related("notes", "repairs__repair", "class_changes__change")
        .filter(public_id=release_id)
        .first()
    )
    if snapshot is None:
        raise NotFound
    project_of(request, snapshot.project.public_id, role)
    return snapshot


def _export(request: Request, export_id: uuid.UUID) -> Export:
    export = Export.objects.select_related("project", "snapshot", "blob", "frame").filter(public_id=export_id).first()
    if export is None:
        raise NotFound
    project_of(request, export.project.public_id, Role.CLIENT)
    return export
