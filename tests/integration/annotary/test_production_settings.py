"""Production refuses to start with incomplete settings, and passes Django's deployment check with complete ones."""

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.secrets import weakness
from annotary.runtime.services import base_environment
from annotary.runtime.source_roots import python_path

ROOT = Path(__file__).resolve().parents[3]
COMPLETE = {
    "ANNOTARY_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "ANNOTARY_HOSTS": "label.example.org",
    "ANNOTARY_BASE_URL": "https://label.example.org",
    "DATABASE_URL": "postgresql://annotary:secret@db.example.org:5432/annotary",
    "REDIS_URL": "redis://redis.example.org:6379/0",
}


def run(*command: str, settings: str = "production", **environment: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": "/usr/bin:/bin", "PYTHONPATH": python_path()}
    return subprocess.run(
        [sys.executable, *command],
        env={**base, "DJANGO_SETTINGS_MODULE": f"annotary.settings.{settings}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def value_of(expression: str, **environment: str) -> str:
    code = f"from django.conf import settings; print({expression})"
    result = run("-c", code, **{**COMPLETE, **environment})
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_deployment_check_finds_nothing(tmp_path: Path) -> None:
    result = run("-m", "django", "check", "--deploy", "--fail-level", "INFO", **COMPLETE, ANNOTARY_DATA=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


@pytest.mark.parametrize("missing", sorted(COMPLETE))
def test_it_does_not_start_without_a_required_variable(missing: str) -> None:
    result = run("-m", "django", "check", **{name: value for name, value in COMPLETE.items() if name != missing})
    assert result.returncode != 0
    assert f"Set {missing}: " in result.stderr


@pytest.mark.parametrize("settings", ["production", "embedded"])
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ANNOTARY_SECRET_KEY", "short", "at least 50"),
        ("ANNOTARY_SECRET_KEY", "a" * 64, "at least 50"),
        ("ANNOTARY_SECRET_KEY", "ab12" * 16, "at least 50"),
        ("ANNOTARY_SECRET_KEY", "0123456789" * 7, "at least 50"),
        ("ANNOTARY_SECRET_KEY", "django-insecure-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "at least 50"),
        ("ANNOTARY_METRICS_TOKEN", "short", "at least 20"),
        ("ANNOTARY_METRICS_TOKEN", "x" * 64, "at least 20"),
    ],
)
def test_it_does_not_start_with_a_secret_that_can_be_guessed(name: str, value: str, says: str, settings: str) -> None:
    result = run("-m", "django", "check", settings=settings, **{**COMPLETE, name: value})
    assert result.returncode != 0
    assert f"{name} is too weak: use {says} random characters." in result.stderr


def test_a_random_secret_is_strong() -> None:
    for value in (secrets.token_urlsafe(48), secrets.token_hex(32), secrets.token_hex(25)):
        assert weakness("ANNOTARY_SECRET_KEY", value) == ""
        assert weakness("ANNOTARY_METRICS_TOKEN", value) == ""


def test_up_says_in_a_sentence_that_a_secret_is_weak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANNOTARY_SECRET_KEY", "a" * 64)
    with pytest.raises(EmbeddedError, match="ANNOTARY_SECRET_KEY is too weak"):
        base_environment(DataPaths(tmp_path), {})


def test_one_proxy_is_trusted_by_default() -> None:
    assert value_of("settings.ALLAUTH_TRUSTED_PROXY_COUNT") == "1"
    assert value_of("settings.ALLAUTH_TRUSTED_PROXY_COUNT", ANNOTARY_PROXIES="2") == "2"


def test_cookies_are_sent_only_over_tls() -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_HTTPONLY")
    assert value_of(f"all(getattr(settings, name) for name in {names})") == "True"


def test_files_are_local_by_default() -> None:
    assert "FileSystemStorage" in value_of("settings.STORAGES['default']['BACKEND']")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://bucket/prefix", "django-storages"),
        ("https://bucket/prefix", "s3://bucket/prefix"),
        ("s3://", "s3://bucket/prefix"),
    ],
)
def test_an_unusable_storage_is_reported_in_one_sentence(url: str, says: str) -> None:
    # The tests have every extra installed; a module that is None in sys.modules is not found.
    without_extra = "import sys; sys.modules['storages'] = None; from django.core.management import call_command"
    code = f"{without_extra}; import django; django.setup(); call_command('check')"
    result = run("-c", code, **COMPLETE, STORAGE_URL=url)
    assert result.returncode != 0
    assert says in result.stderr.strip().splitlines()[-1]


def test_a_bucket_uses_the_extra_if_it_is_installed() -> None:
    url = "s3://bucket/a/b?endpoint_url=http://minio:9000"
    settings = value_of("settings.STORAGES['default']", STORAGE_URL=url)
    assert "storages.backends.s3.S3Storage" in settings
    assert "'bucket_name': 'bucket', 'location': 'a/b'" in settings
    assert "'endpoint_url': 'http://minio:9000'" in settings
    code = "from django.core.files.storage import storages; print(type(storages['default']).__module__)"
    result = run("-c", code, **COMPLETE, STORAGE_URL=url)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "storages.backends.s3"
