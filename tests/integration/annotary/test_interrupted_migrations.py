"""A migration that was killed after it had built an index, and before that was recorded, runs again."""

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from annotary.interrupted_migrations import drop_unfinished_indexes

NAME = "0006_golds_had"


@pytest.mark.django_db(transaction=True)
def test_an_index_that_is_there_already_is_built_again() -> None:
    loader = MigrationExecutor(connection).loader
    migration = loader.get_migration("tasks", NAME)

    def build() -> None:
        state = loader.project_state(("tasks", "0005_answers_by_time"))
        with connection.schema_editor(atomic=False) as editor:
            migration.apply(state, editor)

    with pytest.raises(ProgrammingError, match="already exists"):
        build()
    drop_unfinished_indexes(sender=apps.get_app_config("tasks"), using="default", plan=[(migration, False)])
    build()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "before"),
    [("0009_random_order", "0008_batch_cursor"), ("0010_returned_images", "0009_random_order")],
)
def test_a_migration_that_was_killed_while_it_built_an_index_runs_again(name: str, before: str) -> None:
    loader = MigrationExecutor(connection).loader
    migration = loader.get_migration("tasks", name)
    drop_unfinished_indexes(sender=apps.get_app_config("tasks"), using="default", plan=[(migration, False)])
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(loader.project_state(("tasks", before)), editor)
