"""One machine, everything under one supervisor (`manage.py up`)."""

from annotary.settings import env
from annotary.settings.base import *  # noqa: F403
from annotary.settings.base import ANNOTARY_BROWSER_SOURCES, ANNOTARY_DATA, SECRET_KEY, STORAGES

if not SECRET_KEY:
    # Commands that need no sessions (migrate, makemigrations) run without the supervisor's secret. A key that lasts for
    # one process is enough for them and useless to anyone else.
    from django.core.management.utils import get_random_secret_key

    SECRET_KEY = get_random_secret_key()

# Mail needs a server, which a single machine does not have; messages are written to files in the data folder instead.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = ANNOTARY_DATA / "mail"
ALLOWED_HOSTS = env.words("ANNOTARY_HOSTS", "127.0.0.1,localhost,[::1]")
if ANNOTARY_BROWSER_SOURCES:
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_MAX_AGE = 0
else:
    STATICFILES_FINDERS = ["annotary.staticfiles.LoadedFilesFinder"]
    STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "annotary.staticfiles.HashedFilesStorage"}}
