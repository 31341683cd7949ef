"""How many images a worker may return a day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="returns_per_day",
            field=models.PositiveIntegerField(db_default=50, default=50),
        ),
    ]
