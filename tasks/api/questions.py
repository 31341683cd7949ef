"""Questions about images: what workers ask, and what the team answers.

What a worker sees is identical for gold and work: fields, order, times, ids.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Role
from accounts.selectors import display_names, display_names_for
from kernel.errors import NotFound
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of, same_organisation
from tasks.api.filters import by_id, one_of
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page_at_once
from tasks.api.request_bodies import valid
from tasks.api.work import hand_of
from tasks.assignment.selectors import assignment_for
from tasks.questions.models import MAX_TEXT, ImageThread
from tasks.questions.selectors import (
    image_of,
    messages_of,
    thread_for,
    threads_of,
    threads_of_hand,
    threads_of_project,
)
from tasks.questions.services import answer_question, ask, make_rule, mark_answered

State = ImageThread.State


class MessageSerializer(serializers.Serializer[Any]):
    from_me = serializers.BooleanField(source="from_worker", help_text="False if the team wrote it")
    text = serializers.CharField(source="body", help_text="Plain text")
    created_at = serializers.DateTimeField()


class QuestionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    project = serializers.UUIDField(source="project.public_id")
    assignment = serializers.UUIDField(source="assignment.public_id")
    state = serializers.ChoiceField(choices=State.choices)
    image = serializers.CharField(help_text="URL of the image")
    width = serializers.IntegerField(source="assignment.width", help_text="Width of the upright image, in pixels")
    height = serializers.IntegerField(source="assignment.height")
    messages = MessageSerializer(source="shown_messages", many=True)
    rule_version = serializers.IntegerField(
        allow_null=True, help_text="The version of the instructions that has the rule made of it"
    )


class QuestionsOfSetSerializer(serializers.Serializer[Any]):
    results = QuestionSerializer(many=True)


class TextSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_TEXT, help_text="Plain text")


class TeamMessageSerializer(serializers.Serializer[Any]):
    from_worker = serializers.BooleanField()
    author = serializers.UUIDField(source="author.public_id")
    name = serializers.CharField()
    text = serializers.CharField(source="body", help_text="As it was written: treat it as hostile text")
    created_at = serializers.DateTimeField()


class TeamQuestionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    state = serializers.ChoiceField(choices=State.choices)
    worker = serializers.UUIDField(source="worker.public_id", help_text="Pseudonym of the worker")
    task = serializers.UUIDField(allow_null=True, help_text="Null for a check image")
    image = serializers.UUIDField()
    check_image = serializers.BooleanField(help_text="The worker does not know it, and your answer must not tell")
    messages = TeamMessageSerializer(source="shown_messages", many=True)
    asked_at = serializers.DateTimeField(help_text="When the worker wrote last")
    answered_at = serializers.DateTimeField(allow_null=True)
    rule_version = serializers.IntegerField(
        allow_null=True, help_text="The version of the instructions that has the rule made of it"
    )


class ReadSerializer(serializers.Serializer[Any]):
    messages = serializers.IntegerField(
        min_value=1, max_value=1000, help_text="How many messages the question had when you read it"
    )


class QuestionAnswerSerializer(ReadSerializer, TextSerializer):
    pass


class AskView(View):
    scopes = {"POST": "work"}

    @operation(
        request=TextSerializer,
        bodies=examples.QUESTION,
        responses={201: QuestionSerializer},
        repeatable="Repeating the last message of a conversation adds nothing to it.",
        summary="Ask about an image",
    )
    def post(self, request: Request, assignment_id: uuid.UUID) -> Response:
        """About any image that you have or had; more questions about it continue the same conversation. Managers and
        reviewers of the project read it, other workers never do."""
        assignment = assignment_for(worker=actor_of(request), assignment_id=assignment_id)
        same_organisation(request, assignment.project.organisation_id)
        text = valid(TextSerializer(data=request.data))["text"]
        thread = ask(worker=actor_of(request), assignment_id=assignment_id, text=text)
        row = threads_of(worker=actor_of(request)).get(pk=thread.pk)
        return Response(QuestionSerializer(shown_to_worker([row])[0]).data, status=status.HTTP_201_CREATED)


class MyQuestionsView(View):
    scopes = {"GET": "work"}

    @listing(
        QuestionSerializer,
        filters=[one_of("state", State), by_id("project", "project__public_id", what="a project")],
        summary="My questions",
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = threads_of(worker=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(project__organisation=request.auth.organisation_id)
        return page_at_once(request, rows, _for_worker, order=ByNewest)


class QuestionsOfSetView(View):
    scopes = {"GET": "work"}

    @operation(responses=QuestionsOfSetSerializer, summary="My questions about the images of a set")
    def get(self, request: Request, hand_id: uuid.UUID) -> Response:
        rows = list(threads_of_hand(hand=hand_of(request, hand_id)))
        return Response({"results": _for_worker(rows)})


class QuestionsView(View):
    @listing(
        TeamQuestionSerializer,
        filters=[one_of("state", State, is_indexed=True), by_id("worker", "worker__public_id", what="a worker")],
        summary="Questions of workers about images",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Oldest first."""
        project = project_of(request, project_id, Role.REVIEWER)
        return page_at_once(request, threads_of_project(project=project), lambda rows: _for_team(request, rows))


