"""What a deletion takes away, and what stays: workers keep what they earned."""

from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from kernel.clock import utc_now
from kernel.ids import new_public_id
from kernel.jobs import run_job
from kernel.models import Event, Job
from projects.errors import DeletionNotConfirmed, ProjectUnknown
from projects.models import Dataset, Project
from projects.services import rename_project
from tasks.analytics.project_losses import project_losses
from tasks.assignment.models import Hand
from tasks.flow import project_deletion
from tasks.flow.errors import ProjectBusy
from tasks.flow.jobs import delete_project_job
from tasks.flow.project_deletion import delete_project, erase_project
from tasks.flow.revocation import end_hands_without_access
from tasks.ingest.models import Image
from tasks.notices.models import Notice
from tasks.pay.models import LedgerEntry
from tasks.pay.selectors import balance
from tasks.pay.statements import statement_of
from tasks.snapshots.models import Snapshot
from tests import factories
from tests.api.api_fixtures import World, a_world
from tests.concurrency_helpers import BackgroundCall, together
from tests.own_storage import storage_folder as storage_folder
from tests.worker_actions import answer, leases_of, take

pytestmark = pytest.mark.django_db(transaction=True)

# What stays of a deleted project, or belongs to its organization.
STAYS = {
    "projects.Project",
    "projects.Dataset",
    "tasks.LedgerEntry",
    "tasks.LedgerTotal",
    "tasks.Payout",
    "tasks.PayoutItem",
    "tasks.PayoutRun",
    "tasks.Standing",
    "tasks.WorkedTime",
}
STAYS |= {"tasks.Qualification", "tasks.QualificationGrant"}
# Those about pay; the others belong to a project.
STAYS |= {"tasks.Notice"}


@pytest.fixture
def world(storage_folder: Any) -> World:
    return a_world()


def rows_of_projects() -> dict[str, int]:
    """The number of rows of everything that a deletion takes, by model."""
    models = [*apps.get_app_config("tasks").get_models(), *apps.get_app_config("projects").get_models()]
    counts = {model._meta.label: model._base_manager.count() for model in models}
    return {name: count for name, count in counts.items() if count and name not in STAYS}


def delete(project: Project) -> None:
    delete_project(project=project, by=factories.ada(), confirm=project.name, record={})


def erase(project: Project) -> None:
    erase_project(project_id=project.pk, progress=lambda done, total: None)


def a_paying_project(name: str = "Strays") -> Project:
    """A project of six images and a check image, half a dollar for each answer."""
    price = Decimal("0.5")
    project = factories.a_project(
        name, workers=[factories.wren()], gold_rate=0, price=price, answers_min=1, hand_size=2
    )
    factories.some_tasks(project, 6)
    factories.a_gold(project)
    return project


def test_nothing_stays_but_what_others_own(world: World) -> None:
    assert len(rows_of_projects()) > 12
    delete(world.project)
    erase(world.project)
    assert rows_of_projects() == {}
    assert not Notice.objects.exclude(project=None).exists()
    assert not Event.objects.exists()
    row = Project.objects.get(pk=world.project.pk)
    assert (row.name, row.erased_at is None) == ("Strays", False)


def test_a_ready_release_of_a_deleted_project_alone_can_go(world: World) -> None:
    assert Snapshot.objects.get().state == Snapshot.State.READY
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tasks_export")
        cursor.execute("DELETE FROM tasks_snapshot")
    delete(world.project)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Snapshot.objects.update(content_hash="1" * 64)
    erase(world.project)
    assert not Snapshot.objects.exists()


def test_workers_keep_what_they_earned_and_are_paid_for_what_was_in_progress() -> None:
    project, worker = a_paying_project(), factories.wren()
    for lease in leases_of(take(worker, project)):
        answer(lease)
    assert project_losses(project=project).to_json() == {
        "images": 7,
        "answers": 2,
        "approved_labels": 0,
        "releases": 0,
        "unpaid": "1.000000",
        "currency": "USD",
    }
    delete(project)
    erase(project)
    assert rows_of_projects() == {}
    assert [(row.approved, row.waiting) for row in balance(worker=worker)] == [(Decimal(1), Decimal(0))]
    lines = [(row["project_name"], row["answers"], row["total"]) for row in statement_of(worker=worker)]
    assert lines == [("Strays", 2, Decimal(1))]
    assert balance(worker=worker, organisation=project.organisation)[0].approved == Decimal(1)
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.all().update(amount=0)


def test_the_sweep_ends_the_sets_of_deleted_projects() -> None:
    project = a_paying_project()
    hand = take(factories.wren(), project)
    answer(leases_of(hand)[0])
    delete(project)
    assert end_hands_without_access() == 1
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert LedgerEntry.objects.get().amount == Decimal("0.5")


def test_the_name_must_be_that_of_the_project_and_a_second_deletion_finds_none() -> None:
    project = factories.a_project()
    with pytest.raises(DeletionNotConfirmed):
        delete_project(project=project, by=factories.ada(), confirm="strays", record={})
    delete(project)
    with pytest.raises(ProjectUnknown):
        delete(project)
    assert Job.objects.filter(kind="flow.delete_project").count() == 1


def test_images_that_another_project_labels_stay() -> None:
    project = a_paying_project()
    other = factories.a_project("Owls")
    Project.objects.filter(pk=other.pk).update(dataset=project.dataset)
    other.refresh_from_db()
    image = Image.objects.filter(dataset=project.dataset).first()
    assert image is not None
    factories.a_task(other, image=image)
    assert project_losses(project=project).images == 0
    delete(project)
    erase(project)
    assert Image.objects.filter(dataset=project.dataset).count() == 7
    delete(other)
    erase(other)
    assert not Image.objects.filter(dataset=project.dataset).exists()
    assert Dataset.objects.filter(pk=project.dataset_id).exists()


