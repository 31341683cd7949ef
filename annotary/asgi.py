"""ASGI entry point: serves only websockets; `annotary.wsgi` serves HTTP."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
_http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from workers_ui.consumers.outages import OutageGuard  # noqa: E402
from workers_ui.consumers.routing import websocket_urlpatterns  # noqa: E402
from workers_ui.consumers.security import SameSiteOriginValidator  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": _http,
        "websocket": OutageGuard(SameSiteOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))),
    }
)
