"""Queries on threads: what a worker sees of their own, and what waits for the team."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Actor
from kernel.errors import NotFound
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.ingest.models import Image
from tasks.questions.models import ImageThread, ThreadMessage
from tasks.standing.models import Standing


def threads_of(*, worker: Actor) -> QuerySet[ImageThread]:
    """Return the worker's threads, newest first, each with project and assignment.

    Not those in projects that were archived or deleted, or that the worker was removed from.
    """
    mine = Standing.objects.filter(worker=worker, project__archived_at=None, project__deleted_at=None)
    mine = mine.exclude(state=Standing.State.REMOVED)
    rows = ImageThread.objects.filter(worker=worker, project__in=mine.values("project"))
    return rows.select_related("project", "assignment").order_by("-pk")


def threads_of_hand(*, hand: Hand) -> QuerySet[ImageThread]:
    """Return the threads about images of a set, in the order in which they began."""
    rows = ImageThread.objects.filter(assignment__hand=hand, worker=hand.worker_id)
    return rows.select_related("project", "assignment").order_by("pk")


def threads_of_project(*, project: Project, state: str = "") -> QuerySet[ImageThread]:
    """Return the project's threads, each with worker and image; those in one state, or all.

    Oldest first, but those that are answered newest first.
    """
    images = ("assignment__task__image", "assignment__gold__image")
    rows = ImageThread.objects.filter(project=project).select_related("project", "worker", "answered_by", *images)
    rows = rows.filter(state=state) if state else rows
    return rows.order_by("-pk" if state == ImageThread.State.ANSWERED else "pk")


def thread_for(*, public_id: UUID) -> ImageThread:
    """Return a thread with project, worker and image. Raises NotFound."""
    images = ("assignment__task__image", "assignment__gold__image")
    row = ImageThread.objects.select_related("project", "worker", *images).filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row


def count_open(*, project: Project) -> int:
    """Return how many questions wait for an answer."""
    return ImageThread.objects.filter(project=project, state=ImageThread.State.OPEN).count()


def messages_of(*, threads: Collection[ImageThread]) -> dict[int, list[ThreadMessage]]:
    """Return {row id of the thread: its messages with their authors, oldest first}."""
    rows = ThreadMessage.objects.filter(thread__in=[each.pk for each in threads]).select_related("author")
    found: dict[int, list[ThreadMessage]] = {each.pk: [] for each in threads}
    for row in rows.order_by("pk"):
        found[row.thread_id].append(row)
    return found


def image_of(thread: ImageThread) -> Image:
    """Return the image of a thread that came with it."""
    if thread.assignment.task is not None:
        return thread.assignment.task.image
    assert thread.assignment.gold is not None
    return thread.assignment.gold.image
