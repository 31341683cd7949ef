"""After how many workers have skipped an image it is set aside; never in projects that exist already."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0005_caps_priority_deadline")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="skips_to_manager",
            field=models.PositiveSmallIntegerField(db_default=0, default=3),
        ),
    ]
