"""The pages."""

from django.urls import URLPattern, URLResolver

app_name = "workers_ui"
urlpatterns: list[URLPattern | URLResolver] = []
