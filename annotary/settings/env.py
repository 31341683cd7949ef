"""Reads the environment; the only place that does."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


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


def number(name: str, default: int) -> int:
    given = text(name, str(default))
    if not given.isascii() or not given.isdigit():
        raise ImproperlyConfigured(f"{name} is a whole number, not {given!r}.")
    return int(given)


def storage(url: str, local: Path) -> dict[str, Any]:
    """Django's settings for where files go: the folder `local`, or s3://bucket/prefix?endpoint_url=…&region_name=….

    Keys come from where boto3 looks for them: the environment, a file, the machine's role.
    """
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": local}}
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured("STORAGE_URL is written as s3://bucket/prefix; leave it out for local files.")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured("STORAGE_URL names S3, which needs an extra: pip install 'django-storages[s3]'.")
    query = dict(parse_qsl(parts.query))
    unknown = sorted(set(query) - {"endpoint_url", "region_name", "addressing_style"})
    if unknown:
        raise ImproperlyConfigured(f"STORAGE_URL does not take {unknown[0]!r}; see docs/security.md.")
    # A key is its content: writing it twice is harmless, and another name for the second copy would lose it.
    options = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), "file_overwrite": True, **query}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def celery_broker(redis_url: str) -> str:
    """Celery spells a Redis socket `redis+socket://`, channels-redis `unix://`; the setting uses the latter."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = dict(parse_qsl(parts.query))
    # Written out: urlunsplit leaves the empty host's slashes away, and kombu takes what remains for a host name.
    return f"redis+socket://{parts.path}?virtual_host={query.get('db', '0')}"
