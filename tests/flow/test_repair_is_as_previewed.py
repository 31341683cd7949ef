"""For random histories: what a repair does is what its preview says, and the undo puts everything back, to the byte."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from kernel.clock import database_now
from kernel.errors import AnnotaryError
from tasks.assignment.models import Assignment
from tasks.flow.repair_preview import preview_repair, preview_undo
from tasks.repair.models import Repair, RepairedTask
from tests import repairs
from tests.labeled import a_crowd

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(40))
def test_what_is_previewed_is_what_happens(seed: int) -> None:
    rng = random.Random(seed)
    project = repairs.a_history(rng)
    worker = rng.choice(a_crowd(project, 4))
    since = None if rng.random() < 0.7 else database_now() - timedelta(milliseconds=rng.randint(1, 400))
    promised = preview_repair(project=project, worker=worker, since=since)
    offered, approved = repairs.offered(project), repairs.approved(project)
    if not promised.answers:
        return
    repair = repairs.void_answers(project, worker, since=since, pay=rng.choice(["keep", "take_back"]))

    effects = list(RepairedTask.objects.filter(repair=repair).values_list("effect", flat=True))
    outcome = {name: effects.count(name) for name in ("kept", "changed", "reopened", "waiting")}
    assert outcome == {name: getattr(promised, name) for name in outcome}
    assert repair.answers == promised.answers
    assert sum((repairs.offered(project) - offered).values()) == promised.missing
    assert len(approved - repairs.approved(project)) == promised.unapproved
    assert {row.snapshot: row.labels for row in repair.releases.all()} == dict(promised.releases)
    assert repair.amount == (promised.paid if repair.pay == Repair.Pay.TAKE_BACK else 0)
    assert not promised.is_estimate
    repairs.assert_rules(project)


@pytest.mark.parametrize("seed", range(100, 130))
def test_undo_puts_everything_back(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    project = repairs.a_history(rng)
    worker = rng.choice(a_crowd(project, 4))
    before, snapshot = repairs.state_of(project), None
    try:
        snapshot = repairs.a_release(project)
        repair = repairs.void_answers(project, worker)
    except AnnotaryError:
        return
    repairs.undo(repair)
    # Unfinished images are decided again, which may only find what is so already.
    assert repairs.state_of(project) == before
    again = repairs.a_release(project)
    assert again.content_hash == snapshot.content_hash
    for name in ("coco", "imagenet"):
        first, second = (repairs.release_bytes(each, name, tmp_path) for each in (snapshot, again))
        assert first == second
        assert first
    repairs.assert_rules(project)


@pytest.mark.parametrize("seed", range(200, 230))
def test_what_the_undo_is_said_to_do_is_what_it_does(seed: int) -> None:
    rng = random.Random(seed)
    project = repairs.a_history(rng)
    crowd = a_crowd(project, 4)
    worker = rng.choice(crowd)
    try:
        repair = repairs.void_answers(project, worker, pay="take_back")
    except AnnotaryError:
        return
    others = [each for each in crowd if each != worker]
    for _ in range(rng.randint(0, 10)):
        repairs.some_step(project, others, rng)
    promised = preview_undo(repair=repair)
    counting = Assignment.objects.filter(counts=True, worker=worker).count()
    theirs = Assignment.objects.filter(counts=True).exclude(worker=worker).count()
    repairs.undo(repair)
    assert Assignment.objects.filter(counts=True, worker=worker).count() - counting == promised.answers
    assert theirs - Assignment.objects.filter(counts=True).exclude(worker=worker).count() == promised.surplus
    assert promised.restored + promised.recomputed == RepairedTask.objects.filter(repair=repair).count()
    repairs.assert_rules(project)


@pytest.mark.parametrize("seed", range(300, 320))
def test_two_repairs_are_undone_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    project = repairs.a_history(rng)
    first, second = rng.sample(a_crowd(project, 4), 2)
    before = repairs.state_of(project)
    try:
        done = [repairs.void_answers(project, worker) for worker in (first, second)]
    except AnnotaryError:
        return
    last_first = rng.random() < 0.5
    for repair in reversed(done) if last_first else done:
        repairs.undo(repair)
        repairs.assert_rules(project)
    after = repairs.state_of(project)
    if last_first:
        assert after == before
    assert [row[-1] for row in after if len(row) == 6] == [row[-1] for row in before if len(row) == 6]
