"""Skills of workers, and the filters of projects that ask for them."""

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organisation, Role
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.accounts import organisation_of
from tasks.api.filters import one_of
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.qualification.filter_language import MAX_LENGTH
from tasks.qualification.skill_models import SkillValue
from tasks.qualification.skills import LARGEST, MAX_BYTES, import_skills, set_skill, skill_history, skill_named
from tasks.qualification.worker_filters import preview_filter, set_worker_filter
from tasks.standing.selectors import get_worker_standing


class WorkerFilterSerializer(serializers.Serializer[Any]):
    filter = serializers.CharField(
        max_length=MAX_LENGTH,
        allow_blank=True,
        help_text="Such as `skill.cats >= 0.8 and country in (DE, AT)`; empty lets everybody in",
    )


class FilterPreviewSerializer(serializers.Serializer[Any]):
    workers = serializers.IntegerField(help_text="Active workers of the project")
    let_in = serializers.IntegerField(help_text="How many of them the filter lets in now")


class SkillValueSerializer(serializers.Serializer[Any]):
    skill = serializers.CharField(source="skill.name")
    value = serializers.FloatField(allow_null=True, help_text="Null where the skill was taken away")
    origin = serializers.ChoiceField(source="source", choices=SkillValue.Source.choices)
    set_by = serializers.UUIDField(source="set_by.public_id", allow_null=True, default=None)
    is_current = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class NewSkillValueSerializer(serializers.Serializer[Any]):
    skill = serializers.CharField(max_length=40)
    value = serializers.FloatField(
        min_value=-LARGEST, max_value=LARGEST, allow_null=True, help_text="Null takes the skill away"
    )


class SkillsFileSerializer(serializers.Serializer[Any]):
    csv = serializers.CharField(
        max_length=MAX_BYTES,
        trim_whitespace=False,
        help_text="Lines of worker,skill,value with these names in the first",
    )


class RowProblemSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    problem = serializers.CharField()


class SkillReportSerializer(serializers.Serializer[Any]):
    rows = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="Values that are new; 0 if there are problems")
    problems = RowProblemSerializer(many=True)


class WorkerFilterView(View):
    scopes = {"GET": "manage", "PUT": "manage"}

    @operation(responses=WorkerFilterSerializer, summary="Which workers a project gives sets to")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        return Response({"filter": project.worker_filter})

    @operation(
        request=WorkerFilterSerializer,
        bodies=examples.WORKER_FILTER,
        responses=WorkerFilterSerializer,
        summary="Change which workers a project gives sets to",
    )
    def put(self, request: Request, project_id: uuid.UUID) -> Response:
        """Workers whom it does not let in finish the set that they have."""
        project = project_of(request, project_id, Role.MANAGER)
        text = valid(WorkerFilterSerializer(data=request.data))["filter"]
        return Response({"filter": set_worker_filter(project=project, text=text, by=actor_of(request))})


class FilterPreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=WorkerFilterSerializer,
        bodies=examples.WORKER_FILTER,
        responses=FilterPreviewSerializer,
        repeatable="A preview changes nothing, however often it is asked for.",
        summary="How many workers a filter lets in",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        text = valid(WorkerFilterSerializer(data=request.data))["filter"]
        return Response(FilterPreviewSerializer(preview_filter(project=project, text=text)).data)


class WorkerSkillsView(View):
    scopes = {"GET": "manage", "PUT": "manage"}

    @listing(
        SkillValueSerializer,
        filters=[one_of("origin", SkillValue.Source, "source")],
        summary="Skills of a worker, with their history",
    )
    def get(self, request: Request, project_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        """Newest first. They are the organization's, in whichever of its projects the worker is."""
        project = project_of(request, project_id, Role.MANAGER)
        worker = get_worker_standing(project=project, public_id=worker_id).worker
        rows = skill_history(organisation=project.organisation, worker=worker)
        return page(request, rows, SkillValueSerializer().to_representation)

    @operation(
        request=NewSkillValueSerializer,
        bodies=examples.SKILL,
        responses=SkillReportSerializer,
        summary="Set a skill of a worker",
    )
    def put(self, request: Request, project_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        worker = get_worker_standing(project=project, public_id=worker_id).worker
        data = valid(NewSkillValueSerializer(data=request.data))
        skill = skill_named(organisation=project.organisation, name=data["skill"])
        changed = set_skill(
            skill=skill, worker=worker, value=data["value"], source=SkillValue.Source.MANAGER, by=actor_of(request)
        )
        return Response({"rows": 1, "changed": int(changed is not None), "problems": []})


class SkillsFileView(View):
    scopes = {"POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _organisation(request, ids["organisation_id"])

    @operation(
        request=SkillsFileSerializer,
        bodies=examples.SKILLS_FILE,
        responses=SkillReportSerializer,
        summary="Set skills of many workers from CSV",
    )
    def post(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """All rows are set, or none: `problems` says what is wrong with which line."""
        organisation = _organisation(request, organisation_id)
        content = valid(SkillsFileSerializer(data=request.data))["csv"].encode()
        report = import_skills(organisation=organisation, content=content, by=actor_of(request))
        return Response(SkillReportSerializer(report).data)


def _organisation(request: Request, organisation_id: uuid.UUID) -> Organisation:
    return organisation_of(request, organisation_id, Role.MANAGER)
