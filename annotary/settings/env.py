"""Reads environment variables; the only module of the settings that does."""

import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from annotary.runtime.secrets import weakness

# Notice a host that is gone within half a minute (tcp(7)).
TCP_KEEPALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


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
        "ENGINE": "annotary.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "annotary",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(query.pop("port", "") or parts.port or ""),
        "OPTIONS": query,
    }


def database_options(*, statement: int, idle_in_transaction: int) -> dict[str, str]:
    """Return connection options that end what a network, a server or this process no longer does; 0 means never.

    Keep-alive and `tcp_user_timeout` notice a host that is gone; they do not apply to sockets on this machine.

    Prepared statements (`kernel.statements`) are planned once for each connection. By default PostgreSQL plans
    them again each time if it estimates that to be cheaper, which changes with every ANALYZE; for a claim it was not.
    Without limits no `options` are sent, because some connection poolers refuse them.
    """
    limits = {"statement_timeout": statement, "idle_in_transaction_session_timeout": idle_in_transaction}
    options = [f"-c {name}={seconds}s" for name, seconds in limits.items() if seconds]
    return {
        "connect_timeout": "5",
        "tcp_user_timeout": "15000",
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "options": " ".join([*options, "-c plan_cache_mode=force_generic_plan"]) if options else "",
    }


def redis_deadlines(url: str, seconds: float) -> dict[str, Any]:
    """Return connection options for redis-py that end a wait for a server that does not respond."""
    deadlines: dict[str, Any] = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
    if urlsplit(url).scheme.startswith(("unix", "redis+socket")):
        return deadlines
    return deadlines | {"socket_keepalive": True, "socket_keepalive_options": TCP_KEEPALIVE}


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
    options = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), "file_overwrite": True}
    options |= {"client_config": _s3_client(query.pop("addressing_style", None)), **query}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def _s3_client(addressing_style: str | None) -> Any:
    """Return botocore's settings: deadlines, since it would wait a minute for each of five attempts."""
    from botocore.config import Config  # type: ignore[import-untyped]  # no stubs

    return Config(
        s3={"addressing_style": addressing_style},
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
        tcp_keepalive=True,
    )


def celery_broker(redis_url: str) -> str:
    """Return the broker URL: Celery spells a Redis socket `redis+socket://`, channels-redis (and REDIS_URL) `unix://`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = dict(parse_qsl(parts.query))
    # Built by hand: urlunsplit drops the slashes of an empty host, and kombu then takes the path for a host name.
    return f"redis+socket://{parts.path}?virtual_host={query.get('db', '0')}"
