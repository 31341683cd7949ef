from django.apps import AppConfig


class AnnotaryConfig(AppConfig):
    name = "annotary"

    def ready(self) -> None:
        # Makes the configured application the one that `shared_task` and `current_app` find.
        from annotary.celery import app

        app.set_default()
