"""Reads the environment; the only place that does."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str) -> bool:
    return text(name).lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def data_folder(base: Path) -> Path:
    return Path(text("ANNOTARY_DATA", str(base / ".annotary"))).resolve()


def database(url: str) -> dict[str, Any]:
    """Django's settings for a PostgreSQL URL; a socket folder stands in the query: `?host=/folder`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must begin with postgresql://, not {parts.scheme or 'nothing'}://")
    query = dict(parse_qsl(parts.query))
    host = query.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "annotary",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(query.pop("port", "") or parts.port or ""),
        "OPTIONS": query,
    }


def celery_broker(redis_url: str) -> str:
    """Celery spells a Redis socket `redis+socket://`, channels-redis `unix://`; the setting uses the latter."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = dict(parse_qsl(parts.query))
    # Written out: urlunsplit leaves the empty host's slashes away, and kombu takes what remains for a host name.
    return f"redis+socket://{parts.path}?virtual_host={query.get('db', '0')}"
