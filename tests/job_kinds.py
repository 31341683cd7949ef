"""A kind of job for tests of jobs in general; each test says what such a job does."""

from dataclasses import dataclass

from kernel.job_kinds import JobKind


@dataclass(frozen=True, slots=True)
class Work:
    number: int = 0


WORK = JobKind("tests.work", Work)
