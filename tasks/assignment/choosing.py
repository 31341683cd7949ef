"""Chooses the images of a new hand: what the worker was shown before, new work, and gold.

Runs in the transaction of `services.claim_or_find_hand`, which makes further attempts when this one asks for it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from accounts.models import Actor
from tasks.assignment import claiming, returned
from tasks.assignment.claiming import ClaimPolicy, Slot
from tasks.assignment.gold_mixing import draw_gold_count, draw_gold_count_for, mix_in_gold
from tasks.assignment.returned import ReturnedImage
from tasks.gold.selectors import UnseenGold, unseen_golds

_rng = random.SystemRandom()


class Retry(Exception):
    """The attempt holds locks that it must not hold while waiting, or lost its hand: roll back and retry."""

    def __init__(self, wait_for: int | None = None) -> None:
        self.wait_for = wait_for
        super().__init__()


@dataclass
class Attempts:
    """State that survives the rollback of an attempt: the batch to wait for, and {exhausted batch id: generation}.

    `check` is called with each new hand, while the attempt holds no batch. alone: whether the claim takes the
    project's money alone, because little is left of it.
    """

    check: Callable[[], None] | None = None
    alone: bool = False
    wait_for: int | None = None
    exhausted: dict[int, int] = field(default_factory=dict)


def choose_images(worker: Actor, policy: ClaimPolicy, attempts: Attempts) -> list[Slot | ReturnedImage]:
    """Take back what the worker was shown before, fill up with new work and gold, and shuffle the whole.

    Images of a group stay side by side, in the order of their tasks.
    """
    again: list[ReturnedImage] = []
    # Not both: returned images lock their batches by ascending id, which is only safe while no other batch is held.
    if attempts.wait_for is not None:
        claiming.wait_for_batch(batch_id=attempts.wait_for)
    elif policy.has_returned:
        again = returned.take_returned(project_id=policy.pk, worker_id=worker.pk, count=policy.size, most=policy.most)
    room = policy.caps.cut(max(policy.size - len(again), 0))
    left = replace(policy, most=policy.most - len(again))
    new = _choose_slots(worker, left, attempts, room=room, may_wait=not again) if room else []
    images: list[Slot | ReturnedImage] = sorted([*again, *new], key=lambda image: image.task_id or 0)
    golds = [image for image in images if image.task_id is None]
    return mix_in_gold(work=images[len(golds) :], gold=golds, rng=_rng, group_of=lambda image: image.order_key)


def _choose_slots(worker: Actor, policy: ClaimPolicy, attempts: Attempts, *, room: int, may_wait: bool) -> list[Slot]:
    """Claim new work and choose gold; empty without an open slot, however much gold there is."""
    golds = _choose_gold(worker, policy, room)
    if len(golds) == room:
        # Gold added to work would make a hand of two, which reveals it here; so gold comes alone while work is left.
        if claiming.first_candidate_batch(project_id=policy.pk, worker_id=worker.pk) is not None:
            return _gold_slots(golds)
        golds = []
    most = policy.most - len(golds)
    work = _claim_work(worker, policy, room - len(golds), attempts, most=most, may_wait=may_wait)
    if len(work) + len(golds) < room:
        # The last slots of a project make a short hand, which keeps the gold rate: one gold in two would stand out.
        golds = golds[: draw_gold_count_for(work=len(work), rate=policy.gold_rate, rng=_rng)]
    elif len(work) + len(golds) > room:
        golds = _choose_more_gold(worker, policy, golds, work=len(work), expected=room - len(golds))
    return [*work, *_gold_slots(golds)] if work else []


def _choose_gold(worker: Actor, policy: ClaimPolicy, room: int) -> list[UnseenGold]:
    count = draw_gold_count(expected=room * policy.gold_rate, rng=_rng)
    return list(unseen_golds(project_id=policy.pk, worker_id=worker.pk, count=count)) if count else []


def _choose_more_gold(
    worker: Actor, policy: ClaimPolicy, golds: list[UnseenGold], *, work: int, expected: int
) -> list[UnseenGold]:
    """Return the gold of a hand in which a group brought more work than was asked for, at the same rate."""
    more = draw_gold_count_for(work=work - expected, rate=policy.gold_rate, rng=_rng)
    count = min(len(golds) + more, policy.most - work)
    if count <= len(golds):
        return golds[:count]
    return list(unseen_golds(project_id=policy.pk, worker_id=worker.pk, count=count))


def _gold_slots(golds: list[UnseenGold]) -> list[Slot]:
    return [Slot(None, gold.id, 1, gold.width, gold.height, gold.rendition_id) for gold in golds]


def _claim_work(
    worker: Actor, policy: ClaimPolicy, count: int, attempts: Attempts, *, most: int, may_wait: bool
) -> list[Slot]:
    """Claim batch by batch until the hand is full or no slot is left, and the last group whole unless that is more than
    `most`. Waits, through Retry, before returning none."""
    work: list[Slot] = []
    while len(work) < count:
        chosen = [slot.task_id for slot in work if slot.task_id is not None]
        missing = count - len(work)
        claimed = claiming.claim_from_batch(
            project_id=policy.pk, worker_id=worker.pk, count=missing, most=most - len(work), chosen=chosen
        )
        if claimed is None:
            break
        if claimed.exhausted_generation is not None:
            attempts.exhausted[claimed.batch_id] = claimed.exhausted_generation
        work.extend(claimed.slots)
    if not work and may_wait:
        locked = claiming.first_candidate_batch(project_id=policy.pk, worker_id=worker.pk)
        if locked is not None:
            raise Retry(wait_for=locked)
    return work
