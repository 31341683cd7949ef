"""Reads environment variables; the only module of the settings that does."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from annotary.runtime.secrets import weakness


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def secret(name: str) -> str:
    value = text(name)
    problem = weakness(name, value)
    if problem:
        raise ImproperlyConfigured(problem)
    return value


def flag(name: str) -> bool:
    return text(name).lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def data_folder(base: Path) -> Path:
    return Path(text("ANNOTARY_DATA", str(base / ".annotary"))).resolve()


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for a PostgreSQL URL. The query may name a socket folder: `?host=/folder`."""
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
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def storage(url: str, local: Path) -> dict[str, Any]:
    """Return Django's settings for file storage: the folder `local`, or s3://bucket/prefix?endpoint_url=…&region_name=….

    Credentials come from where boto3 looks for them: the environment, a file, the machine's role.
    """
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": local}}
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured("STORAGE_URL must have the form s3://bucket/prefix; leave it unset for local files.")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "STORAGE_URL uses S3, which needs an extra package: pip install 'django-storages[s3]'."
        )
    query = dict(parse_qsl(parts.query))
    unknown = sorted(set(query) - {"endpoint_url", "region_name", "addressing_style"})
    if unknown:
        raise ImproperlyConfigured(f"STORAGE_URL does not support the option {unknown[0]!r}; see docs/security.md.")
    # Keys are content hashes: overwriting is harmless, while storing a second copy under another name would lose it.
    options = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), "file_overwrite": True, **query}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def celery_broker(redis_url: str) -> str:
    """Return the broker URL: Celery spells a Redis socket `redis+socket://`, channels-redis (and REDIS_URL) `unix://`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = dict(parse_qsl(parts.query))
    # Built by hand: urlunsplit drops the slashes of an empty host, and kombu then takes the path for a host name.
    return f"redis+socket://{parts.path}?virtual_host={query.get('db', '0')}"
