"""How long an answer takes a worker, and how many images a set therefore has.

The pace is the mean of the worker's measured seconds per answer in the project, shrunk towards the seconds that the
manager expects: it begins there, and weighs both alike after `PRIOR_ANSWERS` answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from projects.models import Project
from tasks.workers.models import WorkerPace

#: How many measured answers the manager's estimate weighs as much as.
PRIOR_ANSWERS = 10
#: The most images that a set is asked to have; the rest of a group may come on top.
MAX_SIZE = 100

# The times come from the worker's device. None is below a second, above the time since the image was assigned, or above
# 20 times the expected one. The answers of one call are all of one worker and project.
ADD_ANSWERS = """
INSERT INTO tasks_workerpace AS pace (project_id, worker_id, answers, seconds)
SELECT t.project_id, t.worker_id, count(*), sum(greatest(1, least(t.seconds, t.since_lease, 20 * p.seconds_per_answer)))
FROM (
    SELECT a.project_id, a.worker_id, sum(n.seconds) AS seconds,
        extract(epoch FROM a.submitted_at - a.leased_at)::float8 AS since_lease
    FROM tasks_assignment a JOIN tasks_annotation n ON n.assignment_id = a.id
    WHERE a.id = ANY(%s) AND NOT a.is_correction
    GROUP BY a.id
) t JOIN projects_project p ON p.id = t.project_id
WHERE t.seconds IS NOT NULL
GROUP BY t.project_id, t.worker_id
ON CONFLICT (project_id, worker_id) DO UPDATE
SET answers = pace.answers + excluded.answers, seconds = pace.seconds + excluded.seconds
"""


def add_answers(*, assignment_ids: list[int]) -> None:
    """Locks the worker's pace, after all other locks. Add the times of these answers, each of which was just paid.

    Answers without a time, as from programs, are left out. Check images are added like work, or the size of the next
    set would tell them apart.
    """
    if assignment_ids:
        with connection.cursor() as cursor:
            cursor.execute(ADD_ANSWERS, [assignment_ids])


def pace(*, expected: int, answers: int, seconds: float) -> float:
    """Return the seconds per answer of a worker with this many measured answers, which took `seconds` in total."""
    return (PRIOR_ANSWERS * max(expected, 1) + seconds) / (PRIOR_ANSWERS + answers)


def set_size(*, images: int, minutes: int, seconds_per_answer: float) -> int:
    """Return how many images a set has by policy: as many as fit in `minutes`, or `images` if those are 0."""
    if not minutes:
        return images
    return max(1, min(MAX_SIZE, round(minutes * 60 / seconds_per_answer)))


@dataclass(frozen=True, slots=True)
class SetSize:
    """How many images the next set has, and the seconds that an answer takes; both are estimates for one worker."""

    images: int
    seconds_per_answer: float

    @property
    def seconds(self) -> int:
        return round(self.images * self.seconds_per_answer)


def set_sizes_of(*, worker_id: int, projects: Iterable[Project]) -> dict[int, SetSize]:
    """Return {project id: the size of the worker's next set} for these projects."""
    by_id = {project.pk: project for project in projects}
    rows = WorkerPace.objects.filter(worker_id=worker_id, project_id__in=by_id)
    measured = {row.project_id: row for row in rows}
    return {pk: _set_size(project, measured.get(pk, WorkerPace())) for pk, project in by_id.items()}


def expected_set_size(project: Project) -> SetSize:
    """Return the size of a set for a worker who is as fast as the manager expects."""
    return _set_size(project, WorkerPace())


def _set_size(project: Project, measured: WorkerPace) -> SetSize:
    seconds = pace(expected=project.seconds_per_answer, answers=measured.answers, seconds=measured.seconds)
    images = set_size(images=project.hand_size, minutes=project.set_minutes, seconds_per_answer=seconds)
    return SetSize(images, seconds)
