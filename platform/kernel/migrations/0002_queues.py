"""Queues of jobs, and timestamps from the database's clock."""

from django.db import migrations, models
from django.db.models.functions import Now

# Unfinished jobs move to the queue of their kind. Label updates stay in the old queue: those of a settled set cannot be
# told from those of a refit.
QUEUES = """
UPDATE kernel_job SET queue = CASE kind
    WHEN 'flow.run_import' THEN 'import'
    WHEN 'consensus.refit' THEN 'heavy'
    WHEN 'flow.settle_late_answer' THEN 'interactive'
    ELSE 'export' END
WHERE state IN ('queued', 'running') AND kind IN ('flow.run_import', 'consensus.refit', 'flow.settle_late_answer',
    'exports.write', 'snapshots.build', 'flow.report')
"""
OUTBOX = """
UPDATE kernel_outboxmessage o SET queue = j.queue, project_id = COALESCE(j.project_id, 0)
FROM kernel_job j WHERE j.id = o.job_id
"""


def database_clock(model: str, name: str) -> migrations.AlterField:
    return migrations.AlterField(model, name, models.DateTimeField(db_default=Now()))


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]

    operations = [
        migrations.AddField(
            "job", "queue", models.CharField(db_default="celery", default="interactive", max_length=20)
        ),
        migrations.AddField("outboxmessage", "project_id", models.BigIntegerField(db_default=0)),
        migrations.AddField("outboxmessage", "queue", models.CharField(db_default="celery", max_length=20)),
        database_clock("event", "created_at"),
        database_clock("idempotencyrecord", "created_at"),
        database_clock("job", "created_at"),
        database_clock("outboxmessage", "created_at"),
        database_clock("stream", "updated_at"),
        migrations.RunSQL(QUEUES, migrations.RunSQL.noop),
        migrations.RunSQL(OUTBOX, migrations.RunSQL.noop),
        migrations.AddIndex(
            "job",
            models.Index(
                condition=models.Q(state="running") | models.Q(sent_at__isnull=False, state="queued"),
                fields=["queue", "project_id"],
                name="kernel_job_in_flight",
            ),
        ),
        migrations.AddIndex(
            "job", models.Index(condition=models.Q(("state", "queued")), fields=["queue"], name="kernel_job_queued")
        ),
        migrations.AddIndex(
            "outboxmessage", models.Index(fields=["queue", "project_id", "id"], name="kernel_outbox_by_project")
        ),
    ]
