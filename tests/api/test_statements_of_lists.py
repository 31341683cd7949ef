"""Lists send as many statements for 30 rows as for 3, and serialize the same rows on small and large pages."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from projects.models import Project
from tasks.flow.relabel import relabel
from tasks.ingest.models import Import
from tasks.snapshots.models import Snapshot
from tests import factories
from tests.api.people import member, with_key

PROJECT = "/api/v1/projects/{project}/"
LISTS = [
    PROJECT + name
    for name in (
        *("workers/", "imports/", "images/", "golds/", "batches/", "tasks/", "releases/"),
        *("labels/", "labels/?state=answered", "labels/?review=to_review", "labels/?class=1"),
        *("images/?prefix=photos/", "tasks/?state=answered", "tasks/?prefix=photos/", "golds/?origin=manager"),
        *("batches/?state=open", "workers/?state=active", "imports/?state=done", "releases/?state=building"),
    )
]


@pytest.fixture
def ada(db: None) -> APIClient:
    return with_key(member("owner"))


def a_filled_project(count: int) -> Project:
    crowd = [factories.a_worker(f"{count} {number}") for number in range(count)]
    project = factories.a_project(f"{count} rows", answers_min=1, answers_max=1, workers=crowd)
    for task in factories.some_tasks(project, count, batches=count):
        factories.an_answer(task, crowd[0], factories.class_answer(1))
        relabel(task_ids=[task.pk])
        factories.a_gold(project)
        values: dict[str, Any] = {"project_id": project.pk, "dataset": project.dataset, "created_by": factories.ada()}
        Import.objects.create(source="files", state="done", **values)
        assert project.schema is not None
        number = Snapshot.objects.filter(project=project).count() + 1
        Snapshot.objects.create(project=project, number=number, schema=project.schema, created_by=factories.ada())
    return project


@pytest.mark.parametrize("address", LISTS)
def test_a_list_of_30_takes_the_statements_of_one_of_3(ada: APIClient, address: str) -> None:
    few, many = a_filled_project(3), a_filled_project(30)

    def statements(project: Project) -> tuple[int, list[Any]]:
        path = address.format(project=project.public_id)
        ada.get(path)
        with CaptureQueriesContext(connection) as captured:
            rows = ada.get(path).json()["results"]
        return len(captured), rows

    (of_few, three), (of_many, thirty) = statements(few), statements(many)
    assert of_few == of_many
    assert len(three) in (3, 6)  # images are those of the tasks and of the check images
    assert len(thirty) == min(10 * len(three), 50)


@pytest.mark.parametrize("name", ["workers/", "labels/", "labels/?state=answered"])
def test_pages_of_a_list_have_each_row_once_and_in_order(ada: APIClient, name: str) -> None:
    project = a_filled_project(7)
    path = f"{PROJECT.format(project=project.public_id)}{name}"
    whole = ada.get(path).json()["results"]

    pages, url = [], f"{path}{'&' if '?' in path else '?'}page_size=3"
    while url:
        body = ada.get(url).json()
        pages += body["results"]
        url = body["next"]

    assert pages == whole
    assert len(whole) == 7
