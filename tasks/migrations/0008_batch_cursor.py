"""The model `Exhaustion` becomes `BatchCursor`. Its table keeps its name, so this changes Django's state alone."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tasks", "0007_consensus_state")]

    operations = [
        migrations.AlterModelTable("exhaustion", "tasks_exhaustion"),
        migrations.RenameModel("Exhaustion", "BatchCursor"),
    ]
