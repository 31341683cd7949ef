"""Settings for tests: a temporary database, fast password hashes, mail in memory."""

import tempfile
from pathlib import Path

from annotary.settings import env
from annotary.settings.base import *  # noqa: F403
from annotary.settings.base import DATABASES

SECRET_KEY = "tests-only-" + "0123456789abcdef" * 4
ANNOTARY_DATA = Path(env.text("ANNOTARY_DATA", tempfile.gettempdir() + "/annotary-tests"))
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STATIC_ROOT = None
DATABASES["default"]["CONN_MAX_AGE"] = 0
# As in the processes that claim: with a limit, prepared statements are planned once.
DATABASES["default"]["OPTIONS"].update(env.database_options(statement=0, idle_in_transaction=300))
# Tests change people's access directly in the database; those of the cache itself turn it on.
ANNOTARY_IDENTITY_SECONDS = 0
