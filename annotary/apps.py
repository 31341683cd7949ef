from django.apps import AppConfig


class AnnotaryConfig(AppConfig):
    name = "annotary"

    def ready(self) -> None:
        # `shared_task` and `current_app` then use the configured Celery application.
        from annotary.celery import app

        app.set_default()
