"""API keys for Django REST framework: `Authorization: Bearer ann_…`."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, Membership, User
from accounts.services import secret_hash
from kernel.clock import ClockTimestamp, utc_now


class TokenAuthentication(BaseAuthentication):
    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != self.keyword:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Send the header as: Authorization: Bearer KEY")
        memberships = Membership.objects.filter(actor=OuterRef("actor"), organisation=OuterRef("organisation"))
        token = (
            ApiToken.objects.select_related("actor__user", "organisation")
            .annotate(is_member=Exists(memberships))
            .filter(token_sha256=secret_hash(parts[1].decode("latin-1")))
            .first()
        )
        user: User | None = getattr(token.actor, "user", None) if token else None
        if token is None or user is None or not user.is_active or not token.is_member:
            raise AuthenticationFailed("This API key is not valid. Create a new one under Settings, API keys.")
        if token.revoked_at is not None or token.expires_at <= utc_now():
            raise AuthenticationFailed(
                "This API key has expired or was revoked. Create a new one under Settings, API keys."
            )
        self._note_use(token)
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def _note_use(self, token: ApiToken) -> None:
        """Record the use, at most once a minute, so that reads rarely write."""
        now = utc_now()
        if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
            stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - timedelta(minutes=1))
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=ClockTimestamp())


def scopes_of(auth: Any) -> frozenset[str]:
    """Return the scopes of a request: those of its API key; a browser session has all of them, limited by the role."""
    if isinstance(auth, ApiToken):
        return frozenset(auth.scopes)
    return frozenset(ApiToken.Scope.values)
