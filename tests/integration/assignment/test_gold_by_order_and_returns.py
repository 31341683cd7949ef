"""A worker who scores every image by what a set shows does not find the gold, nor by taking and returning sets."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from django.db import connection

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.assignment.services import WorkerPaused, claim_hand, release_hand
from tasks.batching.services import create_tasks, open_all_batches
from tasks.flow.settlement import settle_hand
from tasks.ingest.models import Image
from tests import factories
from tests.seeded import seed_services

pytestmark = pytest.mark.django_db

FOLDERS = 10
PER_FOLDER = 116
GOLD = 260


@dataclass(frozen=True)
class Seen:
    """An image in a set as a worker sees it: what it shows (`folder`), and where in the upload similar ones were."""

    folder: int
    upload: int
    is_gold: bool


def auc(scores: Iterable[float], is_gold: Sequence[bool]) -> float:
    """The probability that gold scores above work, ties counting half (Mann and Whitney 1947)."""
    values, gold = np.array(list(scores), float), np.array(is_gold)
    return float(np.mean(np.sign(values[gold][:, None] - values[~gold][None, :]) / 2 + 0.5))


@pytest.fixture
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(11)
    seed_services(monkeypatch, rng)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.4)")


def an_upload(project: Project, *, folders: int, per_folder: int) -> list[Image]:
    """Images in folders, one per class and each with images of its own size, uploaded folder by folder."""
    blob = factories.a_blob()
    return Image.objects.bulk_create(
        Image(
            dataset=project.dataset,
            sha256=f"{number:064x}",
            source_key=f"{number // per_folder}/{number % per_folder}.jpg",
            width=400 + number // per_folder,
            height=300,
            original_width=400 + number // per_folder,
            original_height=300,
            original=blob,
            release=blob,
            rendition=blob,
            thumb=blob,
            perceptual_hash=number,
        )
        for number in range(folders * per_folder)
    )


def all_sets(worker: Actor, project: Project) -> list[list[Seen]]:
    """Every set that the worker takes until nothing is left, each answered."""
    sets = []
    while (hand := claim_hand(worker=worker, project=project)) is not None:
        rows = Assignment.objects.filter(hand=hand).order_by("position").select_related("task__image", "gold__image")
        sets.append([_seen(row) for row in rows])
        Assignment.objects.filter(hand=hand).update(state="submitted", submitted_at=hand.created_at)
        settle_hand(worker=worker, hand_id=hand.public_id)
    return sets


def _seen(row: Assignment) -> Seen:
    part = row.gold or row.task
    assert part is not None
    folder, number = part.image.source_key.removesuffix(".jpg").split("/")
    return Seen(int(folder), int(folder) * PER_FOLDER + int(number), row.gold_id is not None)


def suspicion(shown: list[Seen], recent: list[Seen], position: int) -> dict[str, float]:
    """What could give gold away: where it is, and how far it differs from its set, the last sets and its neighbors."""
    image = shown[position]
    others = shown[:position] + shown[position + 1 :]
    neighbors = shown[max(position - 1, 0) : position] + shown[position + 1 : position + 2]
    folders, lately = Counter(other.folder for other in others), Counter(other.folder for other in recent)
    distances = sorted(abs(image.upload - other.upload) for other in others)
    order = [other.upload for other in others]
    return {
        "position": position,
        "rare in the set": -folders[image.folder],
        "rare in the last sets": -lately[image.folder],
        "not the set's main class": -float(folders.most_common(1)[0][0] == image.folder),
        "breaks a run": float(all(other.folder != image.folder for other in neighbors)),
        "breaks the neighbors' order": sum(abs(image.upload - other.upload) for other in neighbors) / len(neighbors),
        "far from its nearest in the upload": distances[0],
        "far from the set in the upload": abs(image.upload - float(np.median(order))),
        "width": image.folder,
    }


@pytest.mark.usefixtures("seeded")
def test_a_single_worker_does_not_find_gold_in_an_upload_of_one_folder_per_class() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0.2, hand_size=10, answers_min=1, answers_max=1)
    images = an_upload(project, folders=FOLDERS, per_folder=PER_FOLDER)
    gold = set(random.Random(5).sample(images, GOLD))
    for image in images:
        if image in gold:
            factories.a_gold(project, image=image)
    create_tasks(project=project, images=[image for image in images if image not in gold])
    open_all_batches(project=project)

    sets = all_sets(wren, project)

    is_gold = [image.is_gold for shown in sets for image in shown]
    assert sum(is_gold) >= 200
    scores: dict[str, list[float]] = {}
    for number, shown in enumerate(sets):
        recent = [image for earlier in sets[max(number - 5, 0) : number] for image in earlier]
        for position in range(len(shown)):
            for cue, score in suspicion(shown, recent, position).items():
                scores.setdefault(cue, []).append(score)
    found = {cue: round(auc(values, is_gold), 3) for cue, values in scores.items()}
    assert max(max(found.values()), 1 - min(found.values())) <= 0.55, found


def shown_to(worker: Actor, project: Project, *, sets: int) -> list[list[tuple[bool, int]]]:
    """What the worker sees by taking and returning sets, as often as they are allowed to: (is gold, id) by set."""
    shown = []
    for _ in range(sets):
        try:
            hand = claim_hand(worker=worker, project=project)
        except WorkerPaused:
            break
        assert hand is not None
        rows = Assignment.objects.filter(hand=hand).values_list("gold_id", "task_id")
        shown.append([(gold is not None, gold or task or 0) for gold, task in rows])
        release_hand(worker=worker, hand_id=hand.public_id)
    return shown


@pytest.mark.usefixtures("seeded")
def test_two_accounts_that_take_and_return_sets_again_and_again_do_not_find_gold() -> None:
    """Sixteen pairs in step."""
    pairs = [(factories.a_worker(f"a{n}"), factories.a_worker(f"b{n}")) for n in range(16)]
    project = factories.a_project(gold_rate=0.1, hand_size=10, answers_min=1, answers_max=1, returns_per_day=20)
    create_tasks(project=project, images=an_upload(project, folders=2, per_folder=200))
    open_all_batches(project=project)
    for _ in range(40):
        factories.a_gold(project)
    seen_by_other: list[float] = []
    came_back_less: list[float] = []
    is_gold: list[bool] = []
    for one, two in pairs:
        for worker in (one, two):
            factories.admitted(project, worker)
        mine, theirs = shown_to(one, project, sets=18), shown_to(two, project, sets=18)
        assert len(mine) == len(theirs) == 3, "paused by the third return"
        for own, other in ((mine, theirs), (theirs, mine)):
            images = {image for shown in own for image in shown}
            assert len(images) == 10, "the same images every time"
            elsewhere = {image for shown in other for image in shown}
            for image in sorted(images):
                is_gold.append(image[0])
                seen_by_other.append(-float(image in elsewhere))
                came_back_less.append(-sum(image in shown for shown in own))
    assert sum(is_gold) >= 60
    found = {"seen by one account": auc(seen_by_other, is_gold), "came back": auc(came_back_less, is_gold)}
    assert max(max(found.values()), 1 - min(found.values())) <= 0.6, found


@pytest.mark.usefixtures("seeded")
def test_what_comes_back_after_the_crowd_went_on_does_not_tell_gold() -> None:
    """An image is wanted once, and others answer it while it is returned: work must come back as gold does."""
    project = factories.a_project(gold_rate=0.3, hand_size=10, answers_min=1, answers_max=1)
    factories.some_tasks(project, 300, wanted=1)
    for _ in range(120):
        factories.a_gold(project)
    came_back: list[float] = []
    is_gold: list[bool] = []
    for number in range(15):
        watcher, crowd = factories.a_worker(f"w{number}"), factories.a_worker(f"c{number}")
        factories.admitted(project, watcher)
        factories.admitted(project, crowd)
        before = shown_to(watcher, project, sets=1)[0]
        hand = claim_hand(worker=crowd, project=project)
        assert hand is not None
        Assignment.objects.filter(hand=hand).update(state="submitted", submitted_at=hand.created_at)
        settle_hand(worker=crowd, hand_id=hand.public_id)
        after = shown_to(watcher, project, sets=1)[0]
        is_gold += [image[0] for image in before]
        came_back += [float(image in after) for image in before]
    assert sum(is_gold) >= 45
    assert auc(came_back, is_gold) == 0.5
