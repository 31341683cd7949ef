"""The verbs of a manager as rules: the model's prediction, then the call. Policies are in `policy_rules`."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from accounts.models import Actor
from projects.lifecycle import close_project, open_project, pause_project, reopen_project
from tasks.batching.groups import Run
from tasks.batching.models import Batch, Task
from tasks.batching.services import change_batch, create_runs, open_batch, pause_batch
from tasks.consensus.label_methods import REVIEW
from tasks.consensus.selectors import current_label
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.rejection import reject_label
from tasks.flow.requeue import requeue_stuck
from tasks.flow.revocation import remove_worker, sign_out_everywhere
from tasks.gold.models import Gold
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.standing.services import admit, pause, resume
from tests import factories, worker_actions
from tests.simulation.crowd_state import ModelGold
from tests.simulation.project_machine import ProjectMachine
from tests.simulation.tables import decided_about, rejections_of
from tests.simulation.worker_rules import which, who


class ManagerRules(ProjectMachine):
    @rule(which=which, verb=st.sampled_from(["pause", "open"]))
    def move_batch(self, which: int, verb: str) -> None:
        batch = self._batch(which)
        if verb == "pause":
            self.expect(self.model.move_batch(batch.pk, "paused", sources={"open"}), partial(pause_batch, batch=batch))
        else:
            refusal = self.model.move_batch(batch.pk, "open", sources={"draft", "paused"})
            self.expect(refusal, partial(open_batch, batch=batch))

    @precondition(lambda self: self.model.state == "open" and self.waiting_batches())
    @rule()
    def open_all_batches(self) -> None:
        for pk in self.waiting_batches():
            assert self.model.move_batch(pk, "open", sources={"draft", "paused"}) is None
            open_batch(batch=Batch.objects.get(pk=pk))

    @rule(which=which, priority=st.integers(-1, 1), days=st.sampled_from([None, 40, 50]))
    def plan_batch(self, which: int, priority: int, days: int | None) -> None:
        batch = self._batch(which)
        deadline = None if days is None else self.clock.now() + timedelta(days=days)
        refusal = self.model.plan_batch(batch.pk, priority=priority, deadline=deadline)
        self.expect(
            refusal, partial(change_batch, batch=batch, changes={"priority": priority, "deadline_at": deadline})
        )

    @rule(verb=st.sampled_from(["pause", "open", "close", "reopen"]))
    def move_project(self, verb: str) -> None:
        to, sources, call = {
            "pause": ("paused", {"open"}, pause_project),
            "open": ("open", {"paused", "draft"}, open_project),
            "close": ("closed", {"open", "paused"}, close_project),
            "reopen": ("open", {"closed"}, reopen_project),
        }[verb]
        self.expect(self.model.move_project(to, sources=sources), partial(call, project=self.project))

    @precondition(lambda self: self.model.state != "open")
    @rule()
    def let_the_project_go_on(self) -> None:
        self.move_project("open" if self.model.state == "paused" else "reopen")

    @rule(number=st.integers(1, 3), group=st.sampled_from(["", "clip"]))
    def import_images(self, number: int, group: str) -> None:
        images = [factories.an_image(self.project, group_key=group).pk for _ in range(number)]
        runs = [Run(group, tuple(images))] if group else [Run("", (pk,)) for pk in images]
        assert create_runs(project=self.project, runs=[*runs, *runs]) == number
        self.adopt_rows()

    @rule(which=which)
    def ask_one_more(self, which: int) -> None:
        task = self._task(which, "open")
        if task is not None:
            to = min(task.wanted + 1, self.model.policy.answers_max)
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
            self.model.golds[gold.pk] = ModelGold(gold.image_id)

    @rule(which=which)
    def retire_gold(self, which: int) -> None:
        gold = self.pick(list(Gold.objects.filter(project=self.project).order_by("pk")), which)
        assert gold is not None
        self.model.retire_gold(gold.pk)
        retire_gold_image(gold=gold, by=self.manager)

    @rule(which=which, verdict=st.sampled_from(["approve", "fix", "reject"]), number=st.integers(1, 2))
    def review(self, which: int, verdict: str, number: int) -> None:
        task = self._task(which, "answered", "approved")
        if task is None:
            return
        if verdict == "approve":
            self._decide(task, approve_label, refusal=None)
            self.model.tasks[task.pk].state = "approved"
        elif verdict == "reject":
            refusal, workers = self.reject_in_model(task.pk, decided_about(self.project)[task.pk].number)
            region = {"x": 0, "y": 0, "w": 50, "h": 50} if number == 2 else None
            self._decide(task, partial(reject_label, reason="It is blurred.", region=region), refusal=refusal)
            self.model.adopt_drafts(rejections_of(self.project), workers)
        elif number not in self.model.classes:
            self._decide(task, partial(fix_label, raw=factories.class_answer(number)), refusal="fix_refused")
        elif not self.model.tasks[task.pk].owned:
            self._decide(task, partial(fix_label, raw=factories.class_answer(number)), refusal=None)
            label = current_label(task=task)  # one that changes nothing approves the label as it is
            self.model.tasks[task.pk].state = "approved"
            self.model.tasks[task.pk].fixed = label is not None and label.method == REVIEW

    @rule(which=which)
    def approve_batch(self, which: int) -> None:
        batch = self._batch(which)
        refusal = self.model.approve_batch(batch.pk)
        self.expect(refusal, partial(approve_batch, reviewer=self.manager, batch=batch))

    @rule(who=who, pauses=st.booleans())
    def pause_or_resume_worker(self, who: int, pauses: bool) -> None:
        worker = self.worker(who)
        if worker.pk not in self.model.standings:
            return
        if pauses:
            refusal = self.model.move_worker(worker.pk, "paused", sources={"active"})
            self.expect(refusal, partial(pause, project=self.project, worker=worker, reason="Please wait."))
        else:
            self._resume(worker)

    @precondition(lambda self: "paused" in self.model.standings.values())
    @rule()
    def resume_all_workers(self) -> None:
        for worker in self.workers:
            if self.model.standings.get(worker.pk) == "paused":
                self._resume(worker)

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
        for site in self.sites:
            site.model.sign_out(self.worker(who).pk, self.clock.now())
        sign_out_everywhere(user=self.worker(who).user, revoke_keys=False)
        self.adopt_pauses()

    def reject_in_model(self, task_id: int, number: int | None) -> tuple[str | None, set[int]]:
        """Return why a label of this class is not rejected, and the workers who are shown that it was."""
        if (refusal := self.model.refuse_rejection(task_id)) is not None:
            return refusal, set()
        workers = self.model.show_rejected(task_id, number, self.clock.now())
        self.model.reject(task_id)
        return None, workers

    def _resume(self, worker: Actor) -> None:
        refusal = self.model.move_worker(worker.pk, "active", sources={"paused"})
        self.expect(refusal, partial(resume, project=self.project, worker=worker))

    def waiting_batches(self) -> list[int]:
        return sorted(pk for pk, batch in self.model.batches.items() if batch.state in ("draft", "paused"))

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
