"""Check images are no longer counted as work that is answered and approved, in the totals of live streams either."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.models import Index, Q

# One event a project, which the relay numbers and adds to the totals like any other: so the totals stay the sum of the
# events, for those who read them by number too.
LEAVE_OUT = """
INSERT INTO kernel_event (project_id, kind, data, delta, created_at)
SELECT project_id, 'totals.corrected', '{}', jsonb_build_object('tasks', -count(*),
    'answered', -count(*) FILTER (WHERE state <> 'open'), 'approved', -count(*) FILTER (WHERE state = 'approved')), now()
FROM tasks_task WHERE wanted = 0 GROUP BY project_id
"""
PUT_BACK = LEAVE_OUT.replace("-count", "count")


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
