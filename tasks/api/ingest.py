"""Imports, truth and images."""

import hashlib
import tempfile
import uuid
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from kernel.errors import NotFound
from projects.models import Project
from storage.services import open_blob
from tasks.api.access import View, actor_of, project_of
from tasks.api.idempotent import PARAMETER, answer_once
from tasks.api.pagination import page
from tasks.api.shapes import valid
from tasks.flow.truth import import_truth
from tasks.ingest.models import Image, Import
from tasks.ingest.selectors import import_report
from tasks.ingest.services import add_archive, add_file, add_metadata, finish_upload, start_import


class ImportRequestSerializer(serializers.Serializer[Any]):
    files = serializers.ListField(child=serializers.FileField(), required=False, help_text="Images")
    paths = serializers.ListField(
        child=serializers.CharField(max_length=1024), required=False, help_text="A name for each file, in order"
    )
    archive = serializers.FileField(required=False, help_text="A zip of images")
    metadata = serializers.FileField(required=False, help_text="A CSV with a column of file names")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("files") and not attrs.get("archive"):
            raise serializers.ValidationError("Send images as `files`, or a zip of them as `archive`.")
        if attrs.get("paths") and len(attrs["paths"]) != len(attrs.get("files", [])):
            raise serializers.ValidationError("Send one of `paths` for each of `files`, in the same order.")
        return attrs


class ImportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()
    total = serializers.IntegerField()
    taken = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    refused = serializers.IntegerField()
    error = serializers.CharField()
    items = serializers.ListField(child=serializers.DictField(), help_text="Files not taken, each with its reason")


class TruthRequestSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="COCO JSON, or a zip of VOC XML files")
    as_gold = serializers.FloatField(min_value=0, default=0.1, help_text="A share up to 1, or a number above 1")
    seed = serializers.IntegerField(default=0)


class ImageSerializer(serializers.ModelSerializer[Image]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Image
        fields = ("id", "source_key", "metadata", "width", "height", "sha256", "quality", "created_at")


class ImportsView(View):
    scopes = {"POST": "manage"}
    parser_classes = (MultiPartParser,)

    @extend_schema(responses=ImportSerializer(many=True), summary="Imports into a project")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        rows = Import.objects.filter(project_id=project.pk)
        return page(request, rows, _report)

    @extend_schema(
        operation_id="projects_imports_create",
        parameters=[PARAMETER],
        request={"multipart/form-data": ImportRequestSerializer},
        responses={202: ImportSerializer},
        summary="Bring images in",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        given = valid(ImportRequestSerializer(data=request.data))

        def act() -> tuple[int, dict[str, Any]]:
            source = Import.Source.ARCHIVE if given.get("archive") else Import.Source.FILES
            batch_import = start_import(project=project, by=actor_of(request), source=source)
            names = given.get("paths") or [file.name for file in given.get("files", [])]
            for name, file in zip(names, given.get("files", []), strict=True):
                add_file(batch_import=batch_import, name=name, source=file.file)
            if given.get("archive"):
                add_archive(batch_import=batch_import, source=given["archive"].file, name=given["archive"].name)
            if given.get("metadata"):
                add_metadata(batch_import=batch_import, source=given["metadata"].file)
            finish_upload(batch_import=batch_import)
            return status.HTTP_202_ACCEPTED, _report(batch_import)

        files = [*given.get("files", []), given.get("archive"), given.get("metadata")]
        return answer_once(
            request,
            operation=f"import:{project.pk}",
            body_sha256=_hash_of([file for file in files if file is not None]),
            act=act,
        )


class ImportView(View):
    @extend_schema(responses=ImportSerializer, summary="An import's report")
    def get(self, request: Request, import_id: uuid.UUID) -> Response:
        batch_import = Import.objects.filter(public_id=import_id).first()
        if batch_import is None or batch_import.project_id is None:
            raise NotFound
        _project_by_pk(request, batch_import.project_id, Role.MANAGER)
        return Response(_report(batch_import))


class TruthView(View):
    scopes = {"POST": "manage"}
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": TruthRequestSerializer},
        responses=dict[str, Any],
        summary="Make check images from known labels",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        given = valid(TruthRequestSerializer(data=request.data))
        with tempfile.TemporaryDirectory(prefix="annotary-truth-") as folder:
            path = Path(folder) / ("truth" + Path(given["file"].name).suffix.lower())
            with path.open("wb") as target:
                for chunk in given["file"].chunks():
                    target.write(chunk)
            report = import_truth(
                project=project, by=actor_of(request), path=path, as_gold=given["as_gold"], seed=given["seed"]
            )
        return Response(report.to_json())


class ImagesView(View):
    @extend_schema(responses=ImageSerializer(many=True), summary="Images of a project")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.CLIENT)
        rows = Image.objects.filter(dataset_id=project.dataset_id)
        return page(request, rows, lambda row: ImageSerializer(row).data, newest_first=False)


class ImageFileView(View):
    @extend_schema(
        parameters=[OpenApiParameter("kind", str, enum=["rendition", "thumb", "release"])],
        responses={(200, "image/*"): OpenApiTypes.BINARY},
        summary="The pixels of an image",
    )
    def get(self, request: Request, image_id: uuid.UUID) -> HttpResponseBase:
        image = Image.objects.select_related("rendition", "thumb", "release").filter(public_id=image_id).first()
        kind = request.query_params.get("kind", "rendition")
        if image is None or kind not in {"rendition", "thumb", "release"}:
            raise NotFound
        project = image.dataset.projects.order_by("id").first()
        if project is None:
            raise NotFound
        project_of(request, project.public_id, Role.REVIEWER if kind != "release" else Role.CLIENT)
        return image_response(getattr(image, kind))


def image_response(blob: Any) -> FileResponse:
    """An image from storage: fixed type, no sniffing, private to this browser; the same headers for every image."""
    response = FileResponse(open_blob(blob), content_type=blob.content_type)
    response["Content-Length"] = str(blob.size)
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "private, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _report(batch_import: Import) -> dict[str, Any]:
    return {"id": str(batch_import.public_id), **import_report(batch_import=batch_import)}


def _project_by_pk(request: Request, pk: int, role: str) -> Any:
    project = Project.objects.filter(pk=pk).first()
    if project is None:
        raise NotFound
    return project_of(request, project.public_id, role)


def _hash_of(files: list[UploadedFile]) -> str:
    """Of names, sizes and contents; files are rewound."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.size}\0".encode())
        for chunk in file.chunks():
            digest.update(chunk)
        file.seek(0)
    return digest.hexdigest()
