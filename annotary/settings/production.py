"""Settings for hosts behind a proxy that terminates TLS. Refuses to start if a secret or an address is missing."""

from django.core.exceptions import ImproperlyConfigured

from annotary import logs
from annotary.settings import env
from annotary.settings.base import *  # noqa: F403
from annotary.settings.base import STORAGES

for _name, _why in (
    ("ANNOTARY_SECRET_KEY", "a long random string that signs sessions; use the same on every host"),
    ("ANNOTARY_HOSTS", "the host names that people use, separated by commas"),
    ("ANNOTARY_BASE_URL", "the public address, for links in invitations, such as https://label.example.org"),
    ("DATABASE_URL", "postgresql://user:password@host:5432/name"),
    ("REDIS_URL", "redis://host:6379/0, for websockets and, unless CELERY_BROKER_URL is set, jobs"),
):
    if not env.text(_name):
        raise ImproperlyConfigured(f"Set {_name}: {_why}.")

# One proxy in front, as in deploy/nginx, which overwrites both headers.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("ANNOTARY_PROXIES", 1)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [env.text("ANNOTARY_BASE_URL")]
STATIC_ROOT = env.text("ANNOTARY_STATIC_ROOT", "/srv/annotary/static")
STATICFILES_FINDERS = ["annotary.staticfiles.LoadedFilesFinder"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "annotary.staticfiles.HashedFilesStorage"},
}
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
DEFAULT_FROM_EMAIL = env.text("ANNOTARY_MAIL_FROM", "annotary@localhost")
LOGGING = logs.configure(json=True, level=env.text("ANNOTARY_LOG_LEVEL", "INFO"))
