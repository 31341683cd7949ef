"""Which results of gold are part of a worker's evidence, and which failures have been considered.

Results that exist count and are considered: the defaults are constants, so no row is written.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0008_gold_when_out"), ("tasks", "0026_gold_sites")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("goldresult", "counts", models.BooleanField(default=True, db_default=True)),
        migrations.AddField("goldresult", "is_checked", models.BooleanField(default=False, db_default=True)),
        migrations.AddIndex(
            "goldresult",
            models.Index(
                fields=["gold"], condition=models.Q(correct=False, is_checked=False), name="tasks_goldresult_unchecked"
            ),
        ),
    ]
