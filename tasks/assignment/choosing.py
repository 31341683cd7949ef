"""Chooses the images of a new hand: what the worker was shown before, new work, and gold.

Runs in the transaction of `services.claim_or_find_hand`, which makes further attempts when this one asks for it.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from accounts.models import Actor
from tasks.assignment import claiming, returned
from tasks.assignment.claim_policy import ClaimPolicy
from tasks.assignment.claiming import BatchClaim, GoldPlaces, Slot
from tasks.assignment.gold_mixing import mix_in_gold, site_share
from tasks.assignment.returned import ReturnedImage
from tasks.gold.share import first_share
from tasks.gold.sites import gold_at

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

    Images of a group stay side by side, in the order of their tasks, with the gold among them.
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
    images: list[Slot | ReturnedImage] = sorted([*again, *new], key=lambda image: image.own_task_id or 0)
    gold = [image for image in images if image.task_id is None and image.order_key is None]
    work = [image for image in images if image.task_id is not None or image.order_key is not None]
    first = min(policy.first_images, len(images))
    keys = Counter(image.order_key for image in images)
    return mix_in_gold(
        work=work,
        gold=gold,
        rng=_rng,
        group_of=lambda image: image.order_key if keys[image.order_key] > 1 and image.order_key is not None else None,
        first=first,
        first_gold=_gold_of_first(policy, len(images), first),
    )


def _choose_slots(worker: Actor, policy: ClaimPolicy, attempts: Attempts, *, room: int, may_wait: bool) -> list[Slot]:
    """Claim new work, batch by batch, with the gold among it, until the hand is full or no slot is left; the last group
    whole unless that is more than `policy.most`. Waits, through Retry, before returning none.

    There is no gold without open work in its batch.
    """
    places = _gold_places(policy, room)
    new: list[Slot] = []
    while len(new) < room:
        claimed = claiming.claim_from_batch(
            project_id=policy.pk,
            worker_id=worker.pk,
            count=room - len(new),
            most=policy.most - len(new),
            chosen=_tasks_of(new),
            golds=_golds_of(new),
            gold=places,
        )
        if claimed is None:
            break
        if claimed.exhausted_generation is not None:
            attempts.exhausted[claimed.batch_id] = claimed.exhausted_generation
        new += claimed.slots
        gold = _gold_at(worker, policy, claimed, new)[: policy.most - len(new)] if policy.gold_rate else []
        if len(gold) < len(claimed.sites):
            # Others would be missing too, and each would cost another statement.
            places = replace(places, sites=0.0)
        new += gold
    if not new and may_wait:
        locked = claiming.first_candidate_batch(project_id=policy.pk, worker_id=worker.pk)
        if locked is not None:
            raise Retry(wait_for=locked)
    return new


def _tasks_of(slots: Sequence[Slot]) -> list[int]:
    return [slot.task_id for slot in slots if slot.task_id is not None]


def _golds_of(slots: Sequence[Slot]) -> list[int]:
    return [slot.gold_id for slot in slots if slot.gold_id is not None]


def _gold_places(policy: ClaimPolicy, room: int) -> GoldPlaces:
    if not policy.gold_rate:
        return GoldPlaces()
    has_new = policy.has_unplaced_gold or policy.has_unlimited_gold
    return GoldPlaces(
        sites=site_share(images=room, gold=_expected_gold(policy, room)) if has_new else 0.0,
        anywhere=policy.gold_anywhere,
        from_first=_rng.random() < 0.5,
        # Gold that has no place cannot be at the same tasks for all.
        salt=0.0 if policy.has_unplaced_gold else _rng.random(),
    )


def _gold_at(worker: Actor, policy: ClaimPolicy, claimed: BatchClaim, new: Sequence[Slot]) -> list[Slot]:
    """Return the gold at the sites of a claim, and that in its groups; `new` are the images of the hand so far.

    Claims without any run the same statement.
    """
    found = gold_at(
        project_id=policy.pk,
        worker_id=worker.pk,
        batch_id=claimed.batch_id,
        sites=claimed.sites,
        keys=[slot.order_key for slot in claimed.slots if slot.order_key is not None],
        chosen=_tasks_of(new),
        golds=_golds_of(new),
    )
    return [
        Slot(None, gold.id, 1, gold.width, gold.height, gold.rendition_id, gold.order_key, gold.own_task_id)
        for gold in found
    ]


def _expected_gold(policy: ClaimPolicy, images: int) -> float:
    """Return how much gold this many new images have on average."""
    first = min(policy.first_images, images)
    return first * first_share(policy.gold_rate) + (images - first) * policy.gold_share


def _gold_of_first(policy: ClaimPolicy, images: int, first: int) -> float:
    """Return which part of the gold of a hand is among its `first` images, on average."""
    expected = _expected_gold(policy, images)
    return first * first_share(policy.gold_rate) / expected if expected else 0.0
