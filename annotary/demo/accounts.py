"""The demo's manager: an account to sign in with and an API key, created inside the installation.

This is the only step that bypasses HTTP, because a new installation has no API key yet.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

EMAIL = "demo@annotary.local"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in for the user's browser, and the API key for the demo."""

    email: str
    password: str
    key: str


def make_manager(environment: Mapping[str, str]) -> SignIn:
    """Create the manager in the installation of this environment; the account gets a new password each time.

    Turns this process into a Django process of that installation.
    """
    os.environ.update(environment)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
    import django

    django.setup()
    # Its settings log to the terminal, which shows the progress bars.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    from django.db import connections, transaction

    from accounts.models import Role, User
    from accounts.selectors import organisations_of
    from accounts.services import create_organisation, create_token, create_user
    from kernel.ids import new_secret

    password = new_secret()[:16]
    try:
        with transaction.atomic():
            user = User.objects.filter(email__iexact=EMAIL).first()
            if user is None:
                user = create_user(email=EMAIL, password=password, name="Demo")
            else:
                user.set_password(password)
                user.save(update_fields=["password"])
            owned = organisations_of(actor=user.actor, role=Role.OWNER)
            organisation = owned[0] if owned else create_organisation(name="Demo", owner=user.actor)
            _, key = create_token(
                actor=user.actor, organisation=organisation, name="Demo", scopes=["read", "manage", "review"]
            )
    finally:
        connections.close_all()
    return SignIn(EMAIL, password, key)
