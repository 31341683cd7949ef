"""Applying to work in a project, and deciding: projects that list themselves, and links that need an approval."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Actor, Block, Membership, Role, User
from accounts.selectors import role_in
from accounts.services import count_use, create_user, find_invitation
from annotary_core.wording import format_count
from kernel.clock import ClockTimestamp, database_now
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.locks import lock_access
from kernel.statements import insert_unless_exists
from projects.models import Applications, Project
from projects.selectors import require_not_closed
from tasks.standing.applications import MAX_NOTE, applications_of
from tasks.standing.errors import ApplicationDecided, ApplicationRefused, ReasonMissing, StaffCannotWork, WorkerRemoved
from tasks.standing.models import Application, Standing
from tasks.standing.services import admit

#: How often a person may apply for one project, how long after it was declined, and for how many projects at a time.
MOST_TIMES = 3
PAUSE = timedelta(days=7)
MOST_WAITING = 10

State = Application.State


@transaction.atomic
def apply(*, project: Project, worker: Actor, note: str) -> Application:
    """Locks the access. Apply for a project that lists itself; an application that waits stays as it is.

    Raises NotFound if it does not list itself, or the person is no worker of its organization; else as `_apply`.
    """
    lock_access(actor_id=worker.pk)
    is_listed = Project.objects.filter(
        pk=project.pk, applications=Applications.LISTED, archived_at=None, deleted_at=None
    ).exists()
    if not is_listed or role_in(actor=worker, organisation_id=project.organisation_id) is None:
        raise NotFound
    return _apply(project, worker, note)


@transaction.atomic
def apply_by_link(*, token: str, worker: Actor, note: str) -> Application | None:
    """Locks the access and the invitation. Apply by a link that needs an approval, which counts as a use of it.

    Returns None if the person works in the project already. Raises InvitationUnknown, InvitationGone, and as `_apply`.
    """
    lock_access(actor_id=worker.pk)
    invitation = find_invitation(token=token)
    project = invitation.project
    if not invitation.needs_approval or project is None:
        raise NotFound
    standing = Standing.objects.filter(project=project, worker=worker).exclude(state=Standing.State.REMOVED)
    if standing.exists() and role_in(actor=worker, organisation_id=project.organisation_id) == Role.WORKER:
        return None
    waiting = applications_of(worker=worker).filter(project=project, state=State.WAITING).first()
    if waiting is not None:
        return waiting
    count_use(invitation=invitation, actor=worker)
    return _apply(project, worker, note)


@transaction.atomic
def sign_up_to_apply(*, token: str, email: str, password: str, name: str, note: str) -> User:
    """Locks the invitation. Create an account that applies by the link; none if it cannot. Raises EmailTaken, and what
    `apply_by_link` raises."""
    user = create_user(email=email, password=password, name=name)
    apply_by_link(token=token, worker=user.actor, note=note)
    return user


def _apply(project: Project, worker: Actor, note: str) -> Application:
    """Needs the lock of the access. Raises StaffCannotWork, WorkerRemoved, ApplicationRefused for people who are
    blocked, work in the project, or have applied too often, and ProjectClosed."""
    require_not_closed(project_id=project.pk)
    _require_may_join(project, worker)
    mine = Application.objects.filter(worker=worker)
    here = mine.filter(project=project)
    waiting = here.filter(state=State.WAITING).first()
    if waiting is not None:
        return waiting
    if Standing.objects.filter(project=project, worker=worker).exclude(state=Standing.State.REMOVED).exists():
        raise ApplicationRefused("You are in this project already. Find it under Work.")
    _require_not_too_often(here)
    if mine.filter(project__organisation=project.organisation_id, state=State.WAITING).count() >= MOST_WAITING:
        most = format_count(MOST_WAITING, "application")
        raise ApplicationRefused(f"You have {most} that wait for an answer. Withdraw one, or wait for answers.")
    row = Application.objects.create(project=project, worker=worker, note=_clean(note), created_at=database_now())
    record_event(project_id=project.pk, kind="application.made", data={"worker": str(worker.public_id)})
    return row


def _require_may_join(project: Project, worker: Actor) -> None:
    role = role_in(actor=worker, organisation_id=project.organisation_id)
    if role not in (None, Role.WORKER):
        raise StaffCannotWork
    if Block.objects.filter(organisation=project.organisation_id, actor=worker, lifted_at=None).exists():
        raise ApplicationRefused("You cannot work for this organization at present.")
    gone = Standing.objects.filter(project=project, worker=worker, state=Standing.State.REMOVED, left_from="")
    if gone.exists():
        raise WorkerRemoved


def _require_not_too_often(here: QuerySet[Application]) -> None:
    """Withdrawn ones count, or withdrawing would be a way around the limits."""
    if here.exclude(state=State.ACCEPTED).count() >= MOST_TIMES:
        raise ApplicationRefused(f"You have applied {MOST_TIMES} times for this project. Choose another one.")
    last = here.filter(state=State.DECLINED).order_by("-pk").first()
    if last is not None and last.decided_at is not None and last.decided_at + PAUSE > database_now():
        again = last.decided_at + PAUSE
        raise ApplicationRefused(f"Your application was declined. You can apply again from {again:%B} {again.day} on.")


@transaction.atomic
def accept(*, application: Application, by: Actor) -> Application:
    """Locks the access and the application. Make the person a worker of the project; accepting twice is harmless.

    Raises ApplicationDecided for one that was decided otherwise, ProjectClosed, StaffCannotWork, WorkerRemoved, and
    ApplicationRefused for somebody who is blocked meanwhile.
    """
    lock_access(actor_id=application.worker_id)
    row = _lock(application)
    if row.state == State.ACCEPTED:
        return row
    if row.state != State.WAITING:
        raise ApplicationDecided
    require_not_closed(project_id=row.project_id)
    _require_may_join(row.project, row.worker)
    if not User.objects.filter(actor=row.worker, is_active=True).exists():
        raise ApplicationRefused("This person has closed the account. Decline the application.")
    insert_unless_exists(Membership(organisation=row.project.organisation, actor=row.worker, role=Role.WORKER))
    admit(project=row.project, worker=row.worker)
    return _decide(row, State.ACCEPTED, by, "")


@transaction.atomic
def decline(*, application: Application, by: Actor, reason: str) -> Application:
    """Locks the application. Decline with a reason that the person sees; repeating is harmless. Raises ReasonMissing,
    and ApplicationDecided for one that was decided otherwise."""
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise ReasonMissing
    row = _lock(application)
    if row.state == State.DECLINED:
        return row
    if row.state != State.WAITING:
        raise ApplicationDecided
    return _decide(row, State.DECLINED, by, reason)


def withdraw(*, application: Application) -> None:
    """Withdraw an application of one's own; repeating is harmless. Raises ApplicationDecided once it was decided."""
    rows = Application.objects.filter(pk=application.pk)
    changed = rows.filter(state=State.WAITING).update(state=State.WITHDRAWN, decided_at=ClockTimestamp())
    if not changed and not rows.filter(state=State.WITHDRAWN).exists():
        raise ApplicationDecided


def _lock(application: Application) -> Application:
    rows = Application.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("worker", "project__organisation").get(pk=application.pk)


def _decide(row: Application, state: str, by: Actor, reason: str) -> Application:
    values = {"state": state, "reason": reason, "decided_by": by, "decided_at": database_now()}
    Application.objects.filter(pk=row.pk).update(**values)
    data = {"worker": str(row.worker.public_id), "state": state}
    record_event(project_id=row.project_id, kind="application.decided", data=data)
    return applications_of(worker=row.worker).get(pk=row.pk)


def _clean(note: str) -> str:
    return " ".join(note.replace("\0", " ").split())[:MAX_NOTE]
