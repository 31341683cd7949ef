"""How many taken images of an import the live stream was told of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0002_append_only")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="announced",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
