"""The verbs of a manager as rules: the model's prediction, then the call."""

from collections.abc import Callable
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule

from projects.lifecycle import close_project, open_project, pause_project, reopen_project
from tasks.batching.models import Batch, Task
from tasks.batching.services import create_tasks, open_batch, pause_batch, set_priority
from tasks.consensus.selectors import current_label
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.policy_change import change_project_policy
from tasks.flow.rejection import reject_label
from tasks.flow.requeue import requeue_stuck
from tasks.flow.revocation import remove_worker, sign_out_everywhere
from tasks.gold.models import Gold
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.standing.services import admit, pause, resume
from tests import factories, worker_actions
from tests.simulation.project_machine import ProjectMachine
from tests.simulation.worker_rules import which, who


class ManagerRules(ProjectMachine):
    @rule(which=which)
    def pause_batch(self, which: int) -> None:
        batch = self._batch(which)
        self.expect(self.model.move_batch(batch.pk, "paused", sources={"open"}), partial(pause_batch, batch=batch))

    @rule(which=which)
    def open_batch(self, which: int) -> None:
        batch = self._batch(which)
        refusal = self.model.move_batch(batch.pk, "open", sources={"draft", "paused"})
        self.expect(refusal, partial(open_batch, batch=batch))

    @rule(which=which, priority=st.integers(-1, 1))
    def prioritize(self, which: int, priority: int) -> None:
        refusal = "project_closed" if self.model.state == "closed" else None
        self.expect(refusal, partial(set_priority, batch=self._batch(which), priority=priority))

    @rule()
    def pause_project(self) -> None:
        refusal = self.model.move_project("paused", sources={"open"})
        self.expect(refusal, partial(pause_project, project=self.project))

    @rule()
    def open_project(self) -> None:
        refusal = self.model.move_project("open", sources={"paused", "draft"})
        self.expect(refusal, partial(open_project, project=self.project))

    @rule()
    def close_project(self) -> None:
        refusal = self.model.move_project("closed", sources={"open", "paused"})
        self.expect(refusal, partial(close_project, project=self.project))

    @rule()
    def reopen_project(self) -> None:
        refusal = self.model.move_project("open", sources={"closed"})
        self.expect(refusal, partial(reopen_project, project=self.project))

    @rule(number=st.integers(1, 2))
    def import_images(self, number: int) -> None:
        images = [factories.an_image(self.project) for _ in range(number)]
        assert create_tasks(project=self.project, images=[*images, *images]) == number
        self.adopt_rows()

    @rule(to=st.integers(1, 3))
    def change_answers_per_image(self, to: int) -> None:
        changes = {"answers_min": to, "answers_max": self.model.answers_max}
        self.model.change_answers(to)
        change_project_policy(project=self.project, changes=changes, apply_to="all")

    @rule(which=which)
    def ask_one_more(self, which: int) -> None:
        task = self._task(which, "open")
        if task is not None:
            to = min(task.wanted + 1, self.model.answers_max)
            self.model.tasks[task.pk].wanted = max(to, task.wanted)
            worker_actions.raise_wanted(task, to=to)

    @rule(which=which)
    def close_with_current_answers(self, which: int) -> None:
        close_with_current_answers(batch=self._batch(which))
        self.adopt_labels()

    @rule()
    def requeue_stuck(self) -> None:
        refusal = "project_closed" if self.model.state == "closed" else None
        self.expect(refusal, partial(requeue_stuck, project=self.project))
        self.adopt_labels(may_requeue=True)

    @rule(which=which)
    def make_gold(self, which: int) -> None:
        task = self._task(which)
        assert task is not None
        raw = factories.class_answer(1)
        call = partial(make_gold_image, project=self.project, image=task.image, raw=raw, by=self.manager)
        gold = self.expect(self.model.make_gold(task.pk), call)
        self.adopt_rows()
        if gold is not None:
            self.model.golds[gold.pk].active = True

    @rule(which=which)
    def retire_gold(self, which: int) -> None:
        gold = self.pick(list(Gold.objects.filter(project=self.project).order_by("pk")), which)
        assert gold is not None
        self.model.golds[gold.pk].active = False
        retire_gold_image(gold=gold)

    @rule(which=which)
    def approve(self, which: int) -> None:
        task = self._task(which, "answered", "approved")
        if task is not None:
            self._decide(task, approve_label, refusal=None)
            self.model.tasks[task.pk].state = "approved"

    @rule(which=which, number=st.integers(1, 2))
    def fix(self, which: int, number: int) -> None:
        task = self._task(which, "answered", "approved")
        if task is not None and not self.model.tasks[task.pk].owned:
            self._decide(task, partial(fix_label, raw=factories.class_answer(number)), refusal=None)
            self.model.tasks[task.pk].state = "approved"

    @rule(which=which)
    def reject(self, which: int) -> None:
        task = self._task(which, "answered", "approved")
        if task is not None:
            decide = partial(reject_label, reason="It is blurred.")
            self._decide(task, decide, refusal=self.model.reject(task.pk))

    @rule(which=which)
    def approve_batch(self, which: int) -> None:
        batch = self._batch(which)
        refusal = self.model.approve_batch(batch.pk)
        self.expect(refusal, partial(approve_batch, reviewer=self.manager, batch=batch))

    @rule(who=who)
    def pause_worker(self, who: int) -> None:
        if self.worker(who).pk in self.model.standings:
            refusal = self.model.move_worker(self.worker(who).pk, "paused", sources={"active"})
            self.expect(refusal, partial(pause, project=self.project, worker=self.worker(who), reason="Please wait."))

    @rule(who=who)
    def resume_worker(self, who: int) -> None:
        if self.worker(who).pk in self.model.standings:
            refusal = self.model.move_worker(self.worker(who).pk, "active", sources={"paused"})
            self.expect(refusal, partial(resume, project=self.project, worker=self.worker(who)))

    @rule(who=who)
    def admit_worker(self, who: int) -> None:
        before = self.model.standings.setdefault(self.worker(who).pk, "active")
        refusal = "worker_removed" if before == "removed" else None
        self.expect(refusal, partial(admit, project=self.project, worker=self.worker(who)))

    @rule(who=who, which=which)
    def remove_worker(self, who: int, which: int) -> None:
        """Now and then: a worker who was removed does nothing more."""
        if which == 0 and self.worker(who).pk in self.model.standings:
            self.model.remove_worker(self.worker(who).pk, self.clock.now())
            remove_worker(project=self.project, worker=self.worker(who), reason="Has left.")

    @rule(who=who)
    def sign_out_worker(self, who: int) -> None:
        self.model.sign_out(self.worker(who).pk)
        sign_out_everywhere(user=self.worker(who).user, revoke_keys=False)
        self.adopt_pauses()

    def _batch(self, which: int) -> Batch:
        batch = self.pick(list(Batch.objects.filter(project=self.project).order_by("number")), which)
        assert batch is not None
        return batch

    def _task(self, which: int, *states: str) -> Task | None:
        rows = Task.objects.filter(project=self.project).select_related("image").order_by("pk")
        return self.pick(list(rows.filter(state__in=states) if states else rows), which)

    def _decide(self, task: Task, decide: Callable[..., object], *, refusal: str | None) -> None:
        label = current_label(task=task)
        assert label is not None, f"task {task.pk} is {task.state} without a label"
        call = partial(decide, reviewer=self.manager, task=task, label_hash=label.content_hash, again=True)
        self.expect(refusal, call)
