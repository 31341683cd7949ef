"""The queues of background jobs, by kind of work: bulk work in one never holds up the work in another."""

from django.db import models

#: Celery's own default. Messages from before there were queues wait in it.
DEFAULT_QUEUE = "celery"


class Queue(models.TextChoices):
    """INTERACTIVE: short work that people wait for. HEAVY: refits, and the updates that one queues in bulk."""

    INTERACTIVE = "interactive"
    IMPORT = "import"
    EXPORT = "export"
    HEAVY = "heavy"
    SWEEPS = "sweeps"


#: Every queue; a worker that is started without `-Q` consumes them all.
ALL_QUEUES = (DEFAULT_QUEUE, *Queue.values)
#: How many jobs of a queue may wait in the broker. The others wait in the database, where projects take turns; these
#: are what the next job of another project has to wait for, so they are few where a job can take seconds: one update of
#: labels is quick for classes, and takes a second or more where the drawings of a whole set are fused.
MAX_SENT: dict[str, int] = {
    DEFAULT_QUEUE: 32,
    Queue.INTERACTIVE: 4,
    Queue.SWEEPS: 32,
    Queue.IMPORT: 1,
    Queue.EXPORT: 1,
    Queue.HEAVY: 2,
}
#: How many jobs of one project may be with the broker or run at once. An export cannot be interrupted, so a project
#: that exports in several formats leaves the other processes to other projects.
MAX_PER_PROJECT: dict[str, int] = {Queue.EXPORT: 1}
