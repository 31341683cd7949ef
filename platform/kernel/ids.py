"""Ids that people see: random, so that they tell neither order nor number."""

import secrets
import uuid


def new_public_id() -> uuid.UUID:
    return uuid.uuid4()


def new_secret(prefix: str = "") -> str:
    """192 random bits in URL-safe text."""
    return prefix + secrets.token_urlsafe(24)
