from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class AnnotaryConfig(AppConfig):
    name = "annotary"

    def ready(self) -> None:
        # `shared_task` and `current_app` then use the configured Celery application.
        from annotary.celery import app
        from annotary.interrupted_migrations import drop_unfinished_indexes

        app.set_default()
        pre_migrate.connect(drop_unfinished_indexes)
