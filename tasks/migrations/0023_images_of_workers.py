"""How many images a worker has got in a project, for caps, and an index of the sets that a worker has in progress.

Images of existing standings are counted by the first claim under a share per worker, not here.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Index, Q


class Migration(migrations.Migration):
    # Built beside running work, which a transaction would not allow.
    atomic = False

    dependencies = [
        ("accounts", "0005_live_sets"),
        ("projects", "0005_caps_priority_deadline"),
        ("tasks", "0022_groups_paces_deadlines"),
    ]

    operations = [
        migrations.RunSQL("SET lock_timeout = '5s'", "SET lock_timeout = '5s'"),
        # Null in existing rows: the default comes after the column.
        migrations.AddField(model_name="standing", name="images", field=models.PositiveIntegerField(null=True)),
        migrations.AlterField(
            model_name="standing",
            name="images",
            field=models.PositiveIntegerField(db_default=0, default=0, null=True),
        ),
        migrations.AddField(
            model_name="standing",
            name="images_today",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(model_name="standing", name="images_day", field=models.DateField(null=True)),
        migrations.RunSQL("RESET lock_timeout", "RESET lock_timeout"),
        AddIndexConcurrently(
            "hand", Index(fields=["worker"], condition=Q(state="live"), name="tasks_hand_live_of_worker")
        ),
    ]
