"""A person's own notices, and by which of them they get mails."""

from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from accounts.profiles import MAIL_CHOICES
from tasks.api import examples
from tasks.api.access import View, actor_of
from tasks.api.filters import by_id, created, one_of
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.notices.models import Notice
from tasks.notices.selectors import notices_of, words_of_notice
from tasks.notices.services import choose_mail, read_notices
from tasks.notices.wording import KINDS


class NoticeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    kind = serializers.ChoiceField(choices=Notice.Kind.choices)
    organisation = serializers.UUIDField(source="organisation.public_id")
    project = serializers.UUIDField(source="project.public_id", allow_null=True, default=None)
    text = serializers.CharField()
    path = serializers.CharField(help_text="Where the page with more about it is")
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class ReadNoticesSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.UUIDField(), max_length=500, required=False, help_text="All of them if left out"
    )


class NoticesReadSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread")


class NoticeMailSerializer(serializers.Serializer[Any]):
    """Made of the kinds: each is how often a mail about it is sent."""

    def get_fields(self) -> dict[str, Any]:
        choices = serializers.ChoiceField
        return {kind: choices(choices=MAIL_CHOICES, required=False, help_text=KINDS[kind][0]) for kind in KINDS}


class NoticesView(View):
    @listing(
        NoticeSerializer,
        filters=[one_of("kind", Notice.Kind), by_id("project", "project__public_id", what="a project"), *created()],
        summary="My notices",
    )
    def get(self, request: Request) -> Response:
        """Newest first. They are kept for 90 days."""
        rows = notices_of(recipient=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(organisation=request.auth.organisation_id)
        return page(request, rows, _shown)


class NoticesReadView(View):
    scopes = {"POST": "read"}

    @operation(
        request=ReadNoticesSerializer,
        bodies=examples.NOTICES_READ,
        responses=NoticesReadSerializer,
        repeatable="What was read stays read, and a retry counts none.",
        summary="Mark my notices as read",
    )
    def post(self, request: Request) -> Response:
        """What you have read is not mailed any more."""
        ids = valid(ReadNoticesSerializer(data=request.data)).get("ids")
        organisation_id = request.auth.organisation_id if isinstance(request.auth, ApiToken) else None
        read = read_notices(recipient=actor_of(request), ids=ids, organisation_id=organisation_id)
        return Response(NoticesReadSerializer({"read": read}).data)


class NoticeMailView(View):
    scopes = {"PATCH": "manage"}

    @operation(responses=NoticeMailSerializer, summary="How often I get mails about notices")
    def get(self, request: Request) -> Response:
        return Response(_mail(cast(User, request.user)))

    @operation(
        request=NoticeMailSerializer,
        bodies=examples.NOTICE_MAIL,
        responses=NoticeMailSerializer,
        summary="Choose how often I get mails about notices",
    )
    def patch(self, request: Request) -> Response:
        """Kinds that you leave out stay as they are. `once` is sent within minutes, `daily` at 06:00 UTC."""
        user = cast(User, request.user)
        choose_mail(user=user, values=valid(NoticeMailSerializer(data=request.data)))
        user.refresh_from_db(fields=["notice_mail"])
        return Response(_mail(user))


def _mail(user: User) -> dict[str, str]:
    return {kind: (user.notice_mail or {}).get(kind, MAIL_CHOICES[0]) for kind in KINDS}


def _shown(row: Any) -> dict[str, Any]:
    words = words_of_notice(row)
    row.text, row.path = words.text, words.path
    return dict(NoticeSerializer(row).data)
