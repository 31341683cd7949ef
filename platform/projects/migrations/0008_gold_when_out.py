"""What happens when a project has no gold left. A constant default: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0007_budget")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            "project",
            "gold_when_out",
            models.CharField(
                max_length=10,
                choices=[("go_on", "Go on without"), ("stop", "Stop until there are more")],
                default="go_on",
                db_default="go_on",
            ),
        ),
    ]