def two_deleted_projects_of_one_dataset() -> tuple[Project, Project]:
    project, other = a_paying_project(), factories.a_project("Owls")
    Project.objects.filter(pk=other.pk).update(dataset=project.dataset)
    other.refresh_from_db()
    image = Image.objects.filter(dataset=project.dataset).first()
    assert image is not None
    factories.a_task(other, image=image)
    delete(project)
    delete(other)
    return project, other


def test_of_two_deleted_projects_the_last_to_be_erased_takes_the_images() -> None:
    project, other = two_deleted_projects_of_one_dataset()
    erase(project)
    assert Image.objects.filter(dataset=project.dataset).count() == 7
    erase(other)
    assert rows_of_projects() == {}
    assert not Project.objects.filter(erased_at=None).exists()


def test_two_deleted_projects_that_are_erased_at_once_leave_no_images() -> None:
    project, other = two_deleted_projects_of_one_dataset()
    assert together(lambda: erase(project), lambda: erase(other)) == [None, None]
    assert rows_of_projects() == {}


class Killed(BaseException):
    pass


def test_a_deletion_that_is_killed_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stops, the next run deletes the rest."""
    monkeypatch.setattr(project_deletion, "TASKS_AT_ONCE", 1)
    project = a_paying_project()
    take(factories.wren(), project)
    delete(project)

    def die(done: int, total: int) -> None:
        if done == 2:
            raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            erase_project(project_id=project.pk, progress=die)
    assert project.tasks.count() == 2
    erase(project)
    assert rows_of_projects() == {}
    erase(project)  # once more changes nothing


def test_it_makes_room_for_jobs_of_other_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue has one worker: refits of other projects do not wait until a big project is gone."""
    monkeypatch.setattr(project_deletion, "TASKS_AT_ONCE", 1)
    monkeypatch.setattr(project_deletion, "TURN_SECONDS", 0.0)
    project, other = a_paying_project(), factories.a_project("Owls")
    delete(project)
    Job.objects.filter(kind="flow.delete_project").update(not_before=None)
    waiting = Job.objects.create(kind="consensus.refit", queue="heavy", project_id=other.pk)
    for left in range(5, 0, -1):
        job = Job.objects.get(kind="flow.delete_project", state=Job.State.QUEUED)
        run_job(job.pk, delete_project_job.run_function)  # type: ignore[attr-defined]
        assert project.tasks.count() == left
    waiting.delete()
    job = Job.objects.get(kind="flow.delete_project", state=Job.State.QUEUED)
    run_job(job.pk, delete_project_job.run_function)  # type: ignore[attr-defined]
    assert rows_of_projects().get("tasks.Task") is None
    assert Project.objects.get(pk=project.pk).erased_at is not None
    assert not Job.objects.filter(state=Job.State.QUEUED).exists()


def test_it_waits_for_what_runs_and_drops_what_is_queued() -> None:
    project = a_paying_project()
    Job.objects.create(kind="consensus.update", project_id=project.pk)
    running = Job.objects.create(
        kind="consensus.refit",
        project_id=project.pk,
        state=Job.State.RUNNING,
        lease_until=utc_now(),
        lease_token=new_public_id(),
    )
    delete(project)
    job = Job.objects.get(kind="flow.delete_project")
    with pytest.raises(ProjectBusy):
        delete_project_job.run_function(job)  # type: ignore[attr-defined]
    assert not Job.objects.filter(kind="consensus.update").exists()
    running.delete()
    delete_project_job.run_function(job)  # type: ignore[attr-defined]
    assert rows_of_projects() == {}


def test_a_queued_job_that_a_worker_claims_meanwhile_is_not_dropped() -> None:
    project = a_paying_project()
    job = Job.objects.create(kind="exports.write", project_id=project.pk)
    delete(project)
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(
            state=Job.State.RUNNING, lease_until=utc_now(), lease_token=new_public_id(), attempts=1
        )
        erasing = BackgroundCall(lambda: erase(project))
        erasing.wait_until_blocked()
    assert isinstance(erasing.wait_for_result(), ProjectBusy)
    assert Job.objects.filter(pk=job.pk).exists()


def test_a_job_that_is_queued_while_others_are_dropped_is_waited_for() -> None:
    project = a_paying_project()
    delete(project)
    Job.objects.create(kind="consensus.update", project_id=project.pk)

    def go_on(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """A job ends and has queued its continuation."""
        result = execute(sql, params, many, context)
        if sql.startswith('DELETE FROM "kernel_job"'):
            Job.objects.create(kind="flow.run_import", project_id=project.pk)
        return result

    with connection.execute_wrapper(go_on), pytest.raises(ProjectBusy):
        erase(project)
    erase(project)
    assert not Job.objects.exclude(kind="flow.delete_project").exists()


def test_a_deleted_project_gets_no_other_name() -> None:
    project = a_paying_project()
    delete(project)
    with pytest.raises(ProjectUnknown):
        rename_project(project=project, name="Owls")
    assert Project.objects.get(pk=project.pk).name == "Strays"


def test_the_name_is_confirmed_in_either_form_of_its_letters() -> None:
    project = factories.a_project("Pigeons de la Cit\u00e9")
    delete_project(project=project, by=factories.ada(), confirm="Pigeons  de la Cite\u0301", record={})
    assert Project.objects.get(pk=project.pk).deleted_at is not None


def test_a_project_that_is_not_deleted_is_left_alone() -> None:
    project = a_paying_project()
    before = rows_of_projects()
    erase(project)
    assert rows_of_projects() == before
