"""Public ids: random, so that they reveal neither order nor count."""

import secrets
import uuid


def new_public_id() -> uuid.UUID:
    return uuid.uuid4()


def new_secret(prefix: str = "") -> str:
    """Return 192 random bits as URL-safe text."""
    return prefix + secrets.token_urlsafe(24)
