"""Settings shared by all installations. Environment variables are read only through `env`."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

import annotary
from annotary import logs
from annotary.runtime.source_roots import ROOT
from annotary.settings import env

ANNOTARY_DATA = env.data_folder(ROOT)
VERSION = annotary.VERSION

SECRET_KEY = env.secret("ANNOTARY_SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.words("ANNOTARY_HOSTS", "127.0.0.1,localhost,[::1]")
ANNOTARY_BASE_URL = env.text("ANNOTARY_BASE_URL").rstrip("/")
ANNOTARY_WS_URL = env.text("ANNOTARY_WS_URL").rstrip("/")
STORAGE_URL = env.text("STORAGE_URL")
ANNOTARY_FILES_BY_FRONT = env.flag("ANNOTARY_FILES_BY_FRONT")
ANNOTARY_METRICS_TOKEN = env.secret("ANNOTARY_METRICS_TOKEN")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "allauth",
    "allauth.account",
    "csp",
    "django_prometheus",
    "annotary.apps.AnnotaryConfig",
    "kernel",
    "storage",
    "accounts",
    "projects",
    "tasks",
    "workers_ui",
]

MIDDLEWARE = [
    "annotary.logs.RequestLogMiddleware",
    "annotary.request_metrics.RequestMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "annotary.staticfiles.StaticFilesMiddleware",
    "annotary.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "workers_ui.views.errors.AnnotaryErrorMiddleware",
    "annotary.bodies.LengthRequiredMiddleware",
]

ROOT_URLCONF = "annotary.urls"
WSGI_APPLICATION = "annotary.wsgi.application"
ASGI_APPLICATION = "annotary.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": False,
        "DIRS": [ROOT / "workers_ui" / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workers_ui.views.base.navigation",
            ],
        },
    }
]

# Web server threads keep their database connection; under ASGI, where Django opens one per request, a pool is used.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database(env.text("DATABASE_URL", "postgresql://annotary@127.0.0.1:5432/annotary"))
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Web servers set limits (`annotary.wsgi`), job workers only the second one; migrations and commands may take long.
ANNOTARY_STATEMENT_SECONDS = env.number("ANNOTARY_STATEMENT_SECONDS", 0)
DATABASES["default"]["OPTIONS"] = {
    **env.database_options(
        statement=ANNOTARY_STATEMENT_SECONDS, idle_in_transaction=env.number("ANNOTARY_IDLE_TRANSACTION_SECONDS", 0)
    ),
    **DATABASES["default"]["OPTIONS"],
}
if env.flag("ANNOTARY_DB_POOL"):
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 16, "timeout": 10}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "kernel.channel_layer.GroupChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, **env.redis_deadlines(REDIS_URL, 2)}], "prefix": "annotary"},
    }
}

# Holds sign-in rate limits and computed reports. Shared by all processes; nothing fails while the store is unavailable.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "annotary.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "annotary",
        "OPTIONS": env.redis_deadlines(REDIS_URL, 1),
    }
}

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", env.celery_broker(REDIS_URL))
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Sending fails fast when the broker is down: the outbox keeps the message, and live events do not wait for the broker.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # More than the second that a worker's BRPOP waits on the server.
    **env.redis_deadlines(CELERY_BROKER_URL, 3),
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.1,
}
CELERY_TIMEZONE = "UTC"

AUTH_USER_MODEL = "accounts.User"
# E-mail addresses are unique regardless of case, by a constraint on LOWER(email) that this check does not recognize.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "login": "accounts.forms.LoginForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "set_password": "accounts.forms.SetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Annotary] "
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
# In addition to allauth's defaults: opening invalid invitation links. Signing up requires an invitation, and a whole
# class of students may sign up from one address.
ACCOUNT_RATE_LIMITS = {
    "join": "20/m/ip",
    "signup": "120/m/ip",
    "login": "120/m/ip",
    "login_failed": "60/m/ip,5/300s/key",
}
# How many of our proxies append to X-Forwarded-For; rate limits use the address that the outermost one saw.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("ANNOTARY_PROXIES", 0)
SESSION_ENGINE = "annotary.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=30).total_seconds())
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "workers_ui.views.errors.csrf_failure"
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 10

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tasks.api.parsers.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "tasks.api.schema.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "tasks.api.pagination.ByNewest",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "tasks.api.problems.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNICODE_JSON": True,
    "URL_FORMAT_OVERRIDE": None,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",  # as `kernel.clock.rfc3339`
}
# How long a process may rely on a session or API key that it has verified; see `accounts.identity_cache`.
ANNOTARY_IDENTITY_SECONDS = 3
# Calls per minute in each process; 0 means no limit. A person makes about one per second, a labeling script a hundred.
ANNOTARY_API_LIMITS = {
    "person": env.number("ANNOTARY_API_PER_MINUTE", 6000),
    "anonymous": 120,
    "failed": 60,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Annotary",
    "DESCRIPTION": "Crowd labeling of images with certified releases.",
    "VERSION": "1",
    # In 3.1, a reference can be null in a way that linters accept and generators of clients understand.
    "OAS_VERSION": "3.1.1",
    "LICENSE": {"name": "MIT"},
    "SERVERS": [{"url": "/", "description": "The site that serves this description"}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tasks.api.schema_document.complete_document",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ProjectState": "projects.models.Project.State",
        "BatchState": "tasks.batching.models.Batch.State",
        "ImportState": "tasks.ingest.models.Import.State",
        "AssignmentState": "tasks.assignment.models.Assignment.State",
        "SetState": "tasks.assignment.models.Hand.State",
        "QuestionState": "tasks.questions.models.ImageThread.State",
        "MailChoice": (("daily", "daily"), ("once", "once"), ("never", "never")),
        "RepairState": "tasks.repair.models.Repair.State",
        "ClassChangeKind": "tasks.repair.change_models.ClassChange.Kind",
        "ClassChangeState": "tasks.repair.change_models.ClassChange.State",
        "QualificationState": "tasks.qualification.models.Qualification.State",
        "KindEnum": (("person", "person"), ("service", "service")),
        "OriginEnum": "tasks.ingest.models.Import.Source",
        "GrantOrigin": "tasks.qualification.models.QualificationGrant.Source",
        "SkillOrigin": "tasks.qualification.skill_models.SkillValue.Source",
        "AttemptKind": "tasks.qualification.models.Attempt.Kind",
        "ApplicationState": "tasks.standing.models.Application.State",
        "AttemptState": "tasks.qualification.models.Attempt.State",
        "ReviewVerdict": "tasks.review.models.Review.Verdict",
        "StageLabels": "tasks.review.models.ReviewStage.Labels",
        "StageRole": "tasks.review.models.ReviewStage.Who",
        "RoleEnum": "accounts.models.Role",
        "LabelsEnum": (("keep", "keep"), ("ask_again", "ask_again")),
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT: Path | str | None = ANNOTARY_DATA / "static"
STORAGES: dict[str, dict[str, Any]] = {
    "default": env.storage(STORAGE_URL, ANNOTARY_DATA / "files"),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# For work on the browser code: pages load its modules one by one, unbuilt.
ANNOTARY_BROWSER_SOURCES = env.flag("ANNOTARY_BROWSER_SOURCES")
# Uploads above 2 MB go to the spool; the image and archive modules enforce the real limits.
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "storage.uploads.SpoolUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 500
UPLOAD_MAX_BYTES = 4 * 1024**3

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"


def _socket_sources() -> list[str]:
    """Return where pages may open websockets, in addition to their own origin: the second port, if there is one."""
    if not ANNOTARY_WS_URL:
        return []
    if ANNOTARY_WS_URL.startswith(":"):
        # Only a port: a page opens its socket on the host that served it, whichever of ours that is.
        # A policy cannot contain IPv6 addresses (CSP3, host-source).
        hosts = [host for host in ALLOWED_HOSTS if "[" not in host]
        return [f"{scheme}://{host}{ANNOTARY_WS_URL}" for host in hosts for scheme in ("ws", "wss")]
    parts = urlsplit(ANNOTARY_WS_URL)
    return [f"{parts.scheme}://{parts.netloc}"]


CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "connect-src": [SELF, *_socket_sources()],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LOGGING: dict[str, Any] = logs.configure(json=False, level=env.text("ANNOTARY_LOG_LEVEL", "INFO"))
