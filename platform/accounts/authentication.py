"""Authentication for Django REST framework: API keys (`Authorization: Bearer ann_…`) and browser sessions.

Each takes one prepared query, whose result `identity_cache` keeps for a few seconds.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Model, Q
from django.utils.crypto import constant_time_compare
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.identity_cache import Identity, identities
from accounts.models import Actor, ApiToken, Organisation, User
from accounts.services import secret_hash
from kernel.clock import ClockTimestamp, utc_now
from kernel.statements import columns_of, from_row, run_prepared

# A session names its user only in its signed data. `user` is whom it named before; if it is someone else or unknown,
# the query runs once more.
SELECT_SESSION = """
SELECT s.session_data, s.expire_date, {user}, {actor}
FROM django_session s
LEFT JOIN accounts_user u ON u.id = %(user)s::bigint
LEFT JOIN accounts_actor a ON a.id = u.actor_id
WHERE s.session_key = %(key)s AND s.expire_date > clock_timestamp()
"""

SELECT_API_KEY = """
SELECT {token}, {user}, {actor}, {organisation}
FROM accounts_apitoken t
JOIN accounts_organisation o ON o.id = t.organisation_id
JOIN accounts_actor a ON a.id = t.actor_id
JOIN accounts_user u ON u.actor_id = a.id
JOIN accounts_membership m ON m.actor_id = a.id AND m.organisation_id = o.id
WHERE t.token_sha256 = %(hash)s
"""


KEPT_SCOPES = frozenset({ApiToken.Scope.READ, ApiToken.Scope.WORK})


class TokenAuthentication(BaseAuthentication):
    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != self.keyword:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Send the header as: Authorization: Bearer KEY")
        return authenticate_key(parts[1].decode("latin-1"), fresh=_must_be_fresh(request))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def authenticate_key(key: str, *, fresh: bool) -> tuple[User, ApiToken]:
    """Return the person and the API key with this secret; `fresh` reads the database. Raises AuthenticationFailed."""
    identity = _of_token(secret_hash(key), fresh=fresh)
    if identity is None:
        raise AuthenticationFailed("This API key is not valid. Create a new one under Settings, API keys.")
    token, user, actor, organisation = _split(identity.rows, ApiToken, User, Actor, Organisation)
    if not user.is_active:
        raise AuthenticationFailed("This API key is not valid. Create a new one under Settings, API keys.")
    if token.revoked_at is not None or token.expires_at <= utc_now():
        raise AuthenticationFailed(
            "This API key has expired or was revoked. Create a new one under Settings, API keys."
        )
    user.actor, token.actor, token.organisation = actor, actor, organisation
    _note_use(token)
    return user, token


def _note_use(token: ApiToken) -> None:
    """Record the use, at most once a minute, so that reads rarely write."""
    now = utc_now()
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - timedelta(minutes=1))
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=ClockTimestamp())


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session, verified as Django does: its end, backend, and the hash of its person's password.

    Whatever this does not recognize (nobody signed in, a fallback secret) is left to Django.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        http = request._request
        session = getattr(http, "session", None)
        if isinstance(session, SessionStore) and session.session_key and not hasattr(http, "_cached_user"):
            identity = _of_session(session, fresh=_must_be_fresh(request))
            if identity is not None:
                user, actor = _split(identity.rows, User, Actor)
                user.actor = actor
                # Django's own `request.user` returns it, and the response varies by cookie as if Django had read it.
                http._cached_user = http.user = user  # type: ignore[attr-defined]
                session.accessed = True
        signed_in: tuple[User, None] | None = super().authenticate(request)
        return signed_in


def _must_be_fresh(request: Request) -> bool:
    """Whether the call could make access that outlives its own, such as a new API key, so that seconds matter."""
    view = (request.parser_context or {}).get("view")
    return getattr(view, "scopes", {}).get(request.method, "read") not in KEPT_SCOPES


def _of_token(token_sha256: str, *, fresh: bool) -> Identity | None:
    known = identities.get(token_sha256, now=utc_now())
    if known is not None and not fresh:
        return known
    forgotten = identities.forgotten
    rows = run_prepared(_sql_of_token(), {"hash": token_sha256})
    if not rows:
        return None
    token, user = _split(rows[0], ApiToken, User)
    identity = Identity(token.actor_id, token.expires_at, rows[0])
    if user.is_active and token.revoked_at is None:
        identities.add(token_sha256, identity, forgotten=forgotten)
    return identity


def _of_session(session: SessionStore, *, fresh: bool) -> Identity | None:
    """Return the identity of a valid session, from one query if this process has seen it before."""
    key = str(session.session_key)
    digest = secret_hash(key)
    known = identities.get(digest, now=utc_now())
    if known is not None and not fresh:
        return known
    forgotten = identities.forgotten
    hint = identities.user_of(digest)
    rows = run_prepared(_sql_of_session(), {"key": key, "user": hint})
    data = session.decode(rows[0][0]) if rows else {}
    user_id = data.get(SESSION_KEY)
    if user_id is not None and user_id != str(hint):
        identities.note_user(digest, int(user_id))
        rows = run_prepared(_sql_of_session(), {"key": key, "user": int(user_id)})
    identity = _verified(data, rows[0]) if rows and user_id is not None else None
    if identity is not None:
        identities.add(digest, identity, forgotten=forgotten)
    return identity


def _verified(data: dict[str, Any], row: Sequence[Any]) -> Identity | None:
    """Return the identity if the session's data is valid for the user of the row."""
    _, ends_at, *rest = row
    if rest[0] is None or data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    (user,) = _split(rest, User)
    if not user.is_active or not constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    return Identity(user.actor_id, ends_at, rest)


@cache
def _sql_of_session() -> str:
    return SELECT_SESSION.format(user=columns_of(User, "u"), actor=columns_of(Actor, "a"))


@cache
def _sql_of_token() -> str:
    return SELECT_API_KEY.format(
        token=columns_of(ApiToken, "t"),
        user=columns_of(User, "u"),
        actor=columns_of(Actor, "a"),
        organisation=columns_of(Organisation, "o"),
    )


def _split(row: Sequence[Any], *models: type[Model]) -> list[Any]:
    """Build one instance of each model from the columns of a row."""
    built: list[Any] = []
    start = 0
    for model in models:
        end = start + len(model._meta.concrete_fields)
        built.append(from_row(model, row[start:end]))
        start = end
    return built


def scopes_of(auth: Any) -> frozenset[str]:
    """Return the scopes of a request: those of its API key; a browser session has all of them, limited by the role."""
    if isinstance(auth, ApiToken):
        return frozenset(auth.scopes)
    return frozenset(ApiToken.Scope.values)
