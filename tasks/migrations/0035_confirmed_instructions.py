"""The version of the instructions that a worker has confirmed. A column with a default in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0034_class_checks"), ("projects", "0011_changes_of_classes_and_instructions")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="standing",
            name="confirmed_version",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
