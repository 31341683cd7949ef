"""Changes of classes: renaming, merging, splitting and retiring them, with a preview, and undoing that."""

import uuid
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from annotary_core.labels.schema import MAX_CLASSES
from projects.class_edits import ClassEdit, described
from projects.classes import ClassSpec
from projects.selectors import class_names
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.filters import created, one_of
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page_at_once
from tasks.api.repairs import MarkedReleaseSerializer, UndoSerializer
from tasks.api.request_bodies import valid
from tasks.flow.class_change import start_class_change, undo_class_change
from tasks.flow.class_change_preview import ClassChangePreview, preview_class_change, preview_class_undo
from tasks.repair.change_models import ClassChange
from tasks.repair.change_selectors import changes_of, project_change
from tasks.repair.models import MAX_REASON
from tasks.snapshots.models import Snapshot

MOST = 2**31 - 1


class NewClassSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False)


class ClassEditSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ClassChange.Kind.choices)
    classes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST),
        min_length=1,
        max_length=MAX_CLASSES,
        help_text="Numbers of the classes to change; one to rename or to split",
    )
    into = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST, help_text="To merge: number of the class that they become part of"
    )
    name = serializers.CharField(required=False, max_length=120, help_text="To rename: the new name")
    new = NewClassSerializer(many=True, required=False, help_text="To split: the new classes, at least two")
    labels = serializers.ChoiceField(
        required=False,
        choices=["keep", "ask_again"],
        default="keep",
        help_text="To split or retire: whether labels of the class stay as they are, or their images are labeled again",
    )


class NewClassChangeSerializer(ClassEditSerializer):
    version = serializers.IntegerField(
        min_value=1, max_value=MOST, help_text="Version of the schema that you looked at; another one is a 409"
    )
    reason = serializers.CharField(max_length=MAX_REASON)


class ReadClassSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    name = serializers.CharField(allow_blank=True)
    read_as = serializers.IntegerField(
        allow_null=True, help_text="The class that it is read as; null if answers that name it say nothing any more"
    )


class ClassChangePreviewSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="Version of the schema, for the change itself")
    mapping = ReadClassSerializer(many=True, help_text="How answers that name the classes are read")
    labels = serializers.IntegerField(help_text="Labels with one of the classes")
    approved = serializers.IntegerField(help_text="Approved ones among them")
    answers = serializers.IntegerField(help_text="Answers of workers that name one of the classes")
    predictions = serializers.IntegerField(help_text="Predictions of models that name one of the classes")
    golds = serializers.IntegerField(help_text="Check images that accept nothing but one of the classes")
    recomputed = serializers.IntegerField(help_text="Finished images that are relabeled")
    changed = serializers.IntegerField(help_text="Those of them whose label gets another content")
    proposed = serializers.IntegerField(help_text="Approved labels for which another content is proposed")
    reopened = serializers.IntegerField(help_text="Images that are labeled again")
    waiting = serializers.IntegerField(help_text="Images that are not finished yet and need another answer")
    missing = serializers.IntegerField(help_text="Answers that are asked for")
    cost = serializers.CharField(help_text="What these cost, with the expected share of check images")
    over_budget = serializers.CharField(help_text="By how much the project would exceed its budget; 0 if it does not")
    currency = serializers.CharField()
    releases = MarkedReleaseSerializer(many=True, help_text="Releases with labels of the classes; they never change")
    estimated = serializers.BooleanField(help_text="Whether changed and proposed were estimated from a sample")


class ClassUndoPreviewSerializer(serializers.Serializer[Any]):
    restored = serializers.IntegerField(help_text="Images whose label and verdict become what they were")
    recomputed = serializers.IntegerField(help_text="Images whose label is computed from all of their answers")
    surplus = serializers.IntegerField(help_text="Answers that came in between, stay paid, and count no more")
    ended = serializers.IntegerField(help_text="Images in sets that nobody needs any more")
    releases = MarkedReleaseSerializer(many=True, help_text="Releases that are not marked any more")


class ClassChangeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    kind = serializers.ChoiceField(choices=ClassChange.Kind.choices)
    state = serializers.ChoiceField(choices=ClassChange.State.choices)
    mapping = serializers.SerializerMethodField()
    version_before = serializers.IntegerField(source="before.version", help_text="Version of the schema before")
    version_after = serializers.IntegerField(source="after.version")
    images = serializers.IntegerField(help_text="Images that are dealt with")
    reason = serializers.CharField()
    created_by = serializers.UUIDField(source="created_by.public_id")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    undo_reason = serializers.CharField(allow_blank=True)
    undone_by = serializers.UUIDField(source="undone_by.public_id", allow_null=True, default=None)
    undone_at = serializers.DateTimeField(allow_null=True)
    releases = serializers.SerializerMethodField()

    @extend_schema_field(ReadClassSerializer(many=True))
    def get_mapping(self, change: ClassChange) -> Any:
        names = {row["number"]: row["name"] for row in change.before.body["classes"]}
        return described(change.mapping, names)

    @extend_schema_field(MarkedReleaseSerializer(many=True))
    def get_releases(self, change: ClassChange) -> Any:
        return _releases({mark.snapshot: mark.labels for mark in change.releases.all() if mark.labels})


class ClassChangePreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=ClassEditSerializer,
        bodies=examples.CLASS_EDIT,
        responses=ClassChangePreviewSerializer,
        repeatable="It changes nothing, however often it is sent.",
        summary="Preview a change of classes",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        edit = _edit(valid(ClassEditSerializer(data=request.data)))
        preview = preview_class_change(project=project, edit=edit)
        return Response(_previewed(preview, class_names(project=project)))


class ClassChangesView(View):
    scopes = {"POST": "manage"}

    @listing(
        ClassChangeSerializer,
        filters=[one_of("state", ClassChange.State), one_of("kind", ClassChange.Kind), *created()],
        summary="Changes of classes",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        rows = changes_of(project=project).order_by().prefetch_related("releases__snapshot")
        return page_at_once(request, rows, _shapes, order=ByNewest)

    @operation(
        request=NewClassChangeSerializer,
        bodies=examples.CLASS_CHANGE,
        responses={202: ClassChangeSerializer},
        summary="Rename, merge, split or retire classes",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """From the response on, earlier answers are read by the mapping. A job brings the labels up to date.

        Releases wait until it has ended. Read the change to see its state.
        """
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(NewClassChangeSerializer(data=request.data))
        change = start_class_change(
            project=project, by=actor_of(request), edit=_edit(data), reason=data["reason"], version=data["version"]
        )
        return Response(ClassChangeSerializer(change).data, status=status.HTTP_202_ACCEPTED)


class ClassChangeView(View):
    @operation(responses=ClassChangeSerializer, summary="A change of classes")
    def get(self, request: Request, project_id: uuid.UUID, change_id: uuid.UUID) -> Response:
        return Response(ClassChangeSerializer(_change(request, project_id, change_id)).data)


class ClassUndoPreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=None,
        responses=ClassUndoPreviewSerializer,
        repeatable="It changes nothing, however often it is sent.",
        summary="Preview undoing a change of classes",
    )
    def post(self, request: Request, project_id: uuid.UUID, change_id: uuid.UUID) -> Response:
        preview = preview_class_undo(change=_change(request, project_id, change_id))
        names = ("restored", "recomputed", "surplus", "ended")
        body = {name: getattr(preview, name) for name in names}
        return Response(body | {"releases": _releases(preview.releases)})


class ClassUndoView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=UndoSerializer,
        bodies=examples.UNDO,
        responses={202: ClassChangeSerializer},
        summary="Undo a change of classes",
    )
    def post(self, request: Request, project_id: uuid.UUID, change_id: uuid.UUID) -> Response:
        """The newest one in force. Labels and verdicts become what they were, unless people have decided since."""
        change = _change(request, project_id, change_id)
        reason = valid(UndoSerializer(data=request.data))["reason"]
        undone = undo_class_change(change=change, by=actor_of(request), reason=reason)
        return Response(ClassChangeSerializer(undone).data, status=status.HTTP_202_ACCEPTED)


def _edit(data: Mapping[str, Any]) -> ClassEdit:
    return ClassEdit(
        kind=data["kind"],
        numbers=tuple(data["classes"]),
        into=data.get("into"),
        name=data.get("name", ""),
        new=tuple(ClassSpec(row["name"], row.get("color")) for row in data.get("new", ())),
        labels=data["labels"],
    )


def _change(request: Request, project_id: uuid.UUID, change_id: uuid.UUID) -> ClassChange:
    return project_change(project=project_of(request, project_id, Role.MANAGER), public_id=change_id)


def _shapes(rows: list[ClassChange]) -> list[Any]:
    shape = ClassChangeSerializer().to_representation
    return [shape(row) for row in rows]


def _previewed(preview: ClassChangePreview, names: Mapping[int, str]) -> dict[str, Any]:
    plain = ("version", "labels", "approved", "answers", "predictions", "golds", "recomputed", "changed", "proposed")
    figures = (*plain, "reopened", "waiting", "missing", "currency")
    return {name: getattr(preview, name) for name in figures} | {
        "mapping": described(preview.mapping.to_json(), names),
        "cost": str(preview.cost),
        "over_budget": str(preview.budget.missing),
        "releases": _releases(preview.releases),
        "estimated": preview.is_estimate,
    }


def _releases(labels: Mapping[Snapshot, int]) -> list[dict[str, Any]]:
    rows = [{"id": row.public_id, "number": row.number, "labels": number} for row, number in labels.items()]
    return sorted(rows, key=lambda row: row["number"])
