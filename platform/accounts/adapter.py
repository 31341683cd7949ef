"""allauth hooks: sign-up is by invitation only, and errors are in Annotary's words."""

from typing import Any, ClassVar, cast

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from accounts.models import Actor, User

logger = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar[dict[str, str]] = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This account is closed.",
        "cannot_remove_primary_email": "You cannot remove your primary email address. Make another one primary first.",
        "duplicate_email": "This email address is already on your account.",
        "email_password_mismatch": "Wrong email address or password. Try again.",
        "email_taken": "Another account uses this email address.",
        "enter_current_password": "Wrong current password. Try again.",
        "incorrect_password": "Wrong password. Try again.",
        "invalid_password_reset": "This link was already used or has expired. Request a new one.",
        "invalid_or_expired_key": "This link was already used or has expired. Request a new one.",
        "same_as_current": "This is the present one. Enter a different one.",
        "select_only_one": "Choose only one.",
        "too_many_login_attempts": "Too many failed attempts. Wait five minutes, then try again.",
        "unknown_email": "No account uses this email address.",
        "unverified_primary_email": "Confirm an email address before you make it primary.",
        "rate_limited": "Too many requests. Wait a minute, then try again.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        try:
            return str(super().get_client_ip(request))
        except ImproperlyConfigured:
            # It did not come through all of our proxies; the last address is the one that the nearest of them saw.
            forwarded = request.headers.get("X-Forwarded-For", "")
            return forwarded.rsplit(",", 1)[-1].strip() or str(request.META.get("REMOTE_ADDR") or "local")

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse | None:
        """Service accounts have no password; whatever else could sign one in is refused as a closed account is."""
        if user.actor.kind == Actor.Kind.SERVICE:
            return cast(HttpResponse, self.respond_user_inactive(request, user))
        return cast("HttpResponse | None", super().pre_login(request, user, **options))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Log the address, for tools that ban guessers. The email is personal data, and may be a mistyped password."""
        super().authentication_failed(request, **credentials)
        logger.warning("sign-in refused", address=self.get_client_ip(request))
