"""Has finished images answered again, batch by batch, once a manager has applied a policy to them.

Each step commits on its own and finds what is left to do in the tables, so the job can be killed and run again. It asks
for no more than the policy that the manager saw, and for no more than the project's present one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from kernel.job_kinds import KEEP_TRYING, JobKind
from kernel.jobs import enqueue
from kernel.queues import Queue
from projects.models import Project
from tasks.batching.models import Batch
from tasks.consensus.asking_again import ask_for_minimum, batches_with_finished, undecided_of_batch
from tasks.consensus.next_steps import Asking
from tasks.flow.relabel import relabel


@dataclass(frozen=True, slots=True)
class FinishedImages:
    """answers_min: what finished images get at least. decide_again: whether the others are decided about once more.
    after: the row id of the last batch that is done."""

    answers_min: int
    decide_again: bool
    after: int = 0


ASK_FINISHED = JobKind("flow.ask_finished", FinishedImages, queue=Queue.HEAVY, max_attempts=KEEP_TRYING)


def ask_finished_images(
    *, project_id: int, args: FinishedImages, others_wait: Callable[[], bool] = lambda: False
) -> bool:
    """Locks one batch and its tasks at a time. Return False if it made room for others and queued the rest.

    Does nothing more once the project is closed, archived or deleted.
    """
    project = Project.objects.get(pk=project_id)
    for number, batch_id in enumerate(batches_with_finished(project=project, after=args.after)):
        if number and others_wait():
            with transaction.atomic():
                rest = FinishedImages(args.answers_min, args.decide_again, after=batch_id - 1)
                enqueue(ASK_FINISHED, rest, project_id=project_id)
            return False
        if not _ask(batch_id, args):
            return True
    return True


def _ask(batch_id: int, args: FinishedImages) -> bool:
    """Ask about the finished images of a batch; return False if the project takes no more answers."""
    with transaction.atomic():
        batch = Batch.objects.select_related("project").filter(pk=batch_id).first()
        if batch is None or batch.project.state not in (Project.State.OPEN, Project.State.PAUSED):
            return False
        project = batch.project
        least = min(args.answers_min, project.answers_min)
        ask_for_minimum(batch=batch, least=least)
    if args.decide_again and project.answers_max > project.answers_min:
        undecided = undecided_of_batch(batch_id=batch_id, least=least, most=project.answers_max)
        relabel(task_ids=undecided, asking=Asking.REOPEN)
    return True
