"""Check images are no longer counted as work that is answered and approved, in the totals of live streams either."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.models import Index, Q

# One row a project. Events that no relay has numbered yet are added to the totals later, and make them right then.
LEAVE_OUT = """
UPDATE kernel_stream s
SET totals = s.totals || jsonb_build_object(
    'tasks', coalesce((s.totals->>'tasks')::bigint, 0) - c.tasks,
    'answered', coalesce((s.totals->>'answered')::bigint, 0) - c.answered,
    'approved', coalesce((s.totals->>'approved')::bigint, 0) - c.approved)
FROM (
    SELECT project_id, count(*) AS tasks, count(*) FILTER (WHERE state <> 'open') AS answered,
        count(*) FILTER (WHERE state = 'approved') AS approved
    FROM tasks_task WHERE wanted = 0 GROUP BY project_id
) c
WHERE s.project_id = c.project_id
"""
PUT_BACK = LEAVE_OUT.replace(", 0) - c.", ", 0) + c.")


class Migration(migrations.Migration):
    # Built beside running work, which a transaction would not allow.
    atomic = False

    dependencies = [("kernel", "0002_queues"), ("tasks", "0016_indexes_of_lists")]

    operations = [
        AddIndexConcurrently(
            "task",
            Index(
                fields=["project", "state", "image"],
                include=["id"],
                condition=Q(wanted=0),
                name="tasks_task_not_work",
            ),
        ),
        migrations.RunSQL(LEAVE_OUT, PUT_BACK),
    ]
