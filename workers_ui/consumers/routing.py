"""URL routes of the websockets."""

from django.urls import path

from workers_ui.consumers.project import ProjectConsumer

websocket_urlpatterns = [path("ws/projects/<uuid:project_id>/", ProjectConsumer.as_asgi())]
