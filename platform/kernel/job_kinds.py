"""Kinds of jobs: what a producer declares, with the type of its arguments. Its handler is decorated by `jobs.job`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from kernel.models import Job
from kernel.queues import Queue

A = TypeVar("A")

# For work that nothing else would trigger again, such as pay: more than three days of retries while an outage lasts.
KEEP_TRYING = 10_000


@dataclass(frozen=True, slots=True)
class NoArgs:
    """The arguments of a job that needs to know only its project, or nothing."""


@dataclass(frozen=True, slots=True)
class JobKind(Generic[A]):
    """A kind of job. The module that queues such jobs declares it; the one that runs them has the handler.

    name: stored with each job, and the name of the Celery task. args: a dataclass of plain JSON types; a new field
    needs a default, because jobs that an earlier version queued lack it. queue: says which workers run it: work that
    takes more than a moment must not be in the interactive queue. aliases: earlier names, for one version: jobs that
    are queued during an upgrade carry them.
    """

    name: str
    args: type[A]
    queue: Queue = Queue.INTERACTIVE
    max_attempts: int = 5
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases: what to look for among stored jobs."""
        return (self.name, *self.aliases)

    def args_of(self, row: Job) -> A:
        """Return the arguments of a stored job. Raises msgspec.ValidationError if they are not of this kind."""
        return msgspec.convert(row.args, self.args)

    def stored(self, args: A) -> Mapping[str, Any]:
        """Return the arguments as plain JSON."""
        plain: Mapping[str, Any] = msgspec.to_builtins(args)
        return plain
