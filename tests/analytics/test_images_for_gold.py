"""Images that are offered to make check images of come from all batches, and in no order of the upload."""

import pytest

from tasks.analytics.images_for_gold import BATCHES, available_for_gold, offered_for_gold
from tasks.batching.models import Task
from tasks.flow.gold_images import make_gold_image
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def test_they_come_from_all_batches_and_stay_the_same() -> None:
    project = factories.a_project()
    factories.some_tasks(project, 40, batches=4)
    offered = offered_for_gold(project=project, count=8)
    batches = dict(Task.objects.filter(project=project).values_list("image_id", "batch_id"))
    of_batch = [batches[image.pk] for image in offered]
    assert sorted(map(of_batch.count, set(of_batch))) == [2, 2, 2, 2]
    assert offered == offered_for_gold(project=project, count=8)
    ids = [image.pk for image in offered_for_gold(project=project, count=40)]
    assert len(set(ids)) == 40
    assert ids != sorted(ids)


def test_batches_without_check_images_come_first_also_if_there_are_many() -> None:
    project = factories.a_project()
    factories.some_tasks(project, 2 * (BATCHES + 10), batches=BATCHES + 10)
    batches = dict(Task.objects.filter(project=project).values_list("image_id", "batch_id"))
    answer = {"image": {"class": 1}, "verdict": "labels"}
    first = offered_for_gold(project=project, count=BATCHES)
    for image in first:
        make_gold_image(project=project, image=image, raw=answer, by=factories.ada())
    then = offered_for_gold(project=project, count=10)
    assert len({batches[image.pk] for image in [*first, *then]}) == BATCHES + 10


def test_they_are_those_that_nobody_has_and_that_are_not_gold() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=3, gold_rate=0)
    tasks = factories.some_tasks(project, 12, batches=2)
    factories.a_gold(project, image=tasks[0].image)
    worker_actions.take(wren, project)
    offered = {image.pk for image in offered_for_gold(project=project, count=20)}
    assert offered == set(available_for_gold(project=project).values_list("pk", flat=True))
    assert tasks[0].image_id not in offered
    assert 8 <= len(offered) <= 9
