"""The tasks of a project, and one of them with its label and its answers."""

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from kernel.errors import NotFound
from tasks.annotation.selectors import answers_of_task
from tasks.api.access import View, project_of
from tasks.api.filters import by_id, created, one_of, prefix
from tasks.api.operations import operation
from tasks.api.pagination import ByImage, listing, page_at_once
from tasks.api.request_bodies import AnswerSerializer
from tasks.batching.models import Task
from tasks.batching.selectors import tasks_of
from tasks.consensus.selectors import current_label


class TaskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    image = serializers.UUIDField(source="image.public_id")
    source_key = serializers.CharField(source="image.source_key", help_text="The owner's name for the image")
    batch = serializers.UUIDField(source="batch.public_id")
    state = serializers.CharField()
    wanted = serializers.IntegerField(help_text="Answers that the task needs")
    taken = serializers.IntegerField(help_text="Answers that count, and images that workers have now")


class LabelSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField(source="task.public_id")
    image = serializers.UUIDField(source="task.image.public_id")
    source_key = serializers.CharField(source="task.image.source_key")
    state = serializers.CharField(source="task.state")
    version = serializers.IntegerField()
    label_hash = serializers.CharField(source="content_hash")
    method = serializers.CharField()
    confidence = serializers.FloatField()
    answer = AnswerSerializer(source="body", help_text="The agreed label")


class TaskAnswerSerializer(serializers.Serializer[Any]):
    """The current revision of a worker's answer."""

    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="actor.public_id", help_text="Pseudonym of the worker")
    round = serializers.IntegerField(source="assignment.round", help_text="A rejected label starts another round")
    revision = serializers.IntegerField()
    answer = AnswerSerializer(source="body")
    seconds = serializers.FloatField(allow_null=True, help_text="How long the worker took, if the client told it")
    counts = serializers.BooleanField(source="assignment.counts", help_text="Whether the label is computed from it")
    submitted_at = serializers.DateTimeField(source="created_at", help_text="When this revision was submitted")


class TaskDetailSerializer(TaskSerializer):
    project = serializers.UUIDField(source="project.public_id")
    round = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    label = LabelSerializer(  # type: ignore[assignment]  # a field named like an attribute
        allow_null=True, help_text="The current label; null until the answers are in"
    )
    answers = TaskAnswerSerializer(many=True, help_text="In the order in which they arrived")


class TasksView(View):
    @listing(
        TaskSerializer,
        filters=[
            one_of("state", Task.State, is_indexed=True),
            by_id("batch", "batch__public_id", what="a batch", is_indexed=True),
            by_id("image", "image__public_id", what="an image", is_indexed=True),
            prefix("image__source_key"),
            *created(),
        ],
        summary="Tasks of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """In the order of the images."""
        project = project_of(request, project_id, Role.REVIEWER)
        shape = TaskSerializer().to_representation
        return page_at_once(
            request, tasks_of(project=project), lambda tasks: [shape(task) for task in tasks], order=ByImage
        )


class TaskView(View):
    @operation(responses=TaskDetailSerializer, summary="A task, its label and its answers")
    def get(self, request: Request, task_id: uuid.UUID) -> Response:
        row: Any = task_of(request, task_id, Role.REVIEWER)
        row.label = current_label(task=row)
        if row.label is not None:
            row.label.task = row  # with its image, which is loaded
        row.answers = answers_of_task(task=row)
        return Response(TaskDetailSerializer(row).data)


def task_of(request: Request, task_id: uuid.UUID, role: str) -> Task:
    task = Task.objects.select_related("project", "batch", "image").filter(public_id=task_id).first()
    if task is None:
        raise NotFound
    project_of(request, task.project.public_id, role)
    return task
