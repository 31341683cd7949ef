"""Notices at once: the same job twice, many openings, readers and senders; nobody is told twice."""

import pytest

from kernel.models import Job
from projects.lifecycle import ANNOUNCE_WORK
from projects.lifecycle import announce_work as queue_announcement
from projects.models import Project
from tasks.batching.models import Batch
from tasks.batching.services import open_all_batches, open_batch
from tasks.flow.announcements import announce_work
from tasks.flow.jobs import announce_work_job
from tasks.notices.models import Notice
from tasks.notices.services import read_notices, write_notices
from tasks.questions.services import ask
from tests import factories
from tests.concurrency_helpers import together
from tests.rejected import a_reviewer
from tests.worker_actions import leases_of, take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.a_worker(f"bird{n}") for n in range(20)], gold_rate=0, hand_size=1)


def run(job: Job) -> None:
    announce_work_job(job.pk)


def failed(results: list[object]) -> list[object]:
    return [each for each in results if isinstance(each, Exception)]


def test_the_same_announcement_and_others_at_once(project: Project) -> None:
    causes = ["work 1", "work 1", "work 1", "work 2", "work 3"]
    results = together(*(lambda c=c: announce_work(project_id=project.pk, cause=c) for c in causes))
    assert failed(results) == []
    assert sum(results) == Notice.objects.count() == 20


def test_a_job_that_is_delivered_twice_tells_once(project: Project) -> None:
    queue_announcement(project_id=project.pk)
    job = Job.objects.get(kind=ANNOUNCE_WORK.name)
    run(job)
    assert not Notice.objects.exists(), "it waits for what else is opened"
    Job.objects.update(not_before=None)
    assert failed(together(lambda: run(job), lambda: run(job))) == []
    assert Notice.objects.count() == 20
    read_notices(recipient=factories.a_worker("bird0"))
    Job.objects.update(state="queued", finished_at=None)
    run(job)
    assert Notice.objects.count() == 20


def test_questions_of_many_workers_tell_the_team_once_each(project: Project) -> None:
    factories.some_tasks(project, 10)
    reviewers = [a_reviewer(f"rook{number}") for number in range(5)]
    workers = [factories.a_worker(f"bird{number}") for number in range(8)]
    leases = [(each, leases_of(take(each, project))[0].public_id) for each in workers]
    results = together(*(lambda w=w, pk=pk: ask(worker=w, assignment_id=pk, text="How?") for w, pk in leases))
    assert failed(results) == []
    assert {Notice.objects.filter(recipient=each).count() for each in (*reviewers, factories.ada())} == {1}


def test_reading_everything_in_two_tabs_while_more_comes(project: Project) -> None:
    wren = factories.a_worker("bird0")

    def write(number: int) -> int:
        key = f"answer {number}"
        return write_notices(kind=Notice.Kind.QUESTION_ANSWERED, project=project, recipients=[wren.pk], key=key)

    for number in range(30):
        write(number)
    results = together(
        lambda: read_notices(recipient=wren),
        lambda: read_notices(recipient=wren),
        *(lambda n=n: write(100 + n) for n in range(4)),
    )
    assert failed(results) == []
    assert 30 <= results[0] + results[1] <= 34
    unread = Notice.objects.filter(read_at=None).count()
    assert results[0] + results[1] + unread == 34


def test_batches_that_are_opened_at_once_wait_for_nobody(project: Project) -> None:
    factories.some_tasks(project, 6, batches=6)
    Batch.objects.update(state="draft")
    first, second, *_ = Batch.objects.order_by("pk")
    results = together(
        lambda: open_batch(batch=first),
        lambda: open_batch(batch=second),
        lambda: open_all_batches(project=project),
        lambda: queue_announcement(project_id=project.pk),
    )
    unexpected = [each for each in failed(results) if type(each).__name__ != "TransitionRefused"]
    assert unexpected == []
    assert set(Batch.objects.values_list("state", flat=True)) == {"open"}
