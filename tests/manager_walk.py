"""Random walks over the verbs of a manager: batches, answers per image, check images, reviews, workers, the project."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from accounts.models import Actor, Membership, Role
from kernel.clock import utc_now
from projects.lifecycle import close_project, open_project, pause_project, reopen_project
from projects.models import Project
from tasks.assignment.budget import committed
from tasks.assignment.models import SetAside
from tasks.batching.groups import Run
from tasks.batching.models import Batch, Task
from tasks.batching.services import change_batch, create_runs, open_all_batches, open_batch, pause_batch
from tasks.consensus.models import ConsensusLabel
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.policy_change import change_project_policy
from tasks.flow.policy_preview import ApplyTo
from tasks.flow.rejection import reject_label
from tasks.flow.requeue import requeue_stuck
from tasks.flow.revocation import remove_worker, sign_out_everywhere
from tasks.flow.set_aside import leave_out, restore_gold_offers, restore_offers
from tasks.gold.models import Gold
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.standing.models import Standing
from tasks.standing.services import admit, pause, resume
from tests import factories, worker_actions
from tests.random_walk import Call, Verb, Walk

EXTRA_WORKERS = 4


def extra_workers(project: Project) -> list[Actor]:
    """Members of the organization whom a walk admits and removes; create them before it starts."""
    extras = [factories.a_worker(f"extra{number}") for number in range(EXTRA_WORKERS)]
    for worker in extras:
        Membership.objects.get_or_create(
            organisation=project.organisation, actor=worker, defaults={"role": Role.WORKER}
        )
    return extras


class ManagerWalk(Walk):
    """A manager, who admits and removes `extra_workers`, and pauses the others at most."""

    def __init__(self, project: Project, seed: int) -> None:
        super().__init__(project, seed)
        self.manager = factories.ada()

    def verbs(self) -> Mapping[Verb, int]:
        return {
            self.pause_or_open_batch: 3,
            self.open_all_batches: 1,
            self.plan_batch: 1,
            self.ask_one_more: 2,
            self.change_answers_per_image: 2,
            self.change_budget: 2,
            self.change_caps: 1,
            self.change_sets: 1,
            self.offer_or_leave_out: 3,
            self.offer_gold: 1,
            self.close_with_current_answers: 1,
            self.requeue_stuck: 2,
            self.import_images: 1,
            self.make_gold: 1,
            self.retire_gold: 1,
            self.approve: 2,
            self.fix: 1,
            self.reject: 3,
            self.approve_batch: 1,
            self.pause_or_resume_worker: 2,
            self.admit_or_remove_worker: 1,
            self.sign_out_worker: 1,
            # Soon open again, or there is nothing to contend for.
            self.pause_or_open_project: 2 if self._state() == Project.State.OPEN else 12,
        }

    def pause_or_open_batch(self) -> Call | None:
        batch = self._batch()
        if batch is None:
            return None
        return partial(pause_batch if batch.state == Batch.State.OPEN else open_batch, batch=batch)

    def open_all_batches(self) -> Call:
        return partial(open_all_batches, project=self.project)

    def plan_batch(self) -> Call | None:
        batch = self._batch()
        days = self.random.choice([None, 30, 40])
        deadline = None if days is None else utc_now() + timedelta(days=days)
        changes = {"priority": self.random.randint(-2, 2), "deadline_at": deadline}
        return None if batch is None else partial(change_batch, batch=batch, changes=changes)

    def ask_one_more(self) -> Call | None:
        task = self._task(state=Task.State.OPEN)
        return None if task is None else partial(worker_actions.raise_wanted, task, to=min(task.wanted + 1, 4))

    def change_answers_per_image(self) -> Call:
        changes = {"answers_min": self.random.randint(2, 3), "answers_max": 4}
        return self._change(changes, reach=self.random.choice(["new", "open", "finished", "finished"]))

    def change_budget(self) -> Call:
        """None, or a little more than was spent when the manager looked."""
        more = self.random.choice([None, 0, 2, 4, 8])
        budget = None if more is None else committed(project=self.project) + more * self.project.price
        return self._change({"budget": None if budget is None else f"{budget}"}, reach="new")

    def change_caps(self) -> Call:
        return self._change({"images_per_day": self.random.choice([0, 6]), "share_per_worker": 1})

    def change_sets(self) -> Call:
        return self._change({"set_minutes": self.random.choice([0, 1]), "skips_to_manager": self.random.choice([1, 2])})

    def _change(self, changes: Mapping[str, object], *, reach: ApplyTo | None = None) -> Call:
        return partial(change_project_policy, project=self.project, changes=changes, apply_to=reach)

    def offer_or_leave_out(self) -> Call | None:
        rows = SetAside.objects.filter(project=self.project, task__isnull=False)
        row = self.pick(list(rows.order_by("task_id", "pk")))
        decide = self.random.choice([restore_offers, restore_offers, leave_out])
        return None if row is None else partial(decide, project=self.project, by=self.manager, ids=[row.public_id])

    def offer_gold(self) -> Call | None:
        gold = self.pick(list(Gold.objects.filter(project=self.project).order_by("-is_set_aside", "pk"))[:2])
        return None if gold is None else partial(restore_gold_offers, gold=gold, by=self.manager)

    def close_with_current_answers(self) -> Call | None:
        batch = self._batch()
        return None if batch is None else partial(close_with_current_answers, batch=batch)

    def requeue_stuck(self) -> Call:
        return partial(requeue_stuck, project=self.project)

    def import_images(self) -> Call:
        group = self.random.choice(["", "clip"])
        images = [factories.an_image(self.project, group_key=group).pk for _ in range(2)]
        runs = [Run(group, tuple(images))] if group else [Run("", (pk,)) for pk in images]
        return partial(create_runs, project=self.project, runs=runs)

    def make_gold(self) -> Call | None:
        task = self._task(taken=0)
        if task is None:
            return None
        raw = factories.class_answer(1)
        return partial(make_gold_image, project=self.project, image=task.image, raw=raw, by=self.manager)

    def retire_gold(self) -> Call | None:
        gold = self.pick(list(Gold.objects.filter(project=self.project, state=Gold.State.ACTIVE).order_by("pk")))
        return None if gold is None else partial(retire_gold_image, gold=gold)

    def approve(self) -> Call | None:
        return self._decide(approve_label)

    def fix(self) -> Call | None:
        return self._decide(partial(fix_label, raw=factories.class_answer(self.random.choice([1, 2]))))

    def reject(self) -> Call | None:
        return self._decide(partial(reject_label, reason="It is blurred."))

    def approve_batch(self) -> Call | None:
        batch = self._batch()
        return None if batch is None else partial(approve_batch, reviewer=self.manager, batch=batch)

    def pause_or_resume_worker(self) -> Call | None:
        row = self._standing()
        if row is None:
            return None
        if row.state == Standing.State.PAUSED:
            return partial(resume, project=self.project, worker=row.worker)
        # Workers who are paused do little, so most of them are resumed.
        rare = self.random.random() < 0.3
        return partial(pause, project=self.project, worker=row.worker, reason="Please wait.") if rare else None

    def admit_or_remove_worker(self) -> Call:
        extra = factories.a_worker(f"extra{self.random.randrange(EXTRA_WORKERS)}")
        admitted = Standing.objects.filter(project=self.project, worker=extra).exists()
        if admitted and self.random.random() < 0.5:
            return partial(remove_worker, project=self.project, worker=extra, reason="Has left.")
        return partial(admit, project=self.project, worker=extra)

    def sign_out_worker(self) -> Call | None:
        row = self._standing()
        return None if row is None else partial(sign_out_everywhere, user=row.worker.user, revoke_keys=False)

    def pause_or_open_project(self) -> Call:
        """An open project is paused or closed now and then; the next call lets it go on."""
        state = self._state()
        if state == Project.State.OPEN:
            return partial(self.random.choice([pause_project, close_project]), project=self.project)
        return partial(reopen_project if state == Project.State.CLOSED else open_project, project=self.project)

    def _state(self) -> str:
        return Project.objects.values_list("state", flat=True).get(pk=self.project.pk)

    def _batch(self) -> Batch | None:
        return self.pick(list(Batch.objects.filter(project=self.project).order_by("number")))

    def _task(self, **only: object) -> Task | None:
        rows = Task.objects.filter(project=self.project, **only).select_related("image")
        return self.pick(list(rows.order_by("pk")))

    def _standing(self) -> Standing | None:
        rows = Standing.objects.filter(project=self.project).exclude(state=Standing.State.REMOVED)
        return self.pick(list(rows.select_related("worker__user").order_by("pk")))

    def _decide(self, decide: Callable[..., object]) -> Call | None:
        """A verdict on a label as the reviewer sees it now; it may have changed when the verdict arrives."""
        rows = ConsensusLabel.objects.filter(task__project=self.project, is_current=True)
        label = self.pick(list(rows.exclude(task__state=Task.State.OPEN).select_related("task").order_by("task_id")))
        if label is None:
            return None
        return partial(decide, reviewer=self.manager, task=label.task, label_hash=label.content_hash, again=True)
