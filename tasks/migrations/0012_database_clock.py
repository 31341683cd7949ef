"""Timestamps from the database's clock; exports and releases whose job has failed do not stay unfinished."""

from django.db import migrations, models
from django.db.models.functions import Now

EXPORTS = """
UPDATE tasks_export e SET state = 'failed', error = 'The export was not finished. Request it again.'
WHERE state IN ('queued', 'writing', 'verifying') AND NOT EXISTS (
    SELECT FROM kernel_job j WHERE j.kind = 'exports.write' AND j.state IN ('queued', 'running')
        AND (j.args->>'export_id')::bigint = e.id)
"""
RELEASES = """
UPDATE tasks_snapshot s SET state = 'failed', error = 'The release was not finished. Create it again.'
WHERE state = 'building' AND NOT EXISTS (
    SELECT FROM kernel_job j WHERE j.kind = 'snapshots.build' AND j.state IN ('queued', 'running')
        AND (j.args->>'snapshot_id')::bigint = s.id)
"""


def database_clock(model: str, name: str) -> migrations.AlterField:
    return migrations.AlterField(model, name, models.DateTimeField(db_default=Now()))


class Migration(migrations.Migration):
    dependencies = [("tasks", "0011_label_proposals"), ("kernel", "0002_queues")]

    operations = [
        database_clock("consensuslabel", "created_at"),
        database_clock("consensusstate", "created_at"),
        database_clock("posterior", "updated_at"),
        migrations.RunSQL(EXPORTS, migrations.RunSQL.noop),
        migrations.RunSQL(RELEASES, migrations.RunSQL.noop),
    ]
