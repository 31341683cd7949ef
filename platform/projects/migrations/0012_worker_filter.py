"""Which workers a project gives sets to. A constant default: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0011_changes_of_classes_and_instructions")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("project", "worker_filter", models.TextField(blank=True, db_default="", default="")),
    ]
