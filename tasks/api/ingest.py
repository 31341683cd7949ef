"""Imports and ground truth."""

import hashlib
import io
import json
import os
import tempfile
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from kernel.errors import NotFound
from projects.models import Project
from storage.models import Blob
from storage.temporary_files import spool_folder
from tasks.api.access import View, actor_of, project_of
from tasks.api.described import ImportMetadataField, WorkProgressSerializer
from tasks.api.filters import created, one_of, prefix
from tasks.api.idempotent import PARAMETER, require_key, respond_once
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.parsers import UploadParser
from tasks.api.request_bodies import valid
from tasks.flow.ground_truth import GroundTruthReport, import_ground_truth
from tasks.ingest.models import Import
from tasks.ingest.selectors import MAX_ITEMS_SHOWN, files_not_added, import_report, imports_of
from tasks.ingest.services import (
    StagedFile,
    add_metadata,
    add_staged,
    add_staged_archive,
    finish_upload,
    resume_import,
    stage_archive,
    stage_file,
    start_import,
)
from tasks.ingest.tables import MAX_BYTES

# Label files are read into memory; a COCO file of a hundred thousand images with ten boxes each has about this size.
MAX_TRUTH = 256 * 1024 * 1024


class ImportUploadSerializer(serializers.Serializer[Any]):
    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), required=False, help_text="Images"
    )
    paths = serializers.ListField(
        child=serializers.CharField(max_length=1024, trim_whitespace=False),
        required=False,
        help_text="One name per file, in the same order",
    )
    archive = serializers.FileField(required=False, help_text="A ZIP archive of images")
    metadata = serializers.FileField(required=False, help_text="A CSV file with a column of file names")
    keep_together = serializers.ChoiceField(
        choices=Import.KeepTogether.choices,
        default=Import.KeepTogether.NOTHING,
        help_text="Images that workers get together, in the order of their names: those of a folder, or those with the"
        " same value in a column of the metadata. They also share a split in releases",
    )
    group_column = serializers.CharField(
        max_length=100, required=False, help_text="The column, if images are kept together by one"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("files") and not attrs.get("archive"):
            raise serializers.ValidationError("Send images as `files`, or a ZIP archive of them as `archive`.")
        if attrs.get("paths") and len(attrs["paths"]) != len(attrs.get("files", [])):
            raise serializers.ValidationError("Send one entry in `paths` per entry in `files`, in the same order.")
        return attrs


class ImportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    state = serializers.ChoiceField(choices=Import.State.choices)
    origin = serializers.ChoiceField(source="source", choices=Import.Source.choices)
    keep_together = serializers.ChoiceField(choices=Import.KeepTogether.choices)
    group_column = serializers.CharField(allow_blank=True)
    total = serializers.IntegerField()
    taken = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    refused = serializers.IntegerField()
    progress = WorkProgressSerializer(help_text="Files that have been checked")
    error = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class LeftOutSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["refused", "duplicate"])
    code = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True, help_text="What is wrong with the file and how to fix it")


class ImportReportSerializer(ImportSerializer):
    stalled = serializers.BooleanField(help_text="Whether its job has given up; resume the import to continue")
    waiting = serializers.IntegerField()
    note = serializers.CharField(allow_blank=True, help_text="How names were read whose encoding had to be guessed")
    items = LeftOutSerializer(
        many=True, help_text="The first 1,000 files that were not accepted; `files/` lists them all"
    )
    metadata = ImportMetadataField(
        help_text="Number of files named in the table, names that match no file, and names that match ambiguously"
    )


class TruthUploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="COCO JSON or Pascal VOC XML, or a ZIP archive of such files")
    as_gold = serializers.DecimalField(
        max_digits=9,
        decimal_places=4,
        min_value=Decimal(0),
        default=Decimal("0.1"),
        help_text="How many images become check images: a share up to 1, or a whole number above 1",
    )
    seed = serializers.IntegerField(
        default=0, min_value=0, max_value=2**31, help_text="The same seed selects the same images"
    )

    def validate_as_gold(self, value: Decimal) -> int | float:
        if value > 1 and value != value.to_integral_value():
            raise serializers.ValidationError("A value above 1 is a number of images and must be a whole number.")
        return int(value) if value > 1 else float(value)


class TruthProblemSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The image or the label file")
    reason = serializers.CharField()
    location = serializers.CharField(
        allow_blank=True, help_text="The label file and the entry in it, if the reason is about one"
    )
    severity = serializers.ChoiceField(
        choices=["error", "warning"], help_text="Labels with an error were not used, those with a warning were"
    )


class TruthReportSerializer(serializers.Serializer[Any]):
    reader = serializers.CharField(help_text="The detected format")
    records = serializers.IntegerField(help_text="Images that the file has labels for")
    matched = serializers.IntegerField(help_text="Of these, images of the project with usable labels")
    golds = serializers.IntegerField(help_text="Number of check images created")
    unmatched = serializers.ListField(
        child=serializers.CharField(), help_text="The first 1,000 names that match no image"
    )
    unmatched_count = serializers.IntegerField(help_text="Number of names that match no image")
    unknown_classes = serializers.ListField(child=serializers.CharField())
    problems = TruthProblemSerializer(
        many=True, help_text="The first 1,000 labels that cannot be used, and why, then warnings about those that were"
    )
    problem_count = serializers.IntegerField(help_text="Number of problems and warnings")


class ImportsView(View):
    scopes = {"POST": "manage"}
    parser_classes = (UploadParser,)
    max_body = settings.UPLOAD_MAX_BYTES

    @listing(
        ImportSerializer,
        filters=[one_of("state", Import.State), one_of("origin", Import.Source, "source"), *created()],
        summary="Imports into a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        return page(request, imports_of(project=project), ImportSerializer().to_representation)

    @operation(
        parameters=[PARAMETER],
        request={"multipart/form-data": ImportUploadSerializer},
        responses={202: ImportReportSerializer},
        summary="Import images",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Stores the files at once; a job then validates them. Poll the import's report for the result of each file."""
        project = project_of(request, project_id, Role.MANAGER)
        require_key(request)
        data = valid(ImportUploadSerializer(data=request.data))
        # Store before the idempotent transaction: files are slow, and storing equal content again has no effect.
        files = data.get("files", [])
        names = data.get("paths") or [file.name for file in files]
        staged = [stage_file(name=name, source=file.file) for name, file in zip(names, files, strict=True)]
        upload = data.get("archive")
        archive = stage_archive(source=upload.file, name=upload.name) if upload else None
        metadata = data["metadata"].read(MAX_BYTES + 1) if data.get("metadata") else None
        grouping = {"keep_together": data["keep_together"], "group_column": data.get("group_column", "")}

        def act() -> tuple[int, dict[str, Any]]:
            source = Import.Source.ARCHIVE if archive else Import.Source.FILES
            batch_import = start_import(project=project, by=actor_of(request), source=source, **grouping)
            for file in staged:
                add_staged(batch_import=batch_import, staged=file)
            if archive:
                add_staged_archive(batch_import=batch_import, archive=archive)
            if metadata is not None:
                add_metadata(batch_import=batch_import, source=io.BytesIO(metadata))
            finish_upload(batch_import=batch_import)
            return status.HTTP_202_ACCEPTED, _import_report(batch_import)

        body_sha256 = _hash_of(staged, archive, metadata, grouping)
        return respond_once(request, operation=f"import:{project.pk}", body_sha256=body_sha256, act=act)


class ImportView(View):
    @operation(responses=ImportReportSerializer, summary="An import's report")
    def get(self, request: Request, import_id: uuid.UUID) -> Response:
        return Response(_import_report(_import(request, import_id)))


class ImportFilesView(View):
    @listing(
        LeftOutSerializer,
        filters=[one_of("state", ["refused", "duplicate"], is_indexed=True), prefix("name")],
        summary="The files of an import that were not added",
    )
    def get(self, request: Request, import_id: uuid.UUID) -> Response:
        rows = files_not_added(batch_import=_import(request, import_id))
        return page(request, rows, LeftOutSerializer().to_representation, newest_first=False)


class ResumeImportView(View):
    scopes = {"POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _import(request, ids["import_id"])

    @operation(request=None, responses={202: ImportReportSerializer}, summary="Resume a stalled import")
    def post(self, request: Request, import_id: uuid.UUID) -> Response:
        """Keeps the files accepted so far. Has no effect on an import whose job is still running."""
        batch_import = _import(request, import_id)
        resume_import(batch_import=batch_import)
        return Response(_import_report(batch_import), status=status.HTTP_202_ACCEPTED)


class TruthView(View):
    scopes = {"POST": "manage"}
    parser_classes = (UploadParser,)
    max_body = MAX_TRUTH

    @operation(
        request={"multipart/form-data": TruthUploadSerializer},
        responses=TruthReportSerializer,
        summary="Create check images from known labels",
        repeatable="Images of the sample that are check images already count, so a retry creates only those missing.",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(TruthUploadSerializer(data=request.data))
        with tempfile.TemporaryDirectory(dir=spool_folder(), prefix="annotary-truth-") as folder:
            # The suffix comes from the content; no part of the sender's file name reaches the file system.
            path = Path(folder) / f"truth{_label_suffix(data['file'])}"
            _save(data["file"], path)
            report = import_ground_truth(
                project=project,
                by=actor_of(request),
                path=path,
                as_gold=data["as_gold"],
                seed=data["seed"],
                name=data["file"].name,
            )
        return Response(TruthReportSerializer(_truth_report(report)).data)


def _save(upload: Any, path: Path) -> None:
    """Give an upload in the spool a second name; write one that is in memory."""
    if hasattr(upload, "temporary_file_path"):
        os.link(upload.temporary_file_path(), path)
    else:
        path.write_bytes(upload.read())


def _label_suffix(file: Any) -> str:
    """The suffix that the label readers expect of a single file; they detect an archive by its first bytes."""
    start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    return ".json" if start.startswith(b"{") else ".xml" if start.startswith(b"<") else ""


def _import(request: Request, import_id: uuid.UUID) -> Import:
    batch_import = Import.objects.defer("metadata").filter(public_id=import_id).first()
    if batch_import is None or batch_import.project_id is None:
        raise NotFound
    project_of(request, Project.objects.get(pk=batch_import.project_id).public_id, Role.MANAGER)
    return batch_import


def _import_report(batch_import: Import) -> dict[str, Any]:
    report = import_report(batch_import=batch_import)
    return {"origin": report.pop("source"), **report}


def _truth_report(report: GroundTruthReport) -> dict[str, Any]:
    return {
        "reader": report.reader,
        "records": report.records,
        "matched": report.matched,
        "golds": len(report.golds),
        "unmatched": report.unmatched[:MAX_ITEMS_SHOWN],
        "unmatched_count": len(report.unmatched),
        "unknown_classes": report.unknown_classes,
        "problems": [
            {"name": each.file, "reason": each.sentence, "location": each.location, "severity": each.severity}
            for each in report.problems[:MAX_ITEMS_SHOWN]
        ],
        "problem_count": len(report.problems),
    }


def _hash_of(staged: list[StagedFile], archive: Blob | None, table: bytes | None, grouping: dict[str, str]) -> str:
    """Hash of the upload, by name and content; a file that was refused unread counts by its name alone.

    Without groups it is that of the version before, which retries over an upgrade must find.
    """
    parts = [[file.key, file.blob.sha256 if file.blob else ""] for file in staged]
    upload: list[Any] = [parts, archive.sha256 if archive else "", hashlib.sha256(table or b"").hexdigest()]
    if grouping["keep_together"] != Import.KeepTogether.NOTHING:
        upload.append(grouping)
    return hashlib.sha256(json.dumps(upload).encode()).hexdigest()
