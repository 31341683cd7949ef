"""Celery entry points of the pipeline: each takes ids, calls one use case and is safe to run twice."""

from datetime import date, timedelta

from celery import shared_task

from accounts.traces import delete_old_traces
from kernel.clock import database_now
from kernel.errors import AnnotaryError
from kernel.job_kinds import NoArgs
from kernel.jobs import enqueue_again, job, others_wait, report_progress
from kernel.models import Job
from kernel.progress import Progress
from projects.lifecycle import ANNOUNCE_WORK
from projects.models import Project
from projects.selectors import deleted_projects
from tasks.annotation.services import SETTLE_LATE, LateAnswer
from tasks.assignment.budget import fold_commitments
from tasks.assignment.cursors import delete_unread_cursors
from tasks.consensus.refit import REFIT, UPDATE_LABELS, TaskIds, queue_missed_tasks, refit
from tasks.exports.selectors import WRITE, ExportId
from tasks.exports.services import EXPORT_INTERRUPTED, fail_export, write_export
from tasks.exports.services import record_progress as record_export_progress
from tasks.flow.announcements import announce_work
from tasks.flow.class_change import CHANGE_CLASSES, ClassChangeId, run_class_change
from tasks.flow.expiry import expire_leases
from tasks.flow.finished_images import ASK_FINISHED, FinishedImages, ask_finished_images
from tasks.flow.gold_judgement import suspend_contested_gold
from tasks.flow.imports import interrupt_import, run_import
from tasks.flow.invitation_mail import SEND_INVITATIONS, InvitationMail, mail_invitations
from tasks.flow.project_deletion import DELETE_PROJECT, erase_project
from tasks.flow.relabel import relabel
from tasks.flow.repair import REPAIR, RepairId, run_repair
from tasks.flow.revocation import end_hands_without_access
from tasks.flow.settlement import settle_late_answer
from tasks.flow.worker_review import review_coworkers
from tasks.ingest.services import RUN as RUN_IMPORT
from tasks.ingest.services import ImportId
from tasks.notices.mail import SEND, queue_mails, send_due_mails
from tasks.notices.services import delete_old_notices
from tasks.pay.approvals import TELL_APPROVED, ApprovedDay, tell_approved
from tasks.snapshots.errors import RepairUnfinished
from tasks.snapshots.selectors import BUILD, SnapshotId
from tasks.snapshots.services import BUILD_INTERRUPTED, build_snapshot, fail_snapshot
from tasks.snapshots.services import record_progress as record_snapshot_progress

#: Work that nothing else would ask for again is queued again after this pause when all its attempts have failed.
NEXT_TRY = timedelta(hours=1)
#: A release that waits for a repair to end tries it again after this pause.
NEXT_BUILD = timedelta(seconds=5)


def _try_again_later(row: Job, error: AnnotaryError | None) -> None:
    """The failed job stays in the table, where operators look for it."""
    if row.project_id is not None and Project.objects.filter(pk=row.project_id, deleted_at__isnull=True).exists():
        enqueue_again(row, not_before=database_now() + NEXT_TRY)


def _try_approval_later(row: Job, error: AnnotaryError | None) -> None:
    enqueue_again(row, not_before=database_now() + NEXT_TRY)


def _interrupt_import(row: Job, error: AnnotaryError | None) -> None:
    interrupt_import(import_id=RUN_IMPORT.args_of(row).import_id)


@job(UPDATE_LABELS, on_failure=_try_again_later)
def update_labels_job(row: Job, args: TaskIds) -> None:
    relabel(task_ids=args.task_ids)
    review_coworkers(task_ids=args.task_ids)


@job(REFIT, time_limit=6 * 3600, on_failure=_try_again_later)
def refit_job(row: Job, args: NoArgs) -> None:
    assert row.project_id is not None  # always set by request_refit
    if deleted_projects(project_ids=[row.project_id]):
        return
    refit(project_id=row.project_id)
    queue_missed_tasks(project_id=row.project_id)


@job(ASK_FINISHED, time_limit=6 * 3600, on_failure=_try_again_later)
def ask_finished_job(row: Job, args: FinishedImages) -> None:
    assert row.project_id is not None  # always set by change_project_policy
    ask_finished_images(project_id=row.project_id, args=args, others_wait=lambda: others_wait(row))


@job(REPAIR, time_limit=6 * 3600, on_failure=_try_again_later)
def repair_job(row: Job, args: RepairId) -> None:
    run_repair(
        repair_id=args.repair_id,
        progress=lambda done, total: report_progress(row, done=done, total=total),
        others_wait=lambda: others_wait(row),
    )