class _OneQuestion(View):
    role = Role.REVIEWER

    def check_access(self, request: Request, **ids: Any) -> None:
        self.project(request, ids["question_id"])

    def project(self, request: Request, question_id: uuid.UUID) -> Project:
        row = thread_for(public_id=question_id)
        try:
            return project_of(request, row.project.public_id, self.role)
        except NotFound as error:
            raise NotFound from error

    def shown(self, request: Request, question_id: uuid.UUID) -> Response:
        return Response(_for_team(request, [thread_for(public_id=question_id)])[0])


class QuestionAnswersView(_OneQuestion):
    scopes = {"POST": "review"}

    @operation(
        request=QuestionAnswerSerializer,
        bodies=examples.QUESTION_ANSWER,
        responses=TeamQuestionSerializer,
        summary="Answer a question",
    )
    def post(self, request: Request, question_id: uuid.UUID) -> Response:
        """The worker reads it, without your name. Explain how to decide rather than what to answer: then it does not
        tell check images from others either."""
        project = self.project(request, question_id)
        data = valid(QuestionAnswerSerializer(data=request.data))
        answer_question(by=actor_of(request), project=project, public_id=question_id, **data)
        return self.shown(request, question_id)


class QuestionCloseView(_OneQuestion):
    scopes = {"POST": "review"}

    @operation(
        request=ReadSerializer,
        bodies=examples.QUESTION_CLOSE,
        responses=TeamQuestionSerializer,
        repeatable="A question that is marked already stays so.",
        summary="Mark a question as answered",
    )
    def post(self, request: Request, question_id: uuid.UUID) -> Response:
        project = self.project(request, question_id)
        data = valid(ReadSerializer(data=request.data))
        mark_answered(by=actor_of(request), project=project, public_id=question_id, **data)
        return self.shown(request, question_id)


class QuestionRuleView(_OneQuestion):
    scopes = {"POST": "manage"}
    role = Role.MANAGER

    @operation(
        request=TextSerializer,
        bodies=examples.QUESTION_RULE,
        responses=TeamQuestionSerializer,
        summary="Make a rule of a question",
    )
    def post(self, request: Request, question_id: uuid.UUID) -> Response:
        """Appends the text to the project's instructions. Every worker confirms the new version before the next set."""
        project = self.project(request, question_id)
        text = valid(TextSerializer(data=request.data))["text"]
        make_rule(by=actor_of(request), project=project, public_id=question_id, rule=text)
        return self.shown(request, question_id)


def shown_to_worker(rows: Sequence[ImageThread]) -> list[Any]:
    """Return the rows with what a worker reads of them."""
    messages, shown = messages_of(threads=rows), list[Any](rows)
    for row in shown:
        row.shown_messages = messages[row.pk]
        row.image = f"/api/v1/assignments/{row.assignment.public_id}/image"
    return shown


def _for_worker(rows: Sequence[ImageThread]) -> list[Any]:
    return [QuestionSerializer(row).data for row in shown_to_worker(rows)]


def _for_team(request: Request, rows: Sequence[ImageThread]) -> list[Any]:
    messages, shown = messages_of(threads=rows), list[Any](rows)
    workers = {row.worker.public_id for row in rows}
    authors = {each.author.public_id for found in messages.values() for each in found if not each.from_worker}
    names = display_names(actors=authors)
    if rows:
        organisation_id = rows[0].project.organisation_id
        names |= display_names_for(actor_of(request), organisation_id=organisation_id, actors=workers)
    for row in shown:
        row.image, row.task = image_of(row).public_id, row.assignment.task and row.assignment.task.public_id
        row.check_image = row.assignment.gold_id is not None
        row.shown_messages = messages[row.pk]
        for each in row.shown_messages:
            each.name = names[str(each.author.public_id)]
    return [TeamQuestionSerializer(row).data for row in shown]
