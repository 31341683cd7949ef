"""Repairs, changes of classes, appeals and bulk review as rules: the model's prediction, then the call."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from kernel.errors import AnnotaryError
from kernel.models import Job
from projects.class_edits import ClassEdit
from projects.classes import ClassSpec
from tasks.batching.models import Task
from tasks.consensus.selectors import current_label
from tasks.flow.appeals import decide_appeal
from tasks.flow.bulk_review import Verdict, give_verdicts
from tasks.flow.class_change import CHANGE_CLASSES, undo_class_change
from tasks.flow.repair import start_repair, undo_repair
from tasks.repair.change_models import ChangedTask, ClassChange
from tasks.repair.models import Repair
from tasks.review.class_checks import Looked, check_class
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import appeal, dismiss_draft, reject_draft
from tests import class_changes, worker_actions
from tests.rejected import a_reviewer, count_reviews
from tests.simulation.manager_rules import ManagerRules
from tests.simulation.project_machine import WORKERS
from tests.simulation.tables import classes_of, decided_about, rejections_of
from tests.simulation.worker_rules import WorkerRules, which, who

SPLIT = ClassEdit("split", (2,), new=(ClassSpec("hound"), ClassSpec("terrier")), labels="ask_again")
#: An edit, and how answers with class 2 are read then.
EDITS: dict[str, tuple[ClassEdit, dict[int, int | None]]] = {
    "merge": (ClassEdit("merge", (2,), into=1), {2: 1}),
    "split": (SPLIT, {2: None}),
    "retire and ask again": (ClassEdit("retire", (2,), labels="ask_again"), {2: None}),
    "retire": (ClassEdit("retire", (2,)), {}),
}
REGION = {"x": 10, "y": 10, "w": 100, "h": 80}


class DecisionRules(ManagerRules, WorkerRules):
    def begin(self) -> None:
        super().begin()
        self.second = a_reviewer("rook")
        #: Labels of which somebody has said that something is wrong.
        self.struck: set[int] = set()

    @rule(who=who, takes_back=st.booleans())
    def void_answers(self, who: int, takes_back: bool) -> None:
        worker, decided = self.worker(who), decided_about(self.project)
        if worker.pk not in self.model.standings:
            return
        refusal, pay = self.model.refuse_void(worker.pk), Repair.Pay.TAKE_BACK if takes_back else Repair.Pay.KEEP
        people: dict[str, Any] = {"worker": worker, "by": self.manager, "reason": "At random."}
        repair = self.expect(refusal, partial(start_repair, project=self.project, pay=pay, **people))
        if repair is not None:
            self.model.void(worker.pk, repair.pk, decided, self.clock.now(), takes_back=takes_back)
            self._run_changes()

    @precondition(lambda self: self.model.repairs)
    @rule(which=which)
    def undo_repair(self, which: int) -> None:
        pk = self.pick(list(self.model.repairs)[::-1], which)
        assert pk is not None
        refusal = self.model.undo_repair(pk, decided_about(self.project))
        repair = Repair.objects.get(pk=pk)
        self.expect(refusal, partial(undo_repair, repair=repair, by=self.manager, reason="The wrong one."))
        self._run_changes()

    @rule(who=who, takes_back=st.booleans(), goes_on=st.booleans())
    def void_answers_by_mistake(self, who: int, takes_back: bool, goes_on: bool) -> None:
        """Finish a set or what there is, void the answers of one, go on with what is asked again, and undo that."""
        self.finish_a_set(who, 1)
        if not goes_on:
            self.finish_what_there_is(1)
        self.void_answers(who, takes_back)
        for number in range(WORKERS if goes_on else 0):
            self.finish_a_set(number, 1)
        if self.model.repairs:
            self.undo_repair(0)

    @rule(who=st.integers(0, 2))
    def work_for_nothing_and_appeal(self, who: int) -> None:
        """Answers are rejected, and their pay is taken back; their worker appeals, and the repair is undone."""
        self.finish_what_there_is(1)
        self.reject_all()
        self.void_answers(who, True)
        rejected = self._rejected(who)
        if not rejected:
            return
        self.appeal(who, 0, "Look again.")
        self.a_day_passes()
        self.appeal(who, 0, "Look again.")
        self.decide_appeal(sorted(self.model.rejections).index(rejected[0]), True, True)
        if self.model.repairs:
            self.undo_repair(0)

    @rule(name=st.sampled_from([*EDITS]))
    def change_classes(self, name: str) -> None:
        edit, mapping = EDITS[name]
        decided = decided_about(self.project)
        refusal = "classes_refused" if 2 not in self.model.classes else None
        change = self.expect(refusal, partial(class_changes.start, self.project, edit))
        if change is None:
            return
        classes = classes_of(self.project)
        assert classes >= self.model.classes - {2} and 2 not in classes
        assert len(classes) == len(self.model.classes) - 1 + len(edit.new)
        self.model.change_classes(change.pk, mapping, decided, classes=classes)
        self._run_changes()
        rows = ChangedTask.objects.filter(change=change)
        written = {pk: (label, review) for pk, label, review in rows.values_list("task_id", "label", "review")}
        changed = self.model.changes[change.pk].tasks
        assert written.keys() == changed.keys(), f"{sorted(written)} changed, not {sorted(changed)}"
        for pk, row in changed.items():
            row.written = written[pk]

    @precondition(lambda self: self.model.changes)
    @rule(which=which)
    def undo_class_change(self, which: int) -> None:
        pk = self.pick(list(self.model.changes)[::-1], which)
        assert pk is not None
        refusal = self.model.undo_class_change(pk, decided_about(self.project))
        change = ClassChange.objects.select_related("project").get(pk=pk)
        self.expect(refusal, partial(undo_class_change, change=change, by=self.manager, reason="A mistake."))
        self._run_changes()

    @rule(name=st.sampled_from([*EDITS]), label=st.sampled_from([1, 2, 2]), approves=st.booleans())
    def change_classes_by_mistake(self, name: str, label: int, approves: bool) -> None:
        """Finish what there is, change its classes, go on with what is labeled again, and undo that."""
        self.finish_what_there_is(label if label in self.model.classes else 1)
        for number in range(4 if approves else 0):
            self.review(number, "approve", 1)
        self.change_classes(name)
        self.finish_a_set(0, 1)
        self.undo_class_change(0)

    @precondition(lambda self: self.model.changes)
    @rule()
    def run_changes_again(self) -> None:
        """Answers that name a split class, and came after it, from sets that had been given before."""
        queued = Job.objects.filter(kind=CHANGE_CLASSES.name, state="queued").order_by("pk")
        for job in queued:
            change = self.model.changes.get(job.args["change_id"])
            if change is not None and change.is_in_force and change.is_split:
                self.model.apply_split(change, decided_about(self.project))
        self._run_changes()

    @rule(who=st.integers(0, 2), name=st.sampled_from(["split", "retire and ask again"]))
    def answer_with_a_split_class(self, who: int, name: str) -> None:
        self.claim_in(self.main, self.worker(who))
        self.change_classes(name)
        self.answer_and_settle(self.worker(who), 2)
        self.run_changes_again()

    @rule()
    def reject_all(self) -> None:
        for number in range(Task.objects.filter(project=self.project, state__in=["answered", "approved"]).count()):
            self.review(number, "reject", 1)

    @precondition(lambda self: self.model.rejections)
    @rule(which=which, rejects=st.booleans())
    def decide_on_draft(self, which: int, rejects: bool) -> None:
        pk = self.pick([pk for pk in self.model.rejections if self.model.leases[pk].gold is not None], which)
        if pk is None:
            return
        draft: dict[str, Any] = {"project": self.project, "public_id": self._rejection(pk).public_id}
        if not rejects:
            self.expect(self.model.dismiss_draft(pk), partial(dismiss_draft, **draft))
            return
        options: dict[str, Any] = {"reviewer": self.manager, "reason": "It is a cat.", "region": REGION}
        if self.expect(self.model.reject_draft(pk), partial(reject_draft, **draft, **options)):
            self.model.adopt_rejected(pk, rejections_of(self.project))

    @precondition(lambda self: self.model.rejections)
    @rule(who=who, which=which, statement=st.sampled_from(["Look again.", "Look again.", "Look at the ears."]))
    def appeal(self, who: int, which: int, statement: str) -> None:
        pk = self.pick(self._rejected(who), which)
        if pk is not None:
            call = partial(appeal, worker=self.worker(who), public_id=self._rejection(pk).public_id)
            self.expect(self.model.appeal(pk, statement, self.clock.now()), partial(call, statement=statement))

    @precondition(lambda self: self.model.rejections)
    @rule(who=who)
    def appeal_against_all(self, who: int) -> None:
        for number in range(len(self._rejected(who))):
            self.appeal(who, number, "Look again.")

    @precondition(lambda self: self.model.rejections)
    @rule(which=which, upholds=st.booleans(), is_second=st.sampled_from([True, True, False]))
    def decide_appeal(self, which: int, upholds: bool, is_second: bool) -> None:
        pk = self.pick(sorted(self.model.rejections), which)
        assert pk is not None
        self.pay_late_answers()  # within a day, which passes before an appeal
        by = self.second if is_second else self.manager
        count_reviews()
        refusal = self.model.decide(pk, by.pk, upholds=upholds, is_second=is_second)
        call = partial(decide_appeal, reviewer=by, public_id=self._rejection(pk).public_id, uphold=upholds)
        self.expect(refusal, partial(call, reason="It is a cat."))
        self.adopt_lifted_pauses(self.model.leases[pk].worker)

    @precondition(lambda self: self.model.rejections)
    @rule(upholds=st.booleans())
    def decide_all(self, upholds: bool) -> None:
        for number in range(len(self.model.rejections)):
            self.decide_appeal(number, upholds, True)

    @rule(verdict=st.sampled_from(["approve", "reject", "reject"]), most=st.integers(1, 3))
    def give_verdicts(self, verdict: str, most: int) -> None:
        """On several labels at once, each as if it were given alone."""
        rows = Task.objects.filter(project=self.project, state__in=["answered", "approved"]).order_by("-pk")
        given: list[Verdict] = []
        expected: list[str | None] = []
        decided, workers = decided_about(self.project), list[int]()
        for task in rows[:most]:
            label = current_label(task=task)
            assert label is not None
            told: dict[str, Any] = {"reason": "It is blurred.", "region": REGION} if verdict == "reject" else {}
            given.append(Verdict(task.public_id, label.content_hash, verdict, again=True, **told))
            if verdict == "reject":
                refusal, shown = self.reject_in_model(task.pk, decided[task.pk].number)
                workers += shown
            else:
                refusal, self.model.tasks[task.pk].state = None, "approved"
            expected.append(refusal)
        with transaction.atomic():
            results = give_verdicts(reviewer=self.manager, project=self.project, verdicts=given)
        assert [each.code if isinstance(each, AnnotaryError) else None for each in results] == expected
        self.model.adopt_drafts(rejections_of(self.project), workers)

    @rule(number=st.integers(1, 2), wrong=st.integers(0, 3))
    def check_class(self, number: int, wrong: int) -> None:
        """The labels of a class as crops; each of them has one class alone, so that whoever passes it approves it."""
        decided = decided_about(self.project)
        looked: list[Looked] = []
        expected: dict[UUID, str] = {}
        for place, task in enumerate(Task.objects.filter(project=self.project, state="answered").order_by("pk")):
            label, was_seen = current_label(task=task), decided[task.pk].number == number
            assert label is not None
            looked.append(Looked(task.public_id, label.content_hash, wrong=place == wrong))
            if was_seen and place == wrong:
                self.struck.add(label.pk)
            is_struck = label.pk in self.struck
            expected[task.public_id] = "stale" if not was_seen else "struck" if is_struck else "approved"
            if expected[task.public_id] == "approved":
                self.model.tasks[task.pk].state = "approved"
        self._check(looked, number, expected)

    @rule(wrong=st.integers(0, 2))
    def check_what_is_finished(self, wrong: int) -> None:
        """Strike one label, and look at all of them once more, as somebody does who finds nothing wrong."""
        self.finish_what_there_is(1)
        self.check_class(1, wrong)
        self.check_class(1, -1)

    def _check(self, looked: list[Looked], number: int, expected: dict[UUID, str]) -> None:
        call = partial(check_class, reviewer=self.manager, project=self.project, class_number=number, labels=looked)
        for _ in range(2):
            assert (found := call()) == expected, f"the check came to {found}, not to {expected}"

    def _run_changes(self) -> None:
        worker_actions.run_repairs_and_class_changes()
        self.adopt_labels(may_reopen=True)

    def _rejected(self, who: int) -> list[int]:
        worker = self.workers[who % WORKERS].pk
        return sorted(pk for pk in self.model.rejections if self.model.leases[pk].worker == worker)

    @staticmethod
    def _rejection(lease_id: int) -> RejectedAnswer:
        return RejectedAnswer.objects.get(assignment=lease_id)
