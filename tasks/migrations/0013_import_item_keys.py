"""Of several files with one name the first is taken, in an archive too; imports have a note for their sender."""

from django.db import migrations, models
from django.db.models import Q

KEY = "tasks_importitem_key_once_per_import"
ENTRY = "tasks_importitem_entry_once_per_import"

# Each step can run again, if it was killed before the migration was recorded.
ADD = """
SET lock_timeout = '5s';
ALTER TABLE tasks_importitem ADD COLUMN IF NOT EXISTS key varchar(1024) DEFAULT '' NOT NULL,
    ADD COLUMN IF NOT EXISTS entry integer CHECK (entry >= 0);
ALTER TABLE tasks_import ADD COLUMN IF NOT EXISTS note text DEFAULT '' NOT NULL;
RESET lock_timeout;
"""
DROP = """
ALTER TABLE tasks_importitem DROP COLUMN key, DROP COLUMN entry;
ALTER TABLE tasks_import DROP COLUMN note;
"""


def unique_per_import(column: str, name: str, where: Q, where_sql: str) -> migrations.SeparateDatabaseAndState:
    """Build the index beside running work; rows of older versions are not in it."""
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    create = f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON tasks_importitem (batch_import_id, {column}) {where_sql}"
    constraint = models.UniqueConstraint(fields=["batch_import", column], condition=where, name=name)
    return migrations.SeparateDatabaseAndState(
        # An interrupted build leaves an invalid index behind, which the first statement removes.
        database_operations=[migrations.RunSQL(drop, migrations.RunSQL.noop), migrations.RunSQL(create, drop)],
        state_operations=[migrations.AddConstraint("importitem", constraint)],
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tasks", "0012_database_clock")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, DROP)],
            state_operations=[
                migrations.AddField(
                    "importitem", "key", models.CharField(blank=True, db_default="", default="", max_length=1024)
                ),
                migrations.AddField("importitem", "entry", models.PositiveIntegerField(null=True)),
                migrations.AddField("import", "note", models.TextField(blank=True, db_default="", default="")),
            ],
        ),
        unique_per_import("key", KEY, ~Q(key=""), "WHERE NOT (key = '')"),
        unique_per_import("entry", ENTRY, Q(entry__isnull=False), "WHERE entry IS NOT NULL"),
    ]
