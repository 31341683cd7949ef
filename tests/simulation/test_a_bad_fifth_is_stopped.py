"""A crowd in which every fifth worker does not look at the images, through the real services: the bad ones are stopped
in time, the honest ones are not, and the labels are as good as without the bad ones, once a manager who confirms each
pause has voided the answers of those who were stopped.

The workers are those of `tests.mixed_crowd`; time is virtual. Thresholds were not chosen on these seeds:
`tests/benchmarks/bad_workers.py` simulates many more without services. `--crowd-seed 8` runs another one here.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import mean
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from projects.models import Project
from tasks.annotation.acknowledged import SentAnswer, submit_together
from tasks.assignment.errors import WorkerPaused
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.refit import refit
from tasks.flow.expiry import expire_leases
from tasks.flow.relabel import relabel
from tasks.flow.repair import run_repair, start_repair
from tasks.flow.revocation import remove_worker
from tasks.flow.worker_review import review_coworkers
from tasks.gold.compare import Tolerance, compare
from tasks.gold.models import Gold, GoldResult
from tasks.ingest.models import Image
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tests import crowd, factories, worker_actions
from tests.mixed_crowd import Person, a_crowd, true_boxes
from tests.seeded import seed_services
from tests.virtual_clock import VirtualClock, virtual_clock

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

IMAGES, GOLDS, CLASSES = 2000, 60, 4
SET, MARK = 10, 20
PRICE = Decimal("0.02")
BATCH = 50
#: Sets after which labels are updated together, as the jobs of several sets would.
SETS_PER_UPDATE = 5
ROUNDS_PER_REFIT = 4


@dataclass(slots=True)
class Worker:
    """stopped_at: the number of paid answers when the worker was paused."""

    person: Person
    actor: Actor
    stopped_at: int | None = None
    is_void: bool = False


@dataclass(slots=True)
class CrowdAtWork:
    """Everybody who is not paused takes a set in each round, in random order."""

    project: Project
    workers: list[Worker]
    clock: VirtualClock
    boxes: bool
    seed: int
    rng: random.Random
    numbers: dict[int, int] = field(default_factory=dict)
    truths: dict[int, Any] = field(default_factory=dict)  # image id -> class or boxes
    settled: list[int] = field(default_factory=list)

    def run(self) -> None:
        for number in range(1, 100):
            order = [each for each in self.workers if each.stopped_at is None]
            self.rng.shuffle(order)
            worked = [each for each in order if self._work(each)]
            self._void_answers_of_stopped()
            if not worked:
                break
            self._update_labels()
            if number % ROUNDS_PER_REFIT == 0:
                refit(project_id=self.project.pk)
            _analyze()
        _analyze()
        refit(project_id=self.project.pk)
        tasks = list(Task.objects.filter(project=self.project).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(tasks), 500):
            relabel(task_ids=tasks[start : start + 500])

    def quality(self, project: Project) -> float:
        """The mean score of the project's labels against the truth."""
        labels = ConsensusLabel.objects.filter(project=project, is_current=True).values_list("task__image_id", "body")
        scores = [self._score(image, body) for image, body in labels]
        assert len(scores) == IMAGES
        return mean(scores)

    def earned_by_bad_workers(self) -> Decimal:
        bad = [each.actor for each in self.workers if each.person.is_bad]
        rows = LedgerEntry.objects.filter(project=self.project, worker__in=bad)
        return rows.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)

    def stopped(self, *, bad: bool) -> list[Worker]:
        return [each for each in self.workers if each.person.is_bad == bad and each.stopped_at is not None]

    def body(self, worker: Worker, image: int) -> dict[str, Any]:
        number, truth = self.numbers[image], self.truths[image]
        if self.boxes:
            drawn = worker.person.answer_boxes(number, truth, CLASSES)
            return factories.box_answer(*((1 + each[0], *each[1:]) for each in drawn))
        return factories.class_answer(1 + worker.person.answer_class(number, truth, CLASSES))

    def _score(self, image: int, body: dict[str, Any]) -> float:
        return compare(Answer.from_json(body), [Answer.from_json(self.true_body(image))], Tolerance()).score

    def true_body(self, image: int) -> dict[str, Any]:
        truth = self.truths[image]
        if self.boxes:
            return factories.box_answer(*((1 + each[0], *each[1:]) for each in truth))
        return factories.class_answer(1 + truth)

    def _void_answers_of_stopped(self) -> None:
        for each in self.workers:
            if each.stopped_at is None or each.is_void:
                continue
            each.is_void = True
            remove_worker(project=self.project, worker=each.actor, reason="Confirmed.")
            if each.stopped_at:
                repair = start_repair(project=self.project, worker=each.actor, by=factories.ada(), reason="Confirmed.")
                run_repair(repair_id=repair.pk)

    def _work(self, worker: Worker) -> bool:
        try:
            hand = claim_hand(worker=worker.actor, project=self.project)
        except WorkerPaused:
            worker.stopped_at = self._paid(worker)
            return False
        if hand is None:
            return False
        leases = list(Assignment.objects.filter(hand=hand).select_related("task", "gold").order_by("position"))
        times = [worker.person.seconds() for _ in leases]
        self.clock.advance(sum(times))
        if worker.person.kind == "late":
            self._answer_late(worker, hand, leases, times)
        else:
            self._answer(worker, hand, leases, times)
        if Standing.objects.filter(project=self.project, worker=worker.actor, state="paused").exists():
            # What the worker may still be paid was answered before.
            worker.stopped_at = self._paid(worker)
        self.settled += [lease.task_id for lease in leases if lease.task_id]
        if len(self.settled) > SETS_PER_UPDATE * SET:
            self._update_labels()
        return True

    def _answer(self, worker: Worker, hand: Hand, leases: Sequence[Assignment], times: Sequence[float]) -> None:
        answers = []
        for lease, seconds in zip(leases, times, strict=True):
            raw = self.body(worker, self._image(lease))
            answers.append(SentAnswer(lease.public_id, f"{lease.pk}", raw, seconds, {"answer": raw}))
        submit_together(worker=worker.actor, hand_id=hand.public_id, answers=answers)
        worker_actions.settle(hand)

    def _answer_late(self, worker: Worker, hand: Hand, leases: Sequence[Assignment], times: Sequence[float]) -> None:
        """Wait until the set has run out and was settled, by the sweep; then answer."""
        self.clock.advance(self.project.lease_seconds + 1)
        expire_leases()
        if Standing.objects.filter(project=self.project, worker=worker.actor, state="paused").exists():
            return
        for lease in leases:
            worker_actions.answer(lease, body=self.body(worker, self._image(lease)))
        worker_actions.run_late_jobs()

    def _update_labels(self) -> None:
        tasks, self.settled = sorted(set(self.settled)), []
        relabel(task_ids=tasks)
        review_coworkers(task_ids=tasks)

    def _paid(self, worker: Worker) -> int:
        return LedgerEntry.objects.filter(project=self.project, worker=worker.actor, kind="credit").count()

    def _image(self, lease: Assignment) -> int:
        target = lease.task or lease.gold
        assert target is not None
        return target.image_id


