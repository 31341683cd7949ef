"""ASGI entry point: serves websockets, and sends what `annotary.wsgi`, which serves HTTP, orders for slow readers."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
# Nobody waits longer for a page, and a request that was left in a transaction must not hold its locks.
os.environ.setdefault("ANNOTARY_STATEMENT_SECONDS", "30")
os.environ.setdefault("ANNOTARY_IDLE_TRANSACTION_SECONDS", "60")
_http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from storage.sending import ComposedFileSender  # noqa: E402
from workers_ui.consumers.outages import OutageGuard  # noqa: E402
from workers_ui.consumers.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": ComposedFileSender(_http),
        "websocket": OutageGuard(URLRouter(websocket_urlpatterns)),
    }
)
