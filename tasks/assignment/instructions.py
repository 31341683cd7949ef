"""What is new in a project's instructions for a worker, and the worker's confirmation of having read it.

Each assignment pins the version that its worker was shown. A version that a manager calls important must be confirmed
before the worker takes another set (`assignment.services`); a set in progress goes on under its own version.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import Actor
from kernel.events import record_event
from projects.differences import Paragraph, differences
from projects.models import Instructions, Project
from tasks.assignment.errors import InstructionsReplaced
from tasks.assignment.models import Assignment
from tasks.standing.models import Standing


@dataclass(frozen=True, slots=True)
class InstructionsNews:
    """The newest instructions, and what is new in them for a worker.

    since: the version that the worker knows, None for one who has not seen any. must_confirm: whether the worker gets
    no further set before they confirm.
    """

    newest: Instructions
    since: Instructions | None
    must_confirm: bool

    @property
    def is_new(self) -> bool:
        """Whether the worker knows an earlier version."""
        return self.since is not None and self.since.version < self.newest.version

    @property
    def paragraphs(self) -> list[Paragraph]:
        """The differences from the version that the worker knows; none if they know the newest, or none at all."""
        return differences(self.since.body, self.newest.body) if self.since is not None and self.is_new else []


def must_confirm(standing: Standing) -> bool:
    """Whether the worker gets no further set before they confirm the instructions."""
    return standing.confirmed_version < standing.project.version_to_confirm


def instructions_news(*, standing: Standing) -> InstructionsNews | None:
    """Return what is new for the worker; None if the project has no instructions."""
    newest = standing.project.instructions
    if newest is None:
        return None
    versions = Instructions.objects.filter(project_id=standing.project_id)
    # The latest set tells: a worker who never confirmed anything has seen the version of their sets.
    last = Assignment.objects.filter(worker_id=standing.worker_id, project_id=standing.project_id).order_by("-pk")
    pinned = versions.filter(pk=last.values("instructions_id")[:1]).first()
    confirmed = versions.filter(version=standing.confirmed_version).first() if standing.confirmed_version else None
    known = max((each for each in (pinned, confirmed) if each is not None), key=lambda each: each.version, default=None)
    return InstructionsNews(newest, known, must_confirm(standing))


@transaction.atomic
def confirm_instructions(*, worker: Actor, project: Project, version: int) -> None:
    """Locks the standing. Record that the worker has read this version; repeating it changes nothing.

    Raises InstructionsReplaced if it is not the newest one.
    """
    newest = Instructions.objects.filter(project=project).order_by("-version").first()
    if newest is None or newest.version != version:
        raise InstructionsReplaced
    rows = Standing.objects.filter(project=project, worker=worker, confirmed_version__lt=version)
    if rows.update(confirmed_version=version):
        data = {"worker": str(worker.public_id), "version": version}
        record_event(project_id=project.pk, kind="instructions.confirmed", data=data)


def count_confirmed(*, project: Project) -> tuple[int, int]:
    """Return how many of the project's workers have confirmed the version that they must, and how many there are."""
    rows = Standing.objects.filter(project=project).exclude(state=Standing.State.REMOVED)
    return rows.filter(confirmed_version__gte=project.version_to_confirm).count(), rows.count()
