"""Gold is mixed into a hand so that workers cannot tell it from work."""

import pytest

from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.batching.services import close_slots
from tasks.gold.models import Gold
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def test_a_hand_of_ten_at_a_rate_of_one_tenth_contains_one_gold() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=10, gold_rate=0.1)
    factories.some_tasks(project, 20)
    gold = factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    leases = worker_actions.leases_of(hand)
    assert [lease.gold_id for lease in leases if lease.gold_id] == [gold.pk]
    assert len(leases) == hand.size == 10
    gold.refresh_from_db()
    assert gold.exposure == 1
    worker_actions.assert_invariants(project)


def test_nothing_visible_to_workers_distinguishes_gold_from_work() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=10, gold_rate=0.5)
    factories.some_tasks(project, 5)
    for _ in range(5):
        factories.a_gold(project)
    leases = worker_actions.leases_of(worker_actions.take(wren, project))
    hidden = {"task_id", "gold_id", "counts", "rendition_id"}
    unique = {"id", "public_id", "position", "leased_at"}
    shown = [
        {name: value for name, value in vars(lease).items() if name not in hidden | unique | {"_state"}}
        for lease in leases
    ]
    assert all(row == shown[0] for row in shown)
    by_position = [lease.pk for lease in leases]
    assert by_position == sorted(by_position), "row numbers must follow the positions, not the kind"


def test_gold_appears_at_any_position_in_the_hand() -> None:
    project = factories.a_project(hand_size=4, gold_rate=0.25)
    factories.some_tasks(project, 4, wanted=60)
    factories.a_gold(project)
    for number in range(60):
        worker = factories.a_worker(f"w{number}")
        factories.admitted(project, worker)
        worker_actions.take(worker, project)
    positions = set(Assignment.objects.filter(gold__isnull=False).values_list("position", flat=True))
    assert positions == {1, 2, 3, 4}


def test_the_least_exposed_gold_comes_first_and_never_twice_to_a_worker() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0.5)
    factories.some_tasks(project, 9)
    more_exposed, less_exposed = factories.a_gold(project, exposure=7), factories.a_gold(project, exposure=2)
    factories.a_gold(project, exposure=0, state=Gold.State.RETIRED)
    received = []
    for _ in range(3):
        hand = worker_actions.take(wren, project)
        received.append([lease.gold_id for lease in worker_actions.leases_of(hand) if lease.gold_id])
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)
    assert received == [[less_exposed.pk], [more_exposed.pk], []]


def test_in_hands_of_one_gold_comes_alone_and_only_while_there_is_work() -> None:
    project = factories.a_project(hand_size=1, gold_rate=0.5)
    task = factories.a_task(project, wanted=40)
    factories.a_gold(project)
    for number in range(40):
        worker = factories.a_worker(f"w{number}")
        factories.admitted(project, worker)
        assert worker_actions.take(worker, project).size == 1
    gold_count = Assignment.objects.filter(gold__isnull=False).count()
    # Each is gold with probability one half: 20 on average, outside these bounds less than once in a million.
    assert 4 < gold_count < 36
    close_slots(task=task)
    last = factories.a_worker("last")
    factories.admitted(project, last)
    assert claim_hand(worker=last, project=project) is None
    worker_actions.assert_invariants(project)


def test_gold_alone_never_makes_a_hand() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0.5)
    gold = factories.a_gold(project)
    assert claim_hand(worker=wren, project=project) is None
    gold.refresh_from_db()
    assert gold.exposure == 0
    assert not Hand.objects.exists()


def test_an_image_is_given_to_a_worker_as_gold_or_as_work_but_not_both() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=2, gold_rate=0.5)
    image = factories.an_image(project)
    gold = factories.a_gold(project, image=image)
    work = factories.a_task(project, wanted=1)
    first = worker_actions.take(wren, project)
    assert {lease.gold_id or lease.task_id for lease in worker_actions.leases_of(first)} == {gold.pk, work.pk}
    worker_actions.answer_all(first)
    worker_actions.settle(first)
    both = factories.a_task(project, image=image, wanted=1)
    assert claim_hand(worker=wren, project=project) is None, "wren has had this image as gold"
    finchs_leases = worker_actions.leases_of(worker_actions.take(finch, project))
    assert [lease.task_id for lease in finchs_leases] == [both.pk]


def test_a_short_hand_keeps_the_gold_rate() -> None:
    project = factories.a_project(hand_size=10, gold_rate=0.1)
    factories.a_gold(project)
    gold_count = 0
    for number in range(60):
        worker = factories.a_worker(f"w{number}")
        factories.admitted(project, worker, images=10, gold=(5, 0))
        factories.a_task(project, wanted=1)
        hand = worker_actions.take(worker, project)
        gold_count += hand.size - 1
    # A share of 9.7% adds 0.11 gold to one task: 6.5 in 60 hands on average, above 20 less than once in a million.
    assert gold_count <= 20


def test_gold_comes_once_in_a_set_that_is_filled_from_the_same_batch_again() -> None:
    people = [factories.a_worker(f"w{number}") for number in range(80)]
    project = factories.a_project(workers=people, hand_size=4, gold_rate=0.5, answers_min=80, answers_max=80)
    batch = factories.a_batch(project)
    for _ in range(9):
        factories.a_task(project, batch=batch, wanted=80)
    for _ in range(2):  # fewer than the share asks for, so a claim comes back for more work
        factories.a_gold(project, views_wanted=80, batch=batch)
    # A set that ends with gold, and comes back for more, may begin with the task behind the gold.
    hands = [worker_actions.take(person, project) for person in people]
    had = Assignment.objects.filter(gold__isnull=False).values_list("gold", "worker")
    assert len(set(had)) == len(had) > 40
    assert {hand.size for hand in hands} == {4}
