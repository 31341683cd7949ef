"""Sets can be sized in minutes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_archived_and_deleted")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="set_minutes",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
    ]
