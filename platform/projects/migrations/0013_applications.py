"""Whether workers see a project and can apply. A constant default: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0012_worker_filter")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            "project",
            "applications",
            models.CharField(
                choices=[
                    ("off", "By invitation only"),
                    ("listed", "Workers of the organization see the project and can apply"),
                ],
                db_default="off",
                default="off",
                max_length=10,
            ),
        ),
    ]
