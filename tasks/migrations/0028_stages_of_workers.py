"""What follows from doubtful answers of a worker: a stage, findings, and pauses that await a decision.

Nobody's stage or state changes here: it changes with the next settlement, by the answers.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0027_gold_results_that_count")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", "SET LOCAL lock_timeout = '5s'"),
        migrations.AddField(
            model_name="standing",
            name="stage",
            field=models.CharField(
                choices=[("none", "None"), ("coached", "Coached"), ("watched", "Watched")],
                db_default="none",
                default="none",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="standing",
            name="awaits_decision",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(model_name="standing", name="findings", field=models.JSONField(null=True)),
        migrations.AlterField(
            model_name="workerevidence",
            name="source",
            field=models.CharField(
                choices=[("gold", "Gold"), ("review", "Review"), ("agreement", "Agreement")], max_length=10
            ),
        ),
        migrations.RunSQL("RESET lock_timeout", "RESET lock_timeout"),
    ]
