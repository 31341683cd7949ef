"""Deletes a project: at once for everybody, and its rows in small steps by a background job.

What stays is what others own or must be able to prove: the row of the project with who deleted it, when, and what was
lost; the ledger with its totals; and the workers' standings, which tell them in words that the project has ended
(docs/decisions/0019-deleted-projects.md). Files go with the sweep of blobs that nothing references.

Every step deletes what is left, in a transaction of its own, so the job can be killed and run again at any point.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from accounts.models import Actor
from kernel.clock import ClockTimestamp, database_now
from kernel.job_kinds import KEEP_TRYING, JobKind, NoArgs
from kernel.jobs import enqueue
from kernel.models import Job
from kernel.queues import Queue
from projects.lifecycle import mark_deleted
from projects.models import Dataset, Project
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.flow.errors import ProjectBusy
from tasks.flow.revocation import end_hands
from tasks.gold.models import Gold
from tasks.pay.models import LedgerEntry
from tasks.pay.services import post_credits
from tasks.qualification.models import Qualification

logger = structlog.get_logger(__name__)

DELETE_PROJECT = JobKind("flow.delete_project", NoArgs, queue=Queue.HEAVY, max_attempts=KEEP_TRYING)
#: Tasks whose rows are deleted in one transaction, and rows of a table that has no tasks.
TASKS_AT_ONCE = 500
ROWS_AT_ONCE = 5_000
#: Fewer, because every worker may have answered each of them.
GOLDS_AT_ONCE = 20
HANDS_AT_ONCE = 20
#: Requests that were under way when the project was deleted are over by then.
START_AFTER = timedelta(seconds=10)

# In this order: the rows of a table are deleted before those that they refer to. Each condition is on an indexed column
# of its table, and `{ids}` are those of the rows that the step is about.
RELEASES = (
    "tasks_export WHERE project_id = {id}",
    "tasks_snapshotitem WHERE project_id = {id}",
    "tasks_changedrelease WHERE change_id IN (SELECT id FROM tasks_classchange WHERE project_id = {id})",
    "tasks_repairedrelease WHERE repair_id IN (SELECT id FROM tasks_repair WHERE project_id = {id})",
    "tasks_snapshotnote WHERE snapshot_id IN (SELECT id FROM tasks_snapshot WHERE project_id = {id})",
    "tasks_snapshot WHERE project_id = {id}",
    "tasks_groupsplit WHERE project_id = {id}",
)
OF_TASKS = (
    "tasks_changedtask WHERE task_id = ANY({ids})",
    "tasks_repairedtask WHERE task_id = ANY({ids})",
    "tasks_rejectedanswer WHERE assignment_id IN (SELECT id FROM tasks_assignment WHERE task_id = ANY({ids}))",
    "tasks_threadmessage WHERE thread_id IN (SELECT t.id FROM tasks_imagethread t"
    " JOIN tasks_assignment a ON a.id = t.assignment_id WHERE a.task_id = ANY({ids}))",
    "tasks_imagethread WHERE assignment_id IN (SELECT id FROM tasks_assignment WHERE task_id = ANY({ids}))",
    "tasks_review WHERE task_id = ANY({ids})",
    "tasks_stagepass WHERE task_id = ANY({ids})",
    "tasks_labelproposal WHERE task_id = ANY({ids})",
    "tasks_posterior WHERE task_id = ANY({ids})",
    "tasks_prediction WHERE annotation_id IN (SELECT id FROM tasks_annotation WHERE task_id = ANY({ids}))",
    "tasks_annotation WHERE task_id = ANY({ids})",
    "tasks_classcheck WHERE label_id IN (SELECT id FROM tasks_consensuslabel WHERE task_id = ANY({ids}))",
    "tasks_consensuslabel WHERE task_id = ANY({ids})",
    "tasks_assignment WHERE task_id = ANY({ids})",
    "tasks_setaside WHERE task_id = ANY({ids})",
    "tasks_task WHERE id = ANY({ids})",
)
OF_GOLD = (
    "tasks_goldresult WHERE gold_id = ANY({ids})",
    "tasks_rejectedanswer WHERE assignment_id IN (SELECT id FROM tasks_assignment WHERE gold_id = ANY({ids}))",
    "tasks_threadmessage WHERE thread_id IN (SELECT t.id FROM tasks_imagethread t"
    " JOIN tasks_assignment a ON a.id = t.assignment_id WHERE a.gold_id = ANY({ids}))",
    "tasks_imagethread WHERE assignment_id IN (SELECT id FROM tasks_assignment WHERE gold_id = ANY({ids}))",
    "tasks_annotation WHERE gold_id = ANY({ids})",
    "tasks_assignment WHERE gold_id = ANY({ids})",
    "tasks_setaside WHERE gold_id = ANY({ids})",
    "tasks_gold WHERE id = ANY({ids})",
)
THE_REST = (
    "tasks_workerreliability WHERE state_id IN (SELECT id FROM tasks_consensusstate WHERE project_id = {id})",
    "tasks_consensusstate WHERE project_id = {id}",
    "tasks_attemptitem WHERE attempt_id IN (SELECT id FROM tasks_attempt WHERE qualification_id IN"
    " (SELECT id FROM tasks_qualification WHERE project_id = {id}))",
    "tasks_attempt WHERE qualification_id IN (SELECT id FROM tasks_qualification WHERE project_id = {id})",
    "tasks_qualificationimage WHERE qualification_id IN (SELECT id FROM tasks_qualification WHERE project_id = {id})",
    "tasks_requirement WHERE project_id = {id}",
    "tasks_reviewstage WHERE project_id = {id}",
    "tasks_hand WHERE project_id = {id}",
    "tasks_notice WHERE project_id = {id}",
    "tasks_commitment WHERE project_id = {id}",
    "tasks_workerpace WHERE project_id = {id}",
    "tasks_workerevidence WHERE project_id = {id}",
    "tasks_classchange WHERE project_id = {id}",
    "tasks_repair WHERE project_id = {id}",
    "tasks_exhaustion WHERE batch_id IN (SELECT id FROM tasks_batch WHERE project_id = {id})",
    "tasks_batch WHERE project_id = {id}",
    "tasks_application WHERE project_id = {id}",
    "accounts_invitation WHERE project_id = {id}",
    "projects_instructions WHERE project_id = {id}",
    "projects_labelclass WHERE project_id = {id}",
    "projects_labelschema WHERE project_id = {id}",
    "kernel_event WHERE project_id = {id}",
    "kernel_stream WHERE project_id = {id}",
)
OF_DATASET = (
    "tasks_importitem WHERE batch_import_id IN (SELECT id FROM tasks_import WHERE dataset_id = {id})",
    "tasks_import WHERE dataset_id = {id}",
    "tasks_image WHERE dataset_id = {id}",
)
#: Tables whose first column is not `id`.
KEYS = {"kernel_stream": "project_id"}


#: While jobs of other projects wait for the same worker, the job deletes for this long and then queues the rest.
TURN_SECONDS = 2.0


@transaction.atomic
def delete_project(*, project: Project, by: Actor, confirm: str, record: Mapping[str, Any]) -> None:
    """Locks the project. Delete it for everybody, and queue the job that deletes its rows; a second call is refused.

    `confirm` is the project's name as the person typed it; `record` is what they were told is lost. Raises
    DeletionNotConfirmed and ProjectUnknown.
    """
    mark_deleted(project=project, by=by, confirm=confirm, record=record)
    _enqueue(project.pk, not_before=database_now() + START_AFTER)
    logger.info("project deleted", project_id=project.pk, by=str(by.public_id), record=dict(record))


def _enqueue(project_id: int, *, not_before: datetime | None = None) -> None:
    enqueue(
        DELETE_PROJECT,
        NoArgs(),
        project_id=project_id,
        dedupe_key=f"{DELETE_PROJECT.name}:{project_id}",
        not_before=not_before,
    )


def erase_project(
    *, project_id: int, progress: Callable[[int, int], None], others_wait: Callable[[], bool] = lambda: False
) -> bool:
    """Pay what is owed, then delete the rows of a deleted project; does nothing to any other.

    Returns True once nothing is left, and False if it made room for others that wait and queued the rest. Runs outside
    transactions. `progress(done, total)` counts tasks. Raises ProjectBusy while another job of the project runs; the
    images of a dataset that other projects label stay.
    """
    project = Project.objects.get(pk=project_id)
    if project.deleted_at is None or project.erased_at is not None:
        return True
    started = time.monotonic()
    _settle(project)
    _end_jobs(project_id)
    _delete_all(RELEASES, project_id)
    golds = list(Gold.objects.filter(project_id=project_id).values_list("pk", flat=True))
    for start in range(0, len(golds), GOLDS_AT_ONCE):
        _delete_rows(OF_GOLD, golds[start : start + GOLDS_AT_ONCE])
    tasks = list(Task.objects.filter(project_id=project_id).values_list("pk", flat=True))
    for done in range(0, len(tasks), TASKS_AT_ONCE):
        if done and time.monotonic() - started > TURN_SECONDS and others_wait():
            with transaction.atomic():
                _enqueue(project_id)
            return False
        progress(done, len(tasks))
        _delete_rows(OF_TASKS, tasks[done : done + TASKS_AT_ONCE])
    Project.objects.filter(pk=project_id).update(schema=None, instructions=None)
    _delete_all(THE_REST, project_id)
    # Who has passed keeps it: other projects of the organization may require it.
    closed = {"project": None, "state": Qualification.State.CLOSED}
    Qualification.objects.filter(project_id=project_id).update(**closed)
    if not _leave_dataset(project):
        _delete_all(OF_DATASET, project.dataset_id)
        Project.objects.filter(pk=project_id).update(erased_at=ClockTimestamp())
    logger.info("project erased", project_id=project_id)
    return True


@transaction.atomic
def _leave_dataset(project: Project) -> bool:
    """Locks the dataset. Mark the project as erased and return True if rows of another one may need the images.

    Of two deleted projects that end at the same time, the one that takes the lock last deletes the images.
    """
    Dataset.objects.select_for_update(no_key=True).get(pk=project.dataset_id)
    others = Project.objects.filter(dataset_id=project.dataset_id, erased_at__isnull=True).exclude(pk=project.pk)
    if not others.exists():
        return False
    Project.objects.filter(pk=project.pk).update(erased_at=ClockTimestamp())
    return True


def _end_jobs(project_id: int) -> None:
    """Drop what is queued for the project. Raises ProjectBusy if something runs, which could write after a step."""
    others = Job.objects.filter(project_id=project_id).exclude(kind=DELETE_PROJECT.name)
    with transaction.atomic():
        # Locked first: `delete()` goes by the ids, and would delete a job that a worker has claimed in the meantime.
        queued = others.filter(state=Job.State.QUEUED).select_for_update().order_by("pk")
        Job.objects.filter(pk__in=list(queued.values_list("pk", flat=True))).delete()
    # Queued ones too: a job that ran just now may have queued its continuation.
    if others.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
        raise ProjectBusy


def _settle(project: Project) -> None:
    """End the hands that are live, and credit late answers whose own job has not: what was answered is paid."""
    live = Hand.objects.filter(project=project, state=Hand.State.LIVE).order_by("pk").values_list("pk", flat=True)
    while ids := list(live[:HANDS_AT_ONCE]):
        for pk in ids:
            end_hands([pk])
    credit = LedgerEntry.objects.filter(assignment=OuterRef("pk"), kind=LedgerEntry.Kind.CREDIT)
    unpaid = Assignment.objects.filter(~Exists(credit), project=project, state=Assignment.State.SUBMITTED)
    for pk in list(unpaid.order_by("hand_id").values_list("hand_id", flat=True).distinct()):
        with transaction.atomic():
            post_credits(hand=Hand.objects.select_for_update(no_key=True).get(pk=pk))


@transaction.atomic
def _delete_rows(statements: Sequence[str], ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            sql = f"DELETE FROM {statement.format(ids='%(ids)s')}"  # noqa: S608
            cursor.execute(sql, {"ids": list(ids)})


def _delete_all(statements: Sequence[str], row_id: int) -> None:
    """Delete the rows of each statement, some at a time, each time in a transaction of its own."""
    for statement in statements:
        table, _, condition = statement.partition(" WHERE ")
        key = KEYS.get(table, "id")
        some = f"SELECT {key} FROM {table} WHERE {condition.format(id='%(id)s')} LIMIT {ROWS_AT_ONCE}"  # noqa: S608
        while _execute(f"DELETE FROM {table} WHERE {key} IN ({some})", row_id):  # noqa: S608
            pass


def _execute(sql: str, row_id: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, {"id": row_id})
        deleted: int = cursor.rowcount
        return deleted
