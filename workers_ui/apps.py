from django.apps import AppConfig


class WorkersUiConfig(AppConfig):
    name = "workers_ui"
