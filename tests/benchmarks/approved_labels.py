"""Measure what refits do to approved labels: `python tests/benchmarks/approved_labels.py [tasks]`; a few minutes.

A simulated crowd of 25 people, from careless to excellent, gives each image two or three answers. Half of the images
are approved at once; then batches of new answers arrive, each followed by a refit. Prints how many approved labels
every refit sent back to review, how many changes it proposed, and how often each kind of label was right: what would
change if the threshold were another is the last table.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TASKS = 4_000
WORKERS = 25
CLASSES = 4
ROUNDS = 5
ODDS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
SEED = 7


def report(tasks: int) -> Iterator[str]:
    from django.db.models import F

    from tasks.batching.models import Batch, Task
    from tasks.consensus.models import ConsensusLabel, Posterior
    from tasks.consensus.next_steps import Asking
    from tasks.consensus.refit import refit
    from tasks.consensus.services import update_labels
    from tasks.review.services import approve_batch
    from tests.crowd import class_vote, write_answers
    from tests.factories import a_project, a_worker, ada, some_tasks

    rng = random.Random(SEED)
    workers = [a_worker(f"worker {n}") for n in range(WORKERS)]
    right = {worker: rng.uniform(0.55, 0.95) for worker in workers}
    project = a_project(classes=[f"class {n}" for n in range(CLASSES)], answers_min=2, answers_max=3, workers=workers)
    rows = sorted(some_tasks(project, tasks, batches=tasks // 50, wanted=2), key=lambda task: task.batch_id)
    truth = {task.pk: rng.randint(1, CLASSES) for task in rows}

    def answer(chunk: list[Any]) -> None:
        votes: dict[Any, dict[Any, Any]] = {worker: {} for worker in workers}
        for task in chunk:
            for worker in rng.sample(workers, rng.choice((2, 2, 3))):
                other = [n for n in range(1, CLASSES + 1) if n != truth[task.pk]]
                label = truth[task.pk] if rng.random() < right[worker] else rng.choice(other)
                votes[worker][task] = class_vote(label)
        write_answers(project, {worker: given for worker, given in votes.items() if given})
        # The crowd answers no further.
        Task.objects.filter(pk__in=[task.pk for task in chunk]).update(wanted=F("taken"))
        update_labels(task_ids=[task.pk for task in chunk], asking=Asking.CLOSE)

    def refitted() -> tuple[int, float]:
        refit(project_id=project.pk)
        return run_updates()

    half = tasks // 2
    answer(rows[:half])
    refitted()
    approved = {task.pk for task in rows[:half]}
    for batch in Batch.objects.filter(tasks__in=rows[:half]).distinct():
        approve_batch(reviewer=ada(), batch=batch)
    yield f"{len(approved):,} approved labels, {CLASSES} classes, {WORKERS} workers, two or three answers each"
    step = (tasks - half) // ROUNDS
    for number in range(ROUNDS):
        answer(rows[half + number * step : half + (number + 1) * step])
        moved, seconds = refitted()
        lost = Task.objects.filter(pk__in=approved).exclude(state="approved").count()
        yield (
            f"refit {number + 1}: {moved:5,} labels updated in {seconds:4.1f} s; of the approved ones {lost:,}"
            f" ({lost / len(approved):.1%}) are back in review, {proposed(project):,} changes are proposed"
        )
    labels = ConsensusLabel.objects.filter(is_current=True, task__in=approved).values_list("task_id", "body")
    classes = {pk: body["image"]["class"] for pk, body in labels}
    shares = dict(Posterior.objects.filter(task__in=approved).values_list("task_id", "body"))
    yield from odds_table(classes, {pk: body["class"] for pk, body in shares.items()}, truth)


def run_updates() -> tuple[int, float]:
    from kernel.models import Job
    from tasks.flow.relabel import relabel

    jobs = Job.objects.filter(kind="consensus.update")
    tasks = sorted({pk for job in jobs for pk in job.args["task_ids"]})
    jobs.delete()
    start = time.perf_counter()
    relabel(task_ids=tasks)
    return len(tasks), time.perf_counter() - start


def proposed(project: Any) -> int:
    try:
        from tasks.consensus.label_proposals import open_proposals
    except ImportError:
        return 0
    return open_proposals(project=project).count()


def odds_table(classes: dict[int, int], shares: dict[int, dict[str, float]], truth: dict[int, int]) -> Iterator[str]:
    """For each threshold, the labels that another class beats by these odds, and how many of either are right."""
    yield "odds   labels   right today   right if changed"
    for odds in ODDS:
        beaten = {
            pk: int(max(p, key=p.__getitem__))
            for pk, p in shares.items()
            if max(p.values()) > odds * p.get(str(classes[pk]), 0.0) and int(max(p, key=p.__getitem__)) != classes[pk]
        }
        kept = sum(classes[pk] == truth[pk] for pk in beaten)
        changed = sum(best == truth[pk] for pk, best in beaten.items())
        yield f"{odds:4.2f} {len(beaten):8,} {kept / max(len(beaten), 1):12.0%} {changed / max(len(beaten), 1):18.0%}"


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    with a_database():
        for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else TASKS):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