def _analyze() -> None:
    """What autovacuum does in an installation; it does not see the rows of a test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE tasks_annotation, tasks_assignment, tasks_consensuslabel, tasks_gold, tasks_goldresult,"
            " tasks_hand, tasks_ledgerentry, tasks_posterior, tasks_repair, tasks_repairedtask, tasks_standing,"
            " tasks_task"
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualClock]:
    with virtual_clock() as clock:
        yield clock


def a_project(name: str, *, boxes: bool, overlap: int) -> Project:
    return factories.a_project(
        name,
        classes=("cat", "dog", "bird", "fish"),
        tools=("box",) if boxes else ("class",),
        hand_size=SET,
        price=PRICE,
        batch_size=BATCH,
        gold_rate=0.1,
        answers_min=overlap,
        answers_max=overlap,
    )


def some_images(project: Project, count: int) -> list[Image]:
    """Images of one size whose files are one blob, written at once."""
    first = factories.an_image(project, name="first")
    rows = [
        Image(
            **{
                field.attname: getattr(first, field.attname)
                for field in Image._meta.concrete_fields
                if not field.primary_key and field.name not in ("sha256", "source_key", "public_id")
            },
            sha256=f"{project.pk:08x}{number:056x}",
            source_key=f"{number:06}.jpg",
        )
        for number in range(count - 1)
    ]
    return [first, *Image.objects.bulk_create(rows, batch_size=500)]


def some_tasks(project: Project, images: Sequence[Image], overlap: int) -> None:
    for start in range(0, len(images), BATCH):
        chunk = images[start : start + BATCH]
        batch = factories.a_batch(project, wanted=overlap * len(chunk))
        Task.objects.bulk_create(Task(project=project, batch=batch, image=image, wanted=overlap) for image in chunk)
    Project.objects.filter(pk=project.pk).update(images_count=len(images))


def a_crowd_at_work(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, *, boxes: bool, seed: int) -> CrowdAtWork:
    seed_services(monkeypatch, random.Random(seed))
    overlap = 3 if boxes else 5
    project = a_project("Mixed", boxes=boxes, overlap=overlap)
    images = some_images(project, IMAGES + GOLDS)
    rng = random.Random(seed)
    people = a_crowd(honest=80, bad=20, seed=seed)
    workers = [Worker(person, factories.a_worker(f"w{person.number}")) for person in people]
    for worker in workers:
        factories.admitted(project, worker.actor)
    work = CrowdAtWork(project, workers, clock, boxes, seed, rng)
    for number, image in enumerate(images):
        work.numbers[image.pk] = number
        work.truths[image.pk] = true_boxes(number, CLASSES, seed=seed) if boxes else rng.randrange(CLASSES)
    some_tasks(project, images[:IMAGES], overlap)
    for image in images[IMAGES:]:
        factories.a_gold(project, image=image, accepted=[work.true_body(image.pk)])
    return work


def quality_of_the_honest_alone(work: CrowdAtWork) -> float:
    """The labels of a project whose images were answered by as many honest workers, written directly to its tables."""
    overlap = work.project.answers_min
    project = a_project("Honest", boxes=work.boxes, overlap=overlap)
    images = list(Image.objects.filter(pk__in=[pk for pk, number in work.numbers.items() if number < IMAGES]))
    copies = some_images(project, IMAGES)
    for image, copy in zip(images, copies, strict=True):
        work.numbers[copy.pk], work.truths[copy.pk] = work.numbers[image.pk], work.truths[image.pk]
    some_tasks(project, copies, overlap)
    honest = [each for each in work.workers if not each.person.is_bad]
    answers: dict[Actor, dict[Task | Gold, dict[str, Any]]] = {each.actor: {} for each in honest}
    tasks = list(Task.objects.filter(project=project).order_by("pk"))
    for task in tasks:
        for each in work.rng.sample(honest, overlap):
            answers[each.actor][task] = work.body(each, task.image_id)
    for each in honest:
        factories.admitted(project, each.actor)
    crowd.write_answers(project, answers)
    _analyze()
    refit(project_id=project.pk)
    for start in range(0, len(tasks), 500):
        relabel(task_ids=[task.pk for task in tasks[start : start + 500]])
    return work.quality(project)


@pytest.mark.parametrize("boxes", [False, True], ids=["classes", "boxes"])
def test_a_bad_fifth_is_stopped(
    boxes: bool, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("crowd_seed")
    work = a_crowd_at_work(clock, monkeypatch, boxes=boxes, seed=seed)
    work.run()
    bad, honest = work.stopped(bad=True), work.stopped(bad=False)
    in_time = [each for each in bad if (each.stopped_at or 0) < MARK + SET]
    release, alone = work.quality(work.project), quality_of_the_honest_alone(work)
    kinds = Counter(each.person.kind for each in in_time)
    paid = work.earned_by_bad_workers()
    gold = GoldResult.objects.filter(project=work.project).count()
    print(
        f"\nseed {seed}, {'boxes' if boxes else 'classes'}: {len(in_time)} of 20 bad workers stopped in time"
        f" ({len(bad)} at all; {dict(kinds)}), {len(honest)} of 80 honest ones"
        f" ({[round(each.person.accuracy, 2) for each in honest]}); paid to bad workers: {paid:.2f}"
        f" of {PRICE * (IMAGES * work.project.answers_min + gold):.2f}; labels {release:.2%} right,"
        f" {alone:.2%} by honest workers alone"
    )
    assert len(in_time) >= 18
    assert len(honest) <= 1
    assert release >= alone - 0.005
    assert Batch.objects.filter(project=work.project).count() == IMAGES // BATCH
