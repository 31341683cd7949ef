"""The images of a group become tasks of one batch with one order key, also if some of them come later."""

from collections import defaultdict

import pytest
from django.db.models import Sum

from projects.models import Project
from tasks.batching.groups import MAX_RUN, Run, runs_of
from tasks.batching.models import Batch, Task
from tasks.batching.services import create_runs, create_tasks, open_all_batches
from tests.concurrency_helpers import together
from tests.factories import a_project, an_image

pytestmark = pytest.mark.django_db


def grouped(project: Project, group: str, count: int, *, first: int = 0) -> list[Run]:
    """The runs of new images of a group, with names that are numbered from `first`."""
    images = [
        an_image(project, name=f"{group}/{number}.jpg", group_key=group) for number in range(first, first + count)
    ]
    return runs_of((image.pk, group, image.source_key) for image in images)


def places(project: Project) -> dict[str, set[tuple[int, float]]]:
    """{group: the (number of the batch, order key) pairs of its tasks}"""
    found: dict[str, set[tuple[int, float]]] = defaultdict(set)
    for task in Task.objects.filter(project=project).select_related("image", "batch"):
        found[task.image.group_key].add((task.batch.number, task.order_key))
    return dict(found)


def sizes(project: Project) -> list[int]:
    return [batch.tasks.count() for batch in Batch.objects.filter(project=project).order_by("number")]


def assert_slots_add_up(project: Project) -> None:
    for batch in Batch.objects.filter(project=project):
        assert batch.wanted == (batch.tasks.aggregate(sum=Sum("wanted"))["sum"] or 0)


def test_a_group_is_in_one_batch_in_the_order_of_its_names_and_may_overfill_it() -> None:
    project = a_project(batch_size=10)
    runs = [run for letter in "abcdefgh" for run in grouped(project, letter, 7)]
    assert create_runs(project=project, runs=runs) == 56
    found = places(project)
    assert len(found) == 8
    assert all(len(each) == 1 for each in found.values()), "one batch and one order key"
    assert len({key for each in found.values() for _, key in each}) == 8
    assert sizes(project) == [14, 14, 14, 14]
    for letter in "abcdefgh":
        tasks = Task.objects.filter(image__group_key=letter).order_by("pk").select_related("image")
        assert [task.image.source_key for task in tasks] == [f"{letter}/{number}.jpg" for number in range(7)]
    assert_slots_add_up(project)


def test_a_group_above_the_limit_is_several_runs() -> None:
    project = a_project(batch_size=1000)
    create_runs(project=project, runs=grouped(project, "clip", 120))
    keys = [key for _, key in places(project)["clip"]]
    assert [Task.objects.filter(order_key=key).count() for key in keys] == [40, 40, 40]


def test_images_that_come_later_join_their_group_while_it_is_a_draft_and_small() -> None:
    project = a_project(batch_size=10)
    create_runs(project=project, runs=[*grouped(project, "clip", 20), *grouped(project, "other", 20)])
    create_runs(project=project, runs=grouped(project, "clip", 20, first=20))
    assert len(places(project)["clip"]) == 1
    assert sorted(sizes(project)) == [20, 40]
    create_runs(project=project, runs=grouped(project, "clip", 20, first=40))
    assert len(places(project)["clip"]) == 2, "60 are more than one run"
    assert_slots_add_up(project)


def test_images_that_come_after_the_opening_are_a_run_of_their_own() -> None:
    project = a_project(batch_size=10)
    create_runs(project=project, runs=grouped(project, "clip", 5))
    open_all_batches(project=project)
    create_runs(project=project, runs=grouped(project, "clip", 5, first=5))
    assert len(places(project)["clip"]) == 2
    assert sizes(project) == [5, 5]


def test_groups_that_grow_overfill_a_batch_by_one_run_at_most() -> None:
    project = a_project(batch_size=10)
    letters = "abcdefghij"
    create_runs(
        project=project, runs=[Run(letter, run.image_ids) for letter in letters for run in grouped(project, letter, 1)]
    )
    for letter in letters:
        create_runs(project=project, runs=grouped(project, letter, 20, first=1))
    assert max(sizes(project)) <= project.batch_size + MAX_RUN
    assert sum(sizes(project)) == 210
    assert_slots_add_up(project)


def test_a_group_of_another_project_or_dataset_is_not_joined() -> None:
    one, two = a_project("One", batch_size=10), a_project("Two", batch_size=10)
    create_runs(project=one, runs=grouped(one, "clip", 3))
    create_runs(project=two, runs=grouped(two, "clip", 3))
    assert (sizes(one), sizes(two)) == ([3], [3])


def test_single_images_are_distributed_as_without_groups() -> None:
    project = a_project(batch_size=4)
    images = [an_image(project, group_key="herd") for _ in range(10)]
    assert create_tasks(project=project, images=images) == 10
    assert sizes(project) == [4, 4, 2]
    assert Task.objects.values("order_key").distinct().count() == 10


@pytest.mark.django_db(transaction=True)
def test_concurrent_imports_of_a_group_make_one_run() -> None:
    project = a_project(batch_size=10)
    parts = [grouped(project, "clip", 10, first=first) for first in (0, 10, 20)]
    made = together(*[lambda part=part: create_runs(project=project, runs=part) for part in parts])
    assert sum(made) == 30, made
    assert len(places(project)["clip"]) == 1
    assert_slots_add_up(project)
