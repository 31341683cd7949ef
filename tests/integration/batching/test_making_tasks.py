"""Images become tasks in full batches, whose slot counts are the sums of their tasks'."""

from typing import Any

import pytest
from django.db.models import Sum

from kernel.events import number_events, stream_snapshot
from projects.models import Project
from tasks.batching.errors import BatchNotFound
from tasks.batching.models import Batch, Task
from tasks.batching.selectors import batch_for, batches_of, tasks_of
from tasks.batching.services import create_tasks, open_all_batches, open_batch
from tests.concurrency_helpers import together
from tests.factories import a_project, an_image

pytestmark = pytest.mark.django_db


def totals(project: Project) -> dict[str, int]:
    number_events(project_id=project.pk)
    return stream_snapshot(project_id=project.pk).totals


def sizes(project: Project) -> list[int]:
    return [batch.tasks.count() for batch in Batch.objects.filter(project=project).order_by("number")]


def assert_slots_add_up(project: Project) -> None:
    for batch in Batch.objects.filter(project=project):
        assert batch.wanted == (batch.tasks.aggregate(sum=Sum("wanted"))["sum"] or 0)


def test_images_fill_batches_and_are_listed_in_their_order() -> None:
    project = a_project(batch_size=4, answers_min=2)
    images = [an_image(project) for _ in range(10)]
    assert create_tasks(project=project, images=images) == 10
    assert sizes(project) == [4, 4, 2]
    assert [task.image_id for task in tasks_of(project=project)] == [image.pk for image in images]
    assert set(Task.objects.values_list("wanted", flat=True)) == {2}
    assert_slots_add_up(project)
    assert totals(project) == {"tasks": 10, "places": 20}


def test_a_batch_is_not_cut_from_one_folder() -> None:
    project = a_project(batch_size=20)
    images = [an_image(project, name=f"{number // 20}/{number}.jpg") for number in range(60)]
    create_tasks(project=project, images=images)
    for batch in Batch.objects.filter(project=project):
        folders = {task.image.source_key[0] for task in batch.tasks.select_related("image")}
        assert len(folders) > 1
    assert Task.objects.values("order_key").distinct().count() == 60


def test_the_last_draft_batch_is_filled_and_an_image_becomes_one_task() -> None:
    project = a_project(batch_size=4)
    first = [an_image(project) for _ in range(3)]
    create_tasks(project=project, images=first)
    assert create_tasks(project=project, images=[*first, *first, an_image(project), an_image(project)]) == 2
    assert sizes(project) == [4, 1]
    assert create_tasks(project=project, images=first) == 0
    assert create_tasks(project=project, images=[]) == 0
    assert_slots_add_up(project)


def test_an_open_batch_gets_no_more_tasks() -> None:
    project = a_project(batch_size=4)
    create_tasks(project=project, images=[an_image(project)])
    assert open_all_batches(project=project) == 1
    create_tasks(project=project, images=[an_image(project)])
    assert sizes(project) == [1, 1]


def test_a_reduced_batch_size_leaves_larger_batches_alone() -> None:
    project = a_project(batch_size=4)
    create_tasks(project=project, images=[an_image(project) for _ in range(4)])
    Project.objects.update(batch_size=2)
    create_tasks(project=project, images=[an_image(project) for _ in range(3)])
    assert sizes(project) == [4, 2, 1]


@pytest.mark.django_db(transaction=True)
def test_concurrent_imports_leave_no_batch_half_full() -> None:
    project = a_project(batch_size=5)
    images = [an_image(project) for _ in range(24)]
    shares = [images[:9], images[9:16], images[16:], images[5:12]]
    made = together(*[lambda share=share: create_tasks(project=project, images=share) for share in shares])
    assert sum(made) == 24, made
    assert sizes(project) == [5, 5, 5, 5, 4]
    assert_slots_add_up(project)
    assert totals(project) == {"tasks": 24, "places": 72}


@pytest.mark.django_db(transaction=True)
def test_opening_a_batch_while_tasks_are_created_loses_none() -> None:
    project = a_project(batch_size=3)
    create_tasks(project=project, images=[an_image(project)])
    batch = Batch.objects.get()
    more = [an_image(project) for _ in range(4)]
    results = together(
        lambda: create_tasks(project=project, images=more),
        lambda: open_batch(batch=batch),
    )
    assert results[0] == 4, results
    assert Task.objects.count() == 5
    assert_slots_add_up(project)


def test_batches_are_listed_with_their_progress() -> None:
    project = a_project(batch_size=2)
    create_tasks(project=project, images=[an_image(project) for _ in range(3)])
    first, second = Batch.objects.order_by("number")
    Task.objects.filter(batch=first).update(state="answered")
    Batch.objects.filter(pk=second.pk).update(priority=5)
    rows: Any = batches_of(project=project)
    assert [(row.number, row.tasks_count, row.tasks_answered) for row in rows] == [(2, 1, 0), (1, 2, 2)]
    assert batch_for(project=project, public_id=str(first.public_id)) == first
    for public_id in ("no-uuid", str(project.public_id)):
        with pytest.raises(BatchNotFound):
            batch_for(project=project, public_id=public_id)
