"""allauth hooks: sign-up is by invitation only."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

logger = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Log the address, for tools that ban guessers. The e-mail is personal data, and may be a mistyped password."""
        super().authentication_failed(request, **credentials)
        logger.warning("sign-in refused", address=self.get_client_ip(request))