@job(CHANGE_CLASSES, time_limit=6 * 3600, on_failure=_try_again_later)
def change_classes_job(row: Job, args: ClassChangeId) -> None:
    run_class_change(
        change_id=args.change_id,
        progress=lambda done, total: report_progress(row, done=done, total=total),
        others_wait=lambda: others_wait(row),
    )


@job(RUN_IMPORT, time_limit=900, on_failure=_interrupt_import)
def run_import_job(row: Job, args: ImportId) -> None:
    run_import(import_id=args.import_id, others_wait=lambda: others_wait(row))


@job(DELETE_PROJECT, time_limit=6 * 3600)
def delete_project_job(row: Job, args: NoArgs) -> None:
    assert row.project_id is not None  # always set by delete_project
    erase_project(
        project_id=row.project_id,
        progress=lambda done, total: report_progress(row, done=done, total=total),
        others_wait=lambda: others_wait(row),
    )


@job(SEND_INVITATIONS, on_failure=_try_again_later)
def send_invitations_job(row: Job, args: InvitationMail) -> None:
    assert row.project_id is not None  # always set by send_invitations
    project = Project.objects.select_related("organisation").filter(pk=row.project_id, archived_at=None).first()
    if project is not None and mail_invitations(project=project, base_url=args.base_url):
        enqueue_again(row, not_before=database_now())


@job(SETTLE_LATE, time_limit=60, on_failure=_try_again_later)
def settle_late_answer_job(row: Job, args: LateAnswer) -> None:
    settle_late_answer(assignment_id=args.assignment_id)


@job(ANNOUNCE_WORK)
def announce_work_job(row: Job, args: NoArgs) -> None:
    assert row.project_id is not None  # always set by announce_work
    announce_work(project_id=row.project_id, cause=f"work {row.pk}")


@job(TELL_APPROVED, on_failure=_try_approval_later)
def tell_approved_job(row: Job, args: ApprovedDay) -> None:
    tell_approved(worker_id=args.worker_id, day=date.fromisoformat(args.day))


@job(SEND, time_limit=120)
def send_notices_job(row: Job, args: NoArgs) -> None:
    send_due_mails()


@shared_task(name="flow.queue_notice_mails_job", time_limit=60, soft_time_limit=50)
def queue_notice_mails_job() -> None:
    queue_mails()


@shared_task(name="flow.delete_old_notices_job", time_limit=600, soft_time_limit=580)
def delete_old_notices_job() -> None:
    delete_old_notices()


@shared_task(name="flow.expire_leases_job", time_limit=120, soft_time_limit=100)
def expire_leases_job() -> None:
    expire_leases()
    end_hands_without_access()


@shared_task(name="flow.delete_old_traces_job", time_limit=120, soft_time_limit=100)
def delete_old_traces_job() -> None:
    delete_old_traces()


@shared_task(name="flow.fold_commitments_job", time_limit=120, soft_time_limit=100)
def fold_commitments_job() -> None:
    fold_commitments()


@shared_task(name="flow.suspend_contested_gold_job", time_limit=120, soft_time_limit=100)
def suspend_contested_gold_job() -> None:
    suspend_contested_gold()


@shared_task(name="flow.delete_cursors_job", time_limit=600, soft_time_limit=580)
def delete_cursors_job() -> None:
    delete_unread_cursors()


def _fail_snapshot(row: Job, error: AnnotaryError | None) -> None:
    fail_snapshot(snapshot_id=BUILD.args_of(row).snapshot_id, error=error.detail if error else BUILD_INTERRUPTED)


def _announce_snapshot(row: Job, progress: Progress) -> None:
    record_snapshot_progress(snapshot_id=BUILD.args_of(row).snapshot_id, progress=progress)


@job(BUILD, time_limit=3600, on_failure=_fail_snapshot, on_progress=_announce_snapshot)
def build_snapshot_job(row: Job, args: SnapshotId) -> None:
    try:
        build_snapshot(
            snapshot_id=args.snapshot_id, report=lambda done, total: report_progress(row, done=done, total=total)
        )
    except RepairUnfinished:
        enqueue_again(row, not_before=database_now() + NEXT_BUILD)


def _fail_export(row: Job, error: AnnotaryError | None) -> None:
    fail_export(export_id=WRITE.args_of(row).export_id, error=error.detail if error else EXPORT_INTERRUPTED)


def _announce_export(row: Job, progress: Progress) -> None:
    record_export_progress(export_id=WRITE.args_of(row).export_id, progress=progress)


@job(WRITE, time_limit=6 * 3600, on_failure=_fail_export, on_progress=_announce_export)
def write_export_job(row: Job, args: ExportId) -> None:
    write_export(export_id=args.export_id, progress=lambda done, total: report_progress(row, done=done, total=total))
