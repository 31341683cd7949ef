"""Lists are filtered by their fields; what no index serves is looked for in a bounded number of rows for each page."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from projects.models import Project
from tasks.api import pagination
from tasks.batching.models import Batch, Task
from tasks.consensus.services import update_labels
from tasks.ingest.models import Image
from tests import factories
from tests.api.documented import operations
from tests.api.people import member, with_key

#: Filters of lists whose values are ids or names that a test must choose; all others are tried by their type.
VALUES = {"state": None, "number": 1, "class": 2, "confidence_below": 0.99, "sha256": "0" * 64}
BY_FORMAT = {"uuid": "00000000-0000-4000-8000-000000000000", "date-time": "2026-11-27T21:45:56Z"}


@pytest.fixture
def ada(db: None) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def project(db: None) -> Project:
    return factories.a_project(answers_min=1, answers_max=1, workers=[factories.finch()])


def rows(client: APIClient, project: Project, name: str, **query: Any) -> list[Any]:
    answer = client.get(f"/api/v1/projects/{project.public_id}/{name}/", query)
    assert answer.status_code == 200, answer.content
    found: list[Any] = answer.json()["results"]
    return found


def names(client: APIClient, project: Project, name: str, **query: Any) -> list[str]:
    return [row["source_key"] for row in rows(client, project, name, **query)]


def labeled(project: Project, name: str, answer: dict[str, Any], batch: Batch | None = None) -> Task:
    task = factories.a_task(project, image=factories.an_image(project, name=name), batch=batch, wanted=1)
    factories.an_answer(task, factories.finch(), answer)
    update_labels(task_ids=[task.pk])
    return task


def is_page(operation: Any) -> bool:
    """Whether it is a list, with a cursor; events have numbers instead."""
    return any(each["name"] == "cursor" for each in operation.body.get("parameters", []))


def test_every_list_has_filters_and_every_filter_works(ada: APIClient, project: Project) -> None:
    task = labeled(project, "a.jpg", factories.class_answer(1))
    ids = {"project_id": project.public_id, "task_id": task.public_id}
    ids["organisation_id"] = project.organisation.public_id
    count = 0
    for operation in filter(is_page, operations("get")):
        filters = [each for each in operation.body["parameters"] if each["in"] == "query"]
        filters = [each for each in filters if each["name"] not in {"cursor", "page_size"}]
        assert filters, f"{operation.path} has no filter"
        for each in filters:
            assert each["description"], (operation.path, each["name"])
            schema = each["schema"]
            value = (schema.get("enum") or [BY_FORMAT.get(schema.get("format", ""), VALUES.get(each["name"], "x"))])[0]
            answer = ada.get(operation.url(ids), {each["name"]: value})
            assert answer.status_code in {200, 404}, (operation.path, each["name"], answer.content)
            count += 1
    assert count >= 45


def test_tasks_by_state_batch_image_and_name(ada: APIClient, project: Project) -> None:
    first, second = factories.a_batch(project), factories.a_batch(project)
    one = labeled(project, "cam1/1.jpg", factories.class_answer(1), first)
    other = factories.a_task(project, image=factories.an_image(project, name="cam2/1.jpg"), batch=second)
    assert names(ada, project, "tasks", state="open") == ["cam2/1.jpg"]
    assert names(ada, project, "tasks", batch=first.public_id) == ["cam1/1.jpg"]
    assert names(ada, project, "tasks", image=other.image.public_id) == ["cam2/1.jpg"]
    assert names(ada, project, "tasks", prefix="cam") == ["cam1/1.jpg", "cam2/1.jpg"]
    assert names(ada, project, "tasks", prefix="cam1/", state="open") == []
    assert [row["id"] for row in rows(ada, project, "tasks", prefix="cam1/")] == [str(one.public_id)]


def test_images_by_name_in_either_form_of_unicode(ada: APIClient, project: Project) -> None:
    factories.an_image(project, name="Caf\u00e9/1.jpg")
    factories.an_image(project, name="Cafe\u0301/2.jpg")
    factories.an_image(project, name="cafe/3.jpg")
    assert len(names(ada, project, "images", prefix="Caf\u00e9/")) == 2
    assert names(ada, project, "images", source_key="cafe/3.jpg") == ["cafe/3.jpg"]


@pytest.mark.parametrize("wildcard", ["%", "_", "\\", "c%"])
def test_a_prefix_has_no_wildcards(ada: APIClient, project: Project, wildcard: str) -> None:
    factories.an_image(project, name="cat.jpg")
    assert names(ada, project, "images", prefix=wildcard) == []


def test_ranges_of_times_have_neither_gaps_nor_overlaps(ada: APIClient, project: Project) -> None:
    image = factories.an_image(project)
    at = image.created_at.isoformat()
    assert names(ada, project, "images", created_after=at) == [image.source_key]
    assert names(ada, project, "images", created_before=at) == []
    later = (image.created_at + timedelta(microseconds=1)).isoformat()
    assert names(ada, project, "images", created_after=at, created_before=later) == [image.source_key]
    assert names(ada, project, "images", created_after=later) == []


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0987-10-27T01:55:57.7-21:06"]
)
def test_times_at_the_ends_of_the_calendar_are_refused_or_served(ada: APIClient, project: Project, moment: str) -> None:
    url = f"/api/v1/projects/{project.public_id}/images/?created_after={quote(moment)}"
    assert ada.get(url).status_code in {200, 400}


@pytest.mark.parametrize("offset", ["+23:59", "-21:06"])
def test_a_time_may_have_any_offset(ada: APIClient, project: Project, offset: str) -> None:
    """PostgreSQL refuses offsets of 16 hours and more."""
    name = factories.an_image(project).source_key
    assert names(ada, project, "images", created_after=f"0987-10-27T01:55:57.7{offset}") == [name]


def test_labels_by_class_of_the_image_or_of_an_object(ada: APIClient, project: Project) -> None:
    labeled(project, "cat.jpg", factories.class_answer(1))
    labeled(project, "dog.jpg", factories.class_answer(2))
    boxes = factories.a_project("Boxes", tools=["box"], answers_min=1, answers_max=1, workers=[factories.finch()])
    labeled(boxes, "both.jpg", factories.box_answer((1, 1, 1, 9, 9), (2, 20, 20, 9, 9)))
    labeled(boxes, "cats.jpg", factories.box_answer((1, 1, 1, 9, 9)))
    assert names(ada, project, "labels", **{"class": 2}) == ["dog.jpg"]
    assert names(ada, boxes, "labels", **{"class": 2}) == ["both.jpg"]
    assert names(ada, boxes, "labels", **{"class": 1}) == ["both.jpg", "cats.jpg"]


def test_labels_to_review_are_those_of_the_review_page(ada: APIClient, project: Project) -> None:
    task = labeled(project, "cat.jpg", factories.class_answer(1))
    assert names(ada, project, "labels", review="to_review") == ["cat.jpg"]
    label_hash = rows(ada, project, "labels")[0]["label_hash"]
    review = {"verdict": "approve", "label_hash": label_hash}
    assert ada.post(f"/api/v1/tasks/{task.public_id}/review/", review).status_code == 200
    assert names(ada, project, "labels", review="to_review") == []
    assert names(ada, project, "labels", review="approved") == ["cat.jpg"]


def all_pages(client: APIClient, url: str) -> tuple[list[list[str]], list[str]]:
    """The names on each page, forwards, and the URLs of the previous pages."""
    pages, back, address = [], [], url
    while address:
        body = client.get(address).json()
        pages.append([row["source_key"] for row in body["results"]])
        back.append(body["previous"])
        address = body["next"]
    return pages, back


def test_a_page_looks_through_a_bounded_number_of_rows(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rare names are found by following `next`, on pages that may be empty; no row is missed or repeated."""
    monkeypatch.setattr(pagination, "EXAMINED", 4)
    for number in range(22):
        folder = "rare" if number in {5, 13, 14, 21} else "usual"
        factories.an_image(project, name=f"{folder}/{number:02}.jpg")
    base = f"/api/v1/projects/{project.public_id}/images/"
    pages, back = all_pages(ada, f"{base}?prefix=rare/")
    assert [name for page in pages for name in page] == [f"rare/{number:02}.jpg" for number in (5, 13, 14, 21)]
    assert [] in pages
    usual = sorted(Image.objects.filter(source_key__startswith="usual").values_list("source_key", flat=True))
    for size in (1, 2, 3):
        small, _ = all_pages(ada, f"{base}?prefix=usual/&page_size={size}")
        assert [name for page in small for name in page] == usual
    backwards: list[str] = []
    address = back[-1]
    while address:
        body = ada.get(address).json()
        backwards = [row["source_key"] for row in body["results"]] + backwards
        address = body["previous"]
    assert backwards == [name for page in pages[:-1] for name in page]


def test_a_filter_reads_no_more_rows_than_a_page_may(
    ada: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "EXAMINED", 5)
    for number in range(30):
        factories.an_image(project, name=f"usual/{number:02}.jpg")
    with CaptureQueriesContext(connection) as captured:
        body = ada.get(f"/api/v1/projects/{project.public_id}/images/?prefix=rare/").json()
    assert body["results"] == []
    assert body["next"]
    read = next(each["sql"] for each in captured if "rare/" in each["sql"])
    last = Image.objects.order_by("pk")[4].pk
    assert f'"tasks_image"."id" <= {last}' in read
