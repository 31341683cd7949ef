"""A set never begins or ends inside a group, and shows its images one after the other, in their order."""

import random
from decimal import Decimal

import pytest
from django.db.models import F

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.assignment.budget import committed
from tasks.assignment.errors import ImagesTodayUsed
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.batching.groups import Run
from tasks.batching.models import Batch, Task
from tasks.batching.services import create_runs, open_all_batches
from tasks.flow.gold_images import make_gold_image
from tasks.ingest.models import Image
from tests import factories, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db


def a_group(project: Project, count: int, *, wanted: int = 1, order_key: float | None = None) -> list[Task]:
    tasks = [factories.a_task(project, wanted=wanted) for _ in range(count)]
    key = random.Random(tasks[0].pk).random() if order_key is None else order_key
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(order_key=key)
    return tasks


def shown(hand: Hand) -> list[int | None]:
    """The tasks in the order in which the worker sees them; None is gold."""
    return [lease.task_id for lease in worker_actions.leases_of(hand)]


def ids_of(images: list[Image]) -> tuple[int, ...]:
    return tuple(image.pk for image in images)


def ids(tasks: list[Task]) -> list[int]:
    return [task.pk for task in tasks]


def assert_side_by_side(order: list[int | None], groups: list[list[int]]) -> None:
    for group in groups:
        present = [task for task in order if task in group]
        if present:
            first = order.index(present[0])
            assert order[first : first + len(present)] == present == sorted(present)


def a_worker(project: Project, name: str) -> Actor:
    worker = factories.a_worker(name)
    factories.admitted(project, worker)
    return worker


def submit_all(hand: Hand) -> None:
    Assignment.objects.filter(hand=hand).update(state="submitted", submitted_at=ClockTimestamp())
    worker_actions.settle(hand)


def test_a_set_takes_whole_groups_wherever_it_begins() -> None:
    project = factories.a_project(hand_size=10, gold_rate=0)
    groups = [ids(a_group(project, 7, wanted=40, order_key=(number + 0.5) / 6)) for number in range(6)]
    begun = set()
    for number in range(40):
        order = shown(worker_actions.take(a_worker(project, f"w{number}"), project))
        assert len(order) == 14, "the group that ten images end in comes whole"
        assert all(len([task for task in order if task in group]) in (0, 7) for group in groups)
        assert_side_by_side(order, groups)
        begun.add(frozenset(number for number, group in enumerate(groups) if group[0] in order))
    assert len(begun) > 3, "a set begins with any group"
    worker_actions.assert_invariants(project)


def test_groups_and_single_images_are_shuffled_and_gold_is_never_inside_a_group() -> None:
    project = factories.a_project(hand_size=20, gold_rate=0.4)
    groups = [ids(a_group(project, 5, wanted=60)) for _ in range(2)]
    singles = ids([factories.a_task(project, wanted=60) for _ in range(6)])
    for _ in range(4):
        factories.a_gold(project)
    first, counts = set(), []
    for number in range(60):
        order = shown(worker_actions.take(a_worker(project, f"w{number}"), project))
        assert {*groups[0], *groups[1], *singles} == {task for task in order if task}
        counts.append(order.count(None))
        assert_side_by_side(order, groups)
        first.add("gold" if order[0] is None else "single" if order[0] in singles else "group")
    assert max(counts) <= 4
    assert len(set(counts)) > 1, "as many as there are single images with gold in front of them"
    assert first == {"gold", "single", "group"}


def test_a_set_of_groups_alone_has_no_single_check_image() -> None:
    """It would be the one without neighbors."""
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=10, gold_rate=0.5)
    group = ids(a_group(project, 45))
    for _ in range(10):
        factories.a_gold(project)
    assert shown(worker_actions.take(wren, project)) == group


def test_gold_of_a_group_comes_in_its_place_with_the_group_and_comes_back_there() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=4, gold_rate=0.1, answers_min=2, answers_max=2)
    images = [factories.an_image(project, group_key=f"clip{number // 6}") for number in range(12)]
    create_runs(project=project, runs=[Run("clip0", ids_of(images[:6])), Run("clip1", ids_of(images[6:]))])
    open_all_batches(project=project)
    frames = [images[2], images[9]]
    for image in frames:
        make_gold_image(project=project, image=image, raw=factories.class_answer(1), by=factories.ada())

    def order_of(hand: Hand) -> list[int]:
        rows = Assignment.objects.filter(hand=hand).order_by("position").select_related("task", "gold")
        return [part.image_id for row in rows if (part := row.task or row.gold) is not None]

    clips = [[image.pk for image in images[:6]], [image.pk for image in images[6:]]]
    hand = worker_actions.take(wren, project)
    before = order_of(hand)
    assert before in clips, "as if it were work, and no other gold"
    release_hand(worker=wren, hand_id=hand.public_id)
    assert order_of(worker_actions.take(wren, project)) == before, "and it comes back there"
    for _ in range(2):
        hand = worker_actions.take(finch, project)
        assert order_of(hand) in clips
        submit_all(hand)
    assert claim_hand(worker=finch, project=project) is None
    assert set(Assignment.objects.filter(gold__isnull=False).values_list("gold__image_id", flat=True)) == {
        image.pk for image in frames
    }


