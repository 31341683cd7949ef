"""A crowd whose labels are approved, and whose workers turn out to be better or worse than they seemed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from accounts.models import Actor
from kernel.models import Job
from projects.models import Project
from tasks.batching.models import Batch
from tasks.consensus.label_proposals import open_proposals, proposals_token
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.next_steps import Asking
from tasks.consensus.refit import refit
from tasks.consensus.services import update_labels
from tasks.flow.relabel import relabel
from tasks.ingest.models import Image
from tasks.review.services import approve_batch
from tasks.standing.services import record_gold_results
from tests.crowd import class_vote, write_answers
from tests.factories import a_batch, a_gold, a_project, a_task, a_worker, ada, class_answer

CAT, DOG = 1, 2

Votes = dict[Actor, Mapping[Any, dict[str, Any]]]


class ApprovedCrowd:
    """A project with approved labels: on the split images wren answered cat and the others dog, the label; on the tied
    ones, wren and finch contradict each other; on the rest, all answered cat."""

    def __init__(self, *, image: Callable[[Project, int], Image] | None = None, tied: int = 8) -> None:
        self.workers = [a_worker(name) for name in ("wren", "finch", "robin")]
        self.wren, self.finch, self.robin = self.workers
        self.project = a_project(answers_min=2, answers_max=3, confidence_target=0.5, workers=self.workers)
        batches = [a_batch(self.project) for _ in range(2)]
        self.tasks = [
            a_task(self.project, batch=batches[n % 2], image=image(self.project, n) if image else None, wanted=2)
            for n in range(12 + tied)
        ]
        self.split, self.tied, self.agreed = self.tasks[:8], self.tasks[8:-4], self.tasks[-4:]
        cat, dog = class_vote(CAT), class_vote(DOG)
        split, both, agreed = self.split, self.tied, self.agreed
        votes: Votes = {
            self.wren: dict.fromkeys([*split, *both, *agreed], cat),
            self.finch: dict.fromkeys([*split, *both], dog) | dict.fromkeys(agreed, cat),
            self.robin: dict.fromkeys(split, dog),
        }
        write_answers(self.project, votes)
        update_labels(task_ids=[task.pk for task in self.tasks], asking=Asking.CLOSE)
        for batch in Batch.objects.all():
            approve_batch(reviewer=ada(), batch=batch)
        self.before = self.labels()

    def labels(self) -> dict[int, tuple[int, int]]:
        """The version and class of each current label, by task."""
        rows = ConsensusLabel.objects.filter(is_current=True).values_list("task_id", "version", "body")
        return {task: (version, body["image"]["class"]) for task, version, body in rows}

    def answer_gold(self, *, right: Sequence[Actor], images: int = 15) -> None:
        """These workers answer all new gold correctly, the others none of it."""
        golds = [a_gold(self.project, accepted=[class_answer(CAT)]) for _ in range(images)]
        votes: Votes = {w: dict.fromkeys(golds, class_vote(CAT if w in right else DOG)) for w in self.workers}
        write_answers(self.project, votes)
        for worker in self.workers:
            seen = images if worker in right else 0
            record_gold_results(project_id=self.project.pk, worker_id=worker.pk, seen=images, correct=seen)

    def refit(self) -> None:
        """Refit, and relabel what it queues."""
        refit(project_id=self.project.pk)
        run_updates()

    def wren_turns_out_right(self) -> None:
        self.answer_gold(right=[self.wren])
        self.refit()

    def proposed(self) -> set[int]:
        return {row.task_id for row in open_proposals(project=self.project)}

    def ids(self) -> list[UUID]:
        return [row.public_id for row in open_proposals(project=self.project)]

    def token(self) -> str:
        return proposals_token(project=self.project)


def run_updates() -> None:
    jobs = Job.objects.filter(kind="consensus.update")
    tasks = sorted({pk for job in jobs for pk in job.args["task_ids"]})
    jobs.delete()
    relabel(task_ids=tasks)
