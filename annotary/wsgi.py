"""HTTP: served by WSGI threads (DESIGN §4 has the measurements)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")

application = get_wsgi_application()