@pytest.mark.parametrize("gold_rate", [0, 0.5])
def test_no_set_has_more_than_150_images(gold_rate: float) -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=100, gold_rate=gold_rate)
    for _ in range(99 if not gold_rate else 49):
        task = factories.a_task(project, wanted=1)
        Task.objects.filter(pk=task.pk).update(priority=1)
    a_group(project, 50)
    for _ in range(120 if gold_rate else 0):
        factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    # Gold in front of the first image is left out every other time.
    assert hand.size in ((148, 149) if gold_rate else (149,))


def test_sets_without_groups_have_exactly_the_size_of_the_policy() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=7, gold_rate=0)
    factories.some_tasks(project, 20, wanted=1)
    sizes = []
    while (hand := claim_hand(worker=wren, project=project)) is not None:
        sizes.append(hand.size)
        submit_all(hand)
    assert sizes == [7, 7, 6]


def test_an_urgent_image_of_a_group_comes_alone_and_the_others_together_later() -> None:
    project = factories.a_project(hand_size=3, gold_rate=0)
    group = ids(a_group(project, 6, wanted=2))
    factories.some_tasks(project, 10, wanted=2)
    Task.objects.filter(pk=group[2]).update(priority=7)
    for number in range(2):
        order = shown(worker_actions.take(a_worker(project, f"w{number}"), project))
        assert group[2] in order
        others = [task for task in order if task in group and task != group[2]]
        assert others in ([], [task for task in group if task != group[2]])


def test_a_group_of_which_the_worker_had_a_part_gives_the_rest_together() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=2, gold_rate=0)
    group = ids(a_group(project, 5, wanted=2))
    first = worker_actions.take(wren, project)
    skipped = worker_actions.leases_of(first)[1]
    skip_assignment(worker=wren, assignment_id=skipped.public_id)
    submit_all_but = Assignment.objects.filter(hand=first).exclude(pk=skipped.pk)
    submit_all_but.update(state="submitted", submitted_at=ClockTimestamp())
    worker_actions.settle(first)
    worker_actions.raise_wanted(Task.objects.get(pk=group[0]), to=4)
    assert claim_hand(worker=wren, project=project) is None, "nothing of it comes twice"
    assert shown(worker_actions.take(finch, project)) == group
    later = factories.a_task(project, wanted=2)
    Batch.objects.update(generation=F("generation") + 1)
    Task.objects.filter(pk=later.pk).update(order_key=Task.objects.get(pk=group[0]).order_key)
    assert shown(worker_actions.take(wren, project)) == [later.pk], "an image that was added to the group"


def test_a_group_that_was_returned_comes_back_as_a_whole_and_in_order() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=4, gold_rate=0, returns_per_day=100)
    groups = [ids(a_group(project, 6)) for _ in range(2)]
    before = worker_actions.take(wren, project)
    assert before.size == 6
    release_hand(worker=wren, hand_id=before.public_id)
    again = shown(worker_actions.take(wren, project))
    assert again in groups
    assert shown(before) == [], "its images are in the new set"


def test_two_sets_of_a_large_group_are_allowed_to_come_back() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=10, gold_rate=0, returns_per_day=10)
    a_group(project, 50)
    for _ in range(2):
        hand = worker_actions.take(wren, project)
        release_hand(worker=wren, hand_id=hand.public_id)
    assert hand.size == 50
    assert project.standings.get().state == "active"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_share_no_group() -> None:
    workers = [factories.a_worker(f"w{number}") for number in range(4)]
    project = factories.a_project(workers=workers, hand_size=3, gold_rate=0)
    groups = [ids(a_group(project, 6, wanted=1)) for _ in range(4)]
    hands = together(*[lambda worker=worker: claim_hand(worker=worker, project=project) for worker in workers])
    assert sorted(task for hand in hands for task in shown(hand) if task) == sorted(
        task for group in groups for task in group
    )
    assert all(shown(hand) in groups for hand in hands)
    worker_actions.assert_invariants(project)


def test_a_group_is_cut_where_the_budget_ends() -> None:
    wren, price = factories.wren(), Decimal("0.02")
    project = factories.a_project(
        workers=[wren], gold_rate=0, hand_size=2, answers_min=1, price=price, budget=3 * price
    )
    group = a_group(project, 5)
    hand = worker_actions.take(wren, project)
    assert len(shown(hand)) == 3
    assert set(shown(hand)) < set(ids(group))
    assert committed(project=project) == project.budget
    release_hand(worker=wren, hand_id=hand.public_id)
    Project.objects.filter(pk=project.pk).update(budget=2 * price)
    again = worker_actions.take(wren, project)
    assert (len(shown(again)), committed(project=project)) == (2, 2 * price)


def test_the_rest_of_a_group_comes_on_top_of_a_cap() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0, hand_size=10, answers_min=1, images_per_day=2)
    group = a_group(project, 5)
    hand = worker_actions.take(wren, project)
    assert shown(hand) == ids(group)
    submit_all(hand)
    a_group(project, 2)
    with pytest.raises(ImagesTodayUsed):
        claim_hand(worker=wren, project=project)
