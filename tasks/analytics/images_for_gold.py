"""Which images a manager is offered to make gold of: those that nobody has been given, from all parts of the upload.

Gold is given out among the work of its own batch, so all of it in one batch, or of one folder of the upload, would be
found: workers compare what they get early with what they get late. See docs/decisions/0031.
"""

from django.db import connection
from django.db.models import QuerySet

from projects.models import Project
from tasks.batching.models import Task
from tasks.gold.models import Gold
from tasks.ingest.models import Image

#: Batches that are looked into at once.
BATCHES = 50

# Of each of the batches with the least gold one image, then a second one of each, and so on. The order in a batch is
# random, and like that of the batches it stays the same when the page is loaded again.
OFFERED = f"""
SELECT free.image_id FROM (
    SELECT b.id, coalesce(gold.number, 0) AS golds, md5(b.public_id::text) AS place
    FROM tasks_batch b LEFT JOIN (
        SELECT batch_id, count(*) AS number FROM tasks_gold WHERE project_id = %(project)s GROUP BY batch_id
    ) gold ON gold.batch_id = b.id
    WHERE b.project_id = %(project)s AND b.taken < b.wanted ORDER BY golds, place LIMIT {BATCHES}
) batch CROSS JOIN LATERAL (
    SELECT t.image_id, row_number() OVER (ORDER BY t.order_key) AS number FROM tasks_task t
    WHERE t.batch_id = batch.id AND t.state = 'open' AND t.taken = 0 AND t.wanted > 0
      AND NOT EXISTS (SELECT FROM tasks_assignment a WHERE a.task_id = t.id)
      AND NOT EXISTS (
          SELECT FROM tasks_gold g WHERE g.project_id = t.project_id AND g.image_id = t.image_id AND g.state = 'active')
    ORDER BY t.order_key LIMIT %(count)s
) free
ORDER BY free.number, batch.golds, batch.place LIMIT %(count)s
"""  # noqa: S608


def available_for_gold(*, project: Project) -> QuerySet[Image]:
    """Return images that no worker has been assigned and that are not gold: an owner can still turn them into gold."""
    golds = Gold.objects.filter(project=project, state=Gold.State.ACTIVE)
    tasks = Task.objects.filter(project=project, state=Task.State.OPEN, taken=0, wanted__gt=0, assignments__isnull=True)
    return Image.objects.filter(pk__in=tasks.values("image_id")).exclude(pk__in=golds.values("image_id")).order_by("id")


def offered_for_gold(*, project: Project, count: int) -> list[Image]:
    """Return so many of them, or fewer, spread over the batches; the same again while nothing changes."""
    with connection.cursor() as cursor:
        cursor.execute(OFFERED, {"project": project.pk, "count": count})
        ids = [image_id for (image_id,) in cursor.fetchall()]
    if not ids:
        return list(available_for_gold(project=project)[:count])
    images = Image.objects.in_bulk(ids)
    return [images[image_id] for image_id in ids]
