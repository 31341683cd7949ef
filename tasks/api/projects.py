"""Projects: create, read, change policies, classes and instructions; figures and workers."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Role
from accounts.selectors import require_role
from annotary_core.labels.shapes import tool_names
from projects.models import AnswersMode, Project
from projects.policies import POLICIES, IntegerRange, OneOf, OptionalTime
from projects.selectors import projects_of
from projects.services import (
    ClassSpec,
    change_classes,
    create_project,
    write_instructions,
)
from tasks.analytics.dashboard import project_figures
from tasks.analytics.worker_figures import worker_figures
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.accounts import pick_organisation
from tasks.api.described_reports import FiguresSerializer, WorkerFiguresSerializer
from tasks.api.filters import by_id, created, one_of, prefix
from tasks.api.operations import operation
from tasks.api.pagination import listing, page, page_at_once
from tasks.api.problems import ProblemSerializer
from tasks.api.request_bodies import body_of, valid
from tasks.flow.policy_change import change_project_policy
from tasks.flow.revocation import remove_worker
from tasks.standing.models import Standing
from tasks.standing.selectors import get_worker_standing, workers_of
from tasks.standing.services import confirm_pause, pause, resume

# Roles that may read a project: clients for its releases, reviewers for their work; managers include both.
READERS = (Role.CLIENT, Role.REVIEWER)


class PolicySerializer(serializers.Serializer[Any]):
    """The policies of a project, with the ranges that `projects.policies` enforces."""

    price = serializers.DecimalField(
        max_digits=14, decimal_places=6, required=False, help_text="Price of what `pay_by` says, as a string"
    )
    hourly_floor = serializers.DecimalField(
        max_digits=14,
        decimal_places=6,
        required=False,
        allow_null=True,
        help_text="What an hour pays at least, as a string; null for no floor",
    )
    currency = serializers.CharField(max_length=3, required=False)
    budget = serializers.DecimalField(
        max_digits=14,
        decimal_places=6,
        required=False,
        allow_null=True,
        help_text="What workers may earn in total, as a string; null for no limit",
    )
    answers_mode = serializers.ChoiceField(
        choices=AnswersMode.choices,
        required=False,
        help_text="`fixed`: every image gets `answers_min` answers, and `answers_max` is the same. `dynamic`: images"
        " whose workers disagree get more, up to `answers_max`, until `confidence_target` is reached",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for name, policy in POLICIES.items():
            if isinstance(policy, IntegerRange):
                fields[name] = serializers.IntegerField(
                    min_value=policy.low, max_value=policy.high, required=False, help_text=policy.label
                )
            elif isinstance(policy, OneOf):
                fields[name] = serializers.ChoiceField(choices=policy.words, required=False, help_text=policy.label)
            elif isinstance(policy, OptionalTime):
                fields[name] = serializers.DateTimeField(allow_null=True, required=False, help_text=policy.label)
            else:
                fields[name] = serializers.FloatField(
                    min_value=policy.low, max_value=policy.high, required=False, help_text=policy.label
                )
        return fields


class PolicyChangeSerializer(PolicySerializer):
    name = serializers.CharField(max_length=120, required=False, help_text="Another name")
    apply_to = serializers.ChoiceField(
        choices=["new", "open", "finished", "all"],
        required=False,
        help_text="Whether other answers per image apply to images added from now on (`new`), also to open images"
        " (`open`; `all` means the same), or also to answered and approved ones (`finished`). Images in draft batches"
        " always follow.",
    )


class OverlapUndecidedSerializer(ProblemSerializer):
    """The problem of a change that would also concern open images; nothing was saved."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            **super().get_fields(),
            "images": serializers.IntegerField(required=False, help_text="Open images that would change"),
            "answers": serializers.IntegerField(required=False, help_text="Answers more in total; negative if fewer"),
            "cost": serializers.CharField(required=False, help_text="What these answers cost, without check images"),
            "currency": serializers.CharField(required=False),
        }


class ClassSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(
        required=False, min_value=1, help_text="Number of an existing class, to rename it"
    )
    name = serializers.CharField(max_length=120)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False)


class SchemaSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    classes = ClassSerializer(many=True)
    tools = serializers.ListField(child=serializers.CharField(), help_text=f"Some of {', '.join(tool_names())}")
    attributes = serializers.ListField(child=serializers.CharField(), help_text="Not used yet: empty")


class NewProjectSerializer(serializers.Serializer[Any]):
    organisation = serializers.UUIDField(required=False, help_text="Required if you belong to several organizations")
    name = serializers.CharField(max_length=120)
    classes = ClassSerializer(many=True)
    tools = serializers.ListField(
        child=serializers.CharField(max_length=20),
        min_length=1,
        help_text=f"What workers label: one or more of {', '.join(tool_names())}",
    )
    instructions = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)
    policy = PolicySerializer(required=False)


class ClassesSerializer(serializers.Serializer[Any]):
    classes = ClassSerializer(many=True)


class InstructionsSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(read_only=True)
    body = serializers.CharField(max_length=20_000, allow_blank=True)
    important = serializers.BooleanField(
        source="is_important",
        default=False,
        help_text="Whether workers must confirm this version before they take their next set",
    )


class ProjectSerializer(PolicySerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    organisation = serializers.UUIDField(source="organisation.public_id", read_only=True)
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Project.State.choices)
    created_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was archived; an archived project is read-only until it is reopened"
    )
    schema = serializers.SerializerMethodField()
    instructions = serializers.SerializerMethodField()

    @extend_schema_field(SchemaSerializer(allow_null=True))
    def get_schema(self, project: Project) -> dict[str, Any] | None:
        return {"version": project.schema.version, **project.schema.body} if project.schema else None

    @extend_schema_field(InstructionsSerializer(allow_null=True))
    def get_instructions(self, project: Project) -> dict[str, Any] | None:
        if project.instructions is None:
            return None
        return dict(InstructionsSerializer(project.instructions).data)


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, required=False, default="Decided by a manager.", allow_blank=False)


