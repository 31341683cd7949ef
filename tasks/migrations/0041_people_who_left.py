"""Workers who left a project and may come back. A column with a default in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0040_notices")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="standing",
            name="left_from",
            field=models.CharField(
                blank=True,
                choices=[("active", "Active"), ("paused", "Paused"), ("removed", "Removed")],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
    ]
