"""A page runs as many queries for a lot of data as for little: none follows relations row by row."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Actor
from accounts.services import create_token, invite
from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, LabelProposal
from tasks.exports.models import Export
from tasks.ingest.models import Import
from tasks.review.services import approve_label
from tasks.snapshots.models import Snapshot, SnapshotNote
from tests import factories
from tests.labeled import a_labeled_task, run_report_jobs
from tests.worker_actions import answer, leases_of, settle, take

pytestmark = pytest.mark.django_db

PAGES = (
    *("", "images/", "checks/", "workers/", "review/", "review/?list=approved", "review/changes/", "quality/"),
    *("what-if/", "releases/", "settings/", "delete/"),
)


@pytest.fixture
def ada() -> Client:
    return signed_in(factories.ada())


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def queries(client: Client, address: str) -> int:
    """Load the page twice, because caches of the process and of the database fill with the first time."""
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def grown(project: Project, count: int) -> None:
    for number in range(count):
        factories.some_tasks(project, 2)
        factories.a_gold(project)
        factories.admitted(project, factories.a_worker(f"{project.pk}bird{number}"))
        record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
        a_proposal(project)
        a_labeled_task(project, [factories.class_answer(1), factories.class_answer(2)])
        a_release(project, number + 1)
        values = {"dataset": project.dataset, "project_id": project.pk, "created_by": factories.ada()}
        Import.objects.create(source="files", **values)
        invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)


def a_proposal(project: Project) -> Task:
    """An approved label, and other content that new estimates support."""
    task = a_labeled_task(project, [factories.class_answer(1)] * 3)
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    LabelProposal.objects.create(
        project=project,
        task=task,
        label=label,
        body=factories.class_answer(2),
        confidence=0.9,
        label_confidence=0.2,
        evidence=label.evidence,
        state_version=1,
    )
    return task


def a_release(project: Project, number: int) -> None:
    """A release with a note and two exports."""
    ada = factories.ada()
    assert project.schema is not None
    release = Snapshot.objects.create(project=project, number=number, schema=project.schema, created_by=ada)
    SnapshotNote.objects.create(snapshot=release, text="Good.", created_by=ada)
    for name in ("coco", "yolo"):
        Export.objects.create(project=project, snapshot=release, format=name, created_by=ada)


def few_and_many() -> tuple[Project, Project]:
    few, many = factories.a_project("Few", answers_max=3), factories.a_project("Many", answers_max=3)
    grown(few, 2)
    grown(many, 7)
    return few, many


@pytest.mark.parametrize("path", PAGES)
def test_a_managers_page(ada: Client, path: str) -> None:
    few, many = few_and_many()
    if path in ("quality/", "what-if/"):
        for project in (few, many):
            ada.get(f"/projects/{project.public_id}/{path}")
        run_report_jobs()
    assert queries(ada, f"/projects/{many.public_id}/{path}") <= queries(ada, f"/projects/{few.public_id}/{path}")


def test_the_list_of_projects(ada: Client) -> None:
    grown(factories.a_project("First", answers_max=3), 1)
    before = queries(ada, "/projects/")
    for number in range(5):
        grown(factories.a_project(f"Project {number}", answers_max=3), 2)
    assert queries(ada, "/projects/") <= before


def test_the_settings(ada: Client) -> None:
    organisation = factories.an_organisation()

    def more() -> None:
        create_token(actor=factories.ada(), organisation=organisation, name="key", scopes=["read"])
        invite(organisation=organisation, by=factories.ada(), role="reviewer")

    more()
    before = queries(ada, "/settings/")
    for _ in range(5):
        more()
    assert queries(ada, "/settings/") <= before


def worked_in(worker: Actor, name: str) -> Project:
    """A project with a set that the worker has handed in, and one in progress."""
    project = factories.a_project(name, workers=[worker], hand_size=2, gold_rate=0, price=Decimal("0.05"))
    factories.some_tasks(project, 6)
    handed_in = take(worker, project)
    for lease in leases_of(handed_in):
        answer(lease)
    settle(handed_in)
    answer(leases_of(take(worker, project))[0])
    return project


@pytest.mark.parametrize("path", ["/work/", "/work/earnings/", "/me/"])
def test_a_workers_page(path: str) -> None:
    wren = factories.wren()
    client = signed_in(wren)
    worked_in(wren, "First")
    before = queries(client, path)
    for number in range(4):
        worked_in(wren, f"Project {number}")
    assert queries(client, path) <= before


def test_the_list_of_work_says_how_far_each_set_is() -> None:
    wren = factories.wren()
    for name in ("Cats", "Dogs"):
        worked_in(wren, name)
    html = signed_in(wren).get("/work/").content.decode()
    assert html.count("Continue your set") == 2
    assert html.count("1 of 2 answered") == 2