class ProjectsView(View):
    scopes = {"POST": "manage"}

    @listing(
        ProjectSerializer,
        filters=[
            one_of("state", Project.State),
            by_id("organisation", "organisation__public_id", what="an organization"),
            prefix("name"),
            *created(),
        ],
        parameters=[
            OpenApiParameter(
                "archived", str, enum=["false", "true", "all"], description="Archived projects; false by default"
            )
        ],
        summary="Projects visible to me",
    )
    def get(self, request: Request) -> Response:
        as_client = projects_of(actor=actor_of(request), role=Role.CLIENT)
        rows = as_client | projects_of(actor=actor_of(request), role=Role.REVIEWER)
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(organisation_id=request.auth.organisation_id)
        wanted = request.query_params.get("archived", "false")
        if wanted != "all":
            rows = rows.filter(archived_at__isnull=wanted == "false")
        return page(request, rows, ProjectSerializer().to_representation)

    def check_replay(self, request: Request, body: Any) -> None:
        project_of(request, body["id"], Role.MANAGER)

    @operation(
        request=NewProjectSerializer,
        bodies=examples.PROJECT,
        responses={201: ProjectSerializer},
        summary="Create a project",
    )
    def post(self, request: Request) -> Response:
        data = valid(NewProjectSerializer(data=request.data))
        organisation = pick_organisation(request, data.get("organisation"))
        require_role(actor=actor_of(request), organisation_id=organisation.pk, role=Role.MANAGER)
        project = create_project(
            organisation=organisation,
            by=actor_of(request),
            name=data["name"],
            classes=_specs(data["classes"]),
            tools=data["tools"],
            instructions=data["instructions"],
            policy=body_of(request).get("policy"),
        )
        return Response(ProjectSerializer(project).data, status=status.HTTP_201_CREATED)


class ProjectView(View):
    scopes = {"PATCH": "manage"}

    @operation(responses=ProjectSerializer, summary="A project")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        return Response(ProjectSerializer(project_of(request, project_id, *READERS)).data)

    @operation(
        request=PolicyChangeSerializer,
        bodies=examples.POLICY,
        responses={200: ProjectSerializer, (409, "application/problem+json"): OverlapUndecidedSerializer},
        summary="Change the name or policies",
    )
    def patch(self, request: Request, project_id: uuid.UUID) -> Response:
        """If other answers per image would change open images, the first call is a 409 with their number and cost.

        Repeat it with `apply_to`.
        """
        project = project_of(request, project_id, Role.MANAGER)
        # The service parses and validates the values; this only reports the field if its type is wrong.
        data = valid(PolicyChangeSerializer(data=request.data))
        changes = {name: value for name, value in body_of(request).items() if name not in ("apply_to", "name")}
        changed, _ = change_project_policy(
            project=project, changes=changes, apply_to=data.get("apply_to"), name=data.get("name")
        )
        return Response(ProjectSerializer(changed).data)


class ClassesView(View):
    scopes = {"PUT": "manage"}

    @operation(
        request=ClassesSerializer, bodies=examples.CLASSES, responses=ProjectSerializer, summary="Change the classes"
    )
    def put(self, request: Request, project_id: uuid.UUID) -> Response:
        """Names that remain keep their number, missing names are retired, and numbers are never reused."""
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(ClassesSerializer(data=request.data))
        change_classes(project=project, by=actor_of(request), classes=_specs(data["classes"]))
        project.refresh_from_db()
        return Response(ProjectSerializer(project).data)


class InstructionsView(View):
    scopes = {"PUT": "manage"}

    @operation(
        request=InstructionsSerializer,
        bodies=examples.INSTRUCTIONS,
        responses=InstructionsSerializer,
        summary="Write instructions",
    )
    def put(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(InstructionsSerializer(data=request.data))
        version = write_instructions(project=project, by=actor_of(request), **data)
        return Response(InstructionsSerializer(version).data)


class FiguresView(View):
    @operation(responses=FiguresSerializer, summary="Progress, quality and cost")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        return Response(project_figures(project=project_of(request, project_id, Role.MANAGER)))


class WorkersView(View):
    @listing(
        WorkerFiguresSerializer,
        filters=[
            one_of("state", Standing.State, is_indexed=True),
            by_id("worker", "worker__public_id", what="a worker", is_indexed=True),
        ],
        summary="The workers of a project and their figures",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """In the order in which they joined."""
        project = project_of(request, project_id, Role.MANAGER)
        rows = workers_of(project=project)
        return page_at_once(request, rows, lambda standings: worker_figures(project=project, standings=standings))


class WorkerStateView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=ReasonSerializer,
        bodies=examples.REASON,
        responses={204: None},
        summary="Pause, resume or remove a worker, or confirm a pause",
    )
    def post(self, request: Request, project_id: uuid.UUID, worker_id: uuid.UUID, step: str) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        worker = get_worker_standing(project=project, public_id=worker_id).worker
        reason = valid(ReasonSerializer(data=request.data))["reason"]
        if step in ("resume", "confirm"):
            (resume if step == "resume" else confirm_pause)(project=project, worker=worker)
        else:
            (pause if step == "pause" else remove_worker)(project=project, worker=worker, reason=reason)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _specs(classes: list[dict[str, Any]]) -> list[ClassSpec]:
    return [ClassSpec(name=row["name"], color=row.get("color"), number=row.get("number")) for row in classes]
