"""A project with very many tasks, generated inside the database in about a minute per million."""

from django.db import connection

from accounts.models import Actor
from projects.models import Project
from tests import factories

BATCH_SIZE = 50
#: More than the veteran gets in any benchmark: who has had all costs a second statement, to fill the set.
CHECK_IMAGES = 1000

# The bulk rows are consistent by construction, and checking their foreign keys would take most of the time.
UNCHECKED = "SET session_replication_role = replica"
CHECKED = "SET session_replication_role = DEFAULT"

IMAGES = """
INSERT INTO tasks_image (public_id, dataset_id, sha256, source_key, metadata, group_key, width, height, original_width,
    original_height, orientation, original_id, release_id, rendition_id, thumb_id, perceptual_hash, quality, created_at)
SELECT gen_random_uuid(), %(dataset)s, lpad(to_hex(n), 64, '0'), 'photos/' || n || '.jpg', '{}', '', 640, 480, 640, 480,
    1, %(blob)s, %(blob)s, %(blob)s, %(blob)s, n, '{}', now()
FROM generate_series(1, %(tasks)s) n
"""

BATCHES = """
INSERT INTO tasks_batch (public_id, project_id, number, state, priority, wanted, taken, generation, created_at)
SELECT gen_random_uuid(), %(project)s, n, 'open', 0, %(size)s * %(wanted)s, 0, 1, now()
FROM generate_series(1, %(tasks)s / %(size)s) n
"""

TASKS = """
INSERT INTO tasks_task (public_id, project_id, batch_id, image_id, state, priority, wanted, taken, round, created_at)
SELECT gen_random_uuid(), %(project)s, b.id, i.id, 'open', 0, %(wanted)s, 0, 1, now()
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM tasks_image WHERE dataset_id = %(dataset)s) i
JOIN tasks_batch b ON b.project_id = %(project)s AND b.number = (i.n - 1) / %(size)s + 1
"""

# The worker has completed every task of the first batches, which stay open because they need more answers.
HANDS_BEHIND = """
INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at, settled_at)
SELECT gen_random_uuid(), %(project)s, %(worker)s, 'settled', 10, now(), now(), now()
FROM generate_series(1, %(behind)s / 10)
"""

TASKS_BEHIND = """
WITH had AS (
    SELECT t.id, row_number() OVER (ORDER BY t.id) AS n FROM tasks_task t JOIN tasks_batch b ON b.id = t.batch_id
    WHERE t.project_id = %(project)s AND b.number <= %(behind)s / %(size)s
), hands AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM tasks_hand WHERE worker_id = %(worker)s
)
INSERT INTO tasks_assignment (public_id, project_id, hand_id, worker_id, task_id, round, position, state, counts, late,
    schema_id, rendition_id, width, height, price, leased_at, expires_at, closed_at, submitted_at)
SELECT gen_random_uuid(), %(project)s, hands.id, %(worker)s, had.id, 1, (had.n - 1) %% 10 + 1, 'submitted', true, false,
    %(schema)s, %(blob)s, 640, 480, 0.02, now(), now(), now(), now()
FROM had JOIN hands ON hands.n = (had.n - 1) / 10 + 1
"""

TAKEN_BEHIND = """
UPDATE tasks_task t SET taken = 1 FROM tasks_batch b
WHERE b.id = t.batch_id AND t.project_id = %(project)s AND b.number <= %(behind)s / %(size)s
"""

BATCHES_BEHIND = """
UPDATE tasks_batch SET taken = %(size)s WHERE project_id = %(project)s AND number <= %(behind)s / %(size)s
"""

EXHAUSTED_BEHIND = """
INSERT INTO tasks_exhaustion (project_id, batch_id, worker_id, generation)
SELECT project_id, id, %(worker)s, generation FROM tasks_batch
WHERE project_id = %(project)s AND number <= %(behind)s / %(size)s
"""

ANALYZE = "ANALYZE tasks_image, tasks_batch, tasks_task, tasks_assignment, tasks_hand, tasks_exhaustion, tasks_gold"


def a_big_project(*, tasks: int, behind: int, veteran: Actor, wanted: int = 3) -> Project:
    """Create an open project with `tasks` open tasks; `veteran` has completed the first `behind` of them."""
    project = factories.a_project("A million", workers=[veteran], gold_rate=0.1, hand_size=10)
    params = {
        "project": project.pk,
        "dataset": project.dataset_id,
        "schema": project.schema_id,
        "blob": factories.a_blob().pk,
        "worker": veteran.pk,
        "tasks": tasks,
        "behind": behind,
        "size": BATCH_SIZE,
        "wanted": wanted,
    }
    steps = [IMAGES, BATCHES, TASKS, HANDS_BEHIND, TASKS_BEHIND, TAKEN_BEHIND, BATCHES_BEHIND, EXHAUSTED_BEHIND]
    with connection.cursor() as cursor:
        cursor.execute(UNCHECKED)
        for step in steps:
            cursor.execute(step, params)
        cursor.execute(CHECKED)
        # After the tasks: gold is not claimed for images that are open tasks.
        for _ in range(CHECK_IMAGES):
            factories.a_gold(project)
        cursor.execute(ANALYZE)
    return project
