"""Questions about images: asking, answering, and making a rule for everybody of an answer.

Nothing here depends on whether the image is work or gold, which workers must not learn: the statements, locks, limits,
ids and words are those of the assignment (docs/decisions/0038-questions-and-notices.md).
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.names import has_control, is_name
from kernel.clock import ClockTimestamp, database_now
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.locks import lock_named
from projects.models import Project
from projects.services import append_rule
from tasks.assignment.models import Assignment
from tasks.notices.models import Notice
from tasks.notices.services import tell_team, write_notices
from tasks.questions.errors import QuestionMoved, QuestionsTodayUsed, QuestionTextRefused, RuleWritten, ThreadFull
from tasks.questions.models import MAX_TEXT, ImageThread, ThreadMessage
from tasks.review.rejection_text import refuse_telling
from tasks.standing.access import require_may_work
from tasks.standing.models import Standing

#: What a worker may ask in a project within 24 hours, follow-ups included.
QUESTIONS_A_DAY = 20
DAY = timedelta(days=1)
#: Messages of one thread, of both sides.
MAX_MESSAGES = 40
State = ImageThread.State


@transaction.atomic
def ask(*, worker: Actor, assignment_id: UUID, text: str) -> ImageThread:
    """Waits for the worker's other questions in the project; locks the thread. Ask about an image that the worker has
    or had, or write more in its thread, which is open again then. Repeating the last message has no effect.

    Raises NotFound for another worker's, WorkerRemoved, StaffCannotWork, ProjectEnded, QuestionTextRefused,
    QuestionsTodayUsed and ThreadFull.
    """
    found = Assignment.objects.filter(public_id=assignment_id, worker=worker).values_list("pk", "project_id").first()
    if found is None:
        raise NotFound
    assignment_pk, project_id = found
    require_may_work(worker=worker, project_id=project_id)
    body = clean_text(text)
    # Two tabs: the thread is made once, and the limit holds for both together.
    lock_named(f"questions of worker {worker.pk} in project {project_id}")
    thread = ImageThread.objects.select_for_update(no_key=True).filter(assignment_id=assignment_pk).first()
    if thread is not None and _is_last(thread, body):
        return thread
    now = database_now()
    _check_limit(worker, project_id, now)
    if thread is None:
        thread = ImageThread.objects.create(
            project_id=project_id, worker=worker, assignment_id=assignment_pk, asked_at=now
        )
    thread.state, thread.asked_at = State.OPEN, now
    _write(thread, by=worker, body=body, from_worker=True)
    thread.save(update_fields=["state", "asked_at", "messages_count"])
    record_event(project_id=project_id, kind="question.asked", data={"question": str(thread.public_id)})
    key = f"question {thread.public_id} {thread.messages_count}"
    tell_team(kind=Notice.Kind.QUESTION_ASKED, project=thread.project, key=key)
    return thread


@transaction.atomic
def answer_question(*, by: Actor, project: Project, public_id: UUID, text: str, messages: int) -> ImageThread:
    """Locks the thread. Answer the worker, who reads it without the name of who wrote it.

    messages: how many messages the thread had when `by` read it. Raises NotFound, QuestionMoved if there are others,
    QuestionTextRefused, CheckImageNamed and ThreadFull.
    """
    body = clean_text(text)
    refuse_telling(body)
    thread = _lock(project, public_id)
    _require_read(thread, messages)
    _write(thread, by=by, body=body, from_worker=False)
    _close(thread, by)
    _tell_worker(thread, f"answer {thread.public_id} {thread.messages_count}")
    return thread


@transaction.atomic
def mark_answered(*, by: Actor, project: Project, public_id: UUID, messages: int) -> ImageThread:
    """Locks the thread. Take a question that needs no answer from the list; repeating it has no effect.

    Raises NotFound and QuestionMoved.
    """
    thread = _lock(project, public_id)
    _require_read(thread, messages)
    if thread.state == State.OPEN:
        _close(thread, by)
    return thread


@transaction.atomic
def make_rule(*, by: Actor, project: Project, public_id: UUID, rule: str) -> ImageThread:
    """Locks the project, then the thread. Append a rule to the instructions, which every worker confirms before the
    next set; the question counts as answered.

    Raises NotFound, RuleWritten if one was made of the question before, QuestionTextRefused, CheckImageNamed and
    InstructionsRefused.
    """
    body = clean_text(rule)
    refuse_telling(body)
    Project.objects.select_for_update(no_key=True, of=("self",)).get(pk=project.pk)
    thread = _lock(project, public_id)
    if thread.rule_version is not None:
        raise RuleWritten
    thread.rule_version = append_rule(project=project, by=by, rule=body).version
    _close(thread, by)
    _tell_worker(thread, f"rule {thread.public_id}")
    return thread


def clean_text(text: str) -> str:
    """Return plain text without control characters other than line breaks. Raises QuestionTextRefused."""
    lines = ("".join(" " if has_control(char) else char for char in line).rstrip() for line in text.splitlines())
    cleaned = "\n".join(lines).strip()
    if len(cleaned) > MAX_TEXT:
        raise QuestionTextRefused(f"This text has {len(cleaned):,} characters. Shorten it to {MAX_TEXT:,}.")
    if not is_name(" ".join(cleaned.split())):
        raise QuestionTextRefused
    return cleaned


def _lock(project: Project, public_id: UUID) -> ImageThread:
    rows = ImageThread.objects.select_for_update(no_key=True, of=("self",))
    thread = rows.filter(project=project, public_id=public_id).first()
    if thread is None:
        raise NotFound
    return thread


def _require_read(thread: ImageThread, messages: int) -> None:
    if thread.messages_count != messages:
        raise QuestionMoved


def _check_limit(worker: Actor, project_id: int, now: datetime) -> None:
    asked = ThreadMessage.objects.filter(author=worker, from_worker=True, thread__project=project_id)
    recent = asked.filter(created_at__gt=now - DAY).order_by("-created_at").values_list("created_at", flat=True)
    times = list(recent[:QUESTIONS_A_DAY])
    if len(times) >= QUESTIONS_A_DAY:
        error = QuestionsTodayUsed()
        error.headers = {"Retry-After": str(int((times[-1] + DAY - now).total_seconds()) + 1)}
        raise error


def _is_last(thread: ImageThread, body: str) -> bool:
    """Whether the worker wrote this last and waits for an answer: a form that was sent twice, or a retry."""
    last = thread.messages.order_by("-pk").first()
    return thread.state == State.OPEN and last is not None and last.from_worker and last.body == body


def _write(thread: ImageThread, *, by: Actor, body: str, from_worker: bool) -> None:
    if thread.messages_count >= MAX_MESSAGES:
        raise ThreadFull
    thread.messages_count += 1
    ThreadMessage.objects.create(
        thread=thread, author=by, body=body, from_worker=from_worker, created_at=ClockTimestamp()
    )


def _close(thread: ImageThread, by: Actor) -> None:
    thread.state, thread.answered_at, thread.answered_by = State.ANSWERED, database_now(), by
    thread.save(update_fields=["state", "answered_at", "answered_by", "messages_count", "rule_version"])
    data = {"question": str(thread.public_id), "by": str(by.public_id)}
    record_event(project_id=thread.project_id, kind="question.answered", data=data)


def _tell_worker(thread: ImageThread, key: str) -> None:
    """Unless they were removed: they can read the answer no more."""
    mine = Standing.objects.filter(project_id=thread.project_id, worker_id=thread.worker_id)
    if mine.exclude(state=Standing.State.REMOVED).exists():
        write_notices(
            kind=Notice.Kind.QUESTION_ANSWERED,
            project=thread.project,
            recipients=[thread.worker_id],
            key=key,
            data={"question": str(thread.public_id)},
        )
