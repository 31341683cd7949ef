"""Instructions, exams, practice, qualifications, skills and filters as rules: the model's prediction, then the call."""

from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from accounts.models import Actor
from projects.services import write_instructions
from tasks.assignment.instructions import confirm_instructions
from tasks.qualification import setup
from tasks.qualification.models import Attempt, AttemptItem, Qualification
from tasks.qualification.services import answer_item, finish_attempt, start_attempt
from tasks.qualification.skills import set_skill, skill_named
from tasks.qualification.worker_filters import set_worker_filter
from tests import factories
from tests.qualifications import a_qualification, class_of, items_of
from tests.simulation.people_model import ATTEMPTS, LEAST_SKILL, MINUTES, PeopleModel
from tests.simulation.tables import differences, people_view
from tests.simulation.worker_rules import WorkerRules, which, who

kind = st.sampled_from(["exam", "exam", "practice"])


class PeopleRules(WorkerRules):
    def begin(self) -> None:
        super().begin()
        skill = skill_named(organisation=self.project.organisation, name="cats")
        options: dict[str, Any] = {"practice": 4, "exam_minutes": MINUTES, "attempts": ATTEMPTS, "skill": skill}
        self.exam: Qualification = a_qualification(self.project, **options)

    @property
    def people(self) -> PeopleModel:
        return self.model.people

    @rule(text=st.integers(0, 3), is_important=st.booleans())
    def write_instructions(self, text: int, is_important: bool) -> None:
        self.people.write_instructions(text, is_important=is_important)
        body = f"Look {text} times." if text else "Look closely."
        write_instructions(project=self.project, by=self.manager, body=body, is_important=is_important)

    @rule(who=who, behind=st.sampled_from([0, 0, 1]))
    def confirm_instructions(self, who: int, behind: int) -> None:
        worker, version = self.worker(who), self.people.version - behind
        if worker.pk in self.model.standings:
            call = partial(confirm_instructions, worker=worker, project=self.project, version=version)
            self.expect(self.people.confirm(worker.pk, version), call)

    @precondition(lambda self: self.people.to_confirm)
    @rule()
    def all_confirm_the_instructions(self) -> None:
        for number in range(len(self.workers)):
            self.confirm_instructions(number, 0)

    @rule(is_required=st.sampled_from([False, False, True]))
    def require_exam(self, is_required: bool) -> None:
        self.people.required = is_required
        required = [self.exam] if is_required else []
        setup.set_requirements(project=self.project, by=self.manager, qualifications=required)

    @rule(who=who, revokes=st.booleans())
    def grant_or_revoke(self, who: int, revokes: bool) -> None:
        worker, decide = self.worker(who), setup.revoke if revokes else setup.grant
        self.people.holders = self.people.holders - {worker.pk} if revokes else self.people.holders | {worker.pk}
        decide(qualification=self.exam, worker=worker, by=self.manager)

    @rule(is_filtered=st.sampled_from([False, False, True]))
    def filter_workers(self, is_filtered: bool) -> None:
        self.people.filtered = is_filtered
        text = f"skill.cats >= {LEAST_SKILL}" if is_filtered else ""
        set_worker_filter(project=self.project, text=text, by=self.manager)

    @rule(who=who, value=st.sampled_from([0.2, 0.5, 0.9]))
    def set_skill(self, who: int, value: float) -> None:
        self.people.skills[self.worker(who).pk] = value
        assert self.exam.skill is not None
        set_skill(skill=self.exam.skill, worker=self.worker(who), value=value, source="manager", by=self.manager)

    @rule(who=who, kind=kind)
    def start_attempt(self, who: int, kind: str) -> None:
        self.start(self.worker(who), kind)

    @rule(who=who, which=which, is_right=st.booleans())
    def answer_attempt(self, who: int, which: int, is_right: bool) -> None:
        pk = self.pick(
            [pk for pk, row in self.people.attempts.items() if row.worker == self.worker(who).pk][-3:], which
        )
        if pk is not None:
            items = items_of(Attempt.objects.get(pk=pk))
            self._answer_item(self.worker(who), pk, items[which % len(items)], is_right=is_right)

    @rule(who=who, which=which)
    def finish_attempt(self, who: int, which: int) -> None:
        pk = self.pick(
            [pk for pk, row in self.people.attempts.items() if row.worker == self.worker(who).pk][-2:], which
        )
        if pk is not None:
            self._finish_attempt(pk)

    @rule(who=st.integers(0, 2), wrong=st.integers(0, 4), submits=st.booleans())
    def take_an_exam_to_work(self, who: int, wrong: int, submits: bool) -> None:
        """The project requires it and filters by its result; whoever does not submit it is asked back after its time.

        Before and after, the worker looks for work: an exam that says nothing before it ends lets nobody in, either.
        """
        worker = self.worker(who)
        self.require_exam(True)
        self.filter_workers(True)
        self.claim_in(self.main, worker)
        pk = self.start(worker, "exam")
        if pk is None:
            return
        for number, item in enumerate(items_of(Attempt.objects.get(pk=pk))):
            self._answer_item(worker, pk, item, is_right=number >= wrong)
            self.claim_in(self.main, worker)
        if submits:
            self._finish_attempt(pk)
        else:
            self.clock.advance(MINUTES * 60 + 1)
            self.start(worker, "exam")
        self.claim_in(self.main, worker)

    @rule(text=st.integers(1, 3))
    def look_for_work_before_and_after_reading(self, text: int) -> None:
        """The instructions change for everybody; one confirms an earlier version, then the newest one."""
        self.write_instructions(text, True)
        for number in range(len(self.workers)):
            self.claim_in(self.main, self.worker(number))
            self.confirm_instructions(number, 1)
            self.confirm_instructions(number, 0)
            self.claim_in(self.main, self.worker(number))

    @rule(who=who)
    def look_for_work_with_and_without_a_skill(self, who: int) -> None:
        self.filter_workers(True)
        for value in (0.2, 0.9):
            self.set_skill(who, value)
            self.claim_in(self.main, self.worker(who))
        self.filter_workers(False)

    def start(self, worker: Actor, kind: str) -> int | None:
        """Start an attempt, or find the live one; return its row id."""
        now = self.clock.now()
        refusal, live = self.people.start(worker.pk, kind, now), self.people.live(worker.pk, kind)
        row = self.expect(refusal, partial(start_attempt, worker=worker, qualification=self.exam, kind=kind))
        if row is None:
            return None
        if live is None:
            assert row.pk not in self.people.attempts
            self.people.add(row.pk, worker.pk, kind, now)
        else:
            assert row.pk == live
        return row.pk

    def _answer_item(self, worker: Actor, pk: int, item: AttemptItem, *, is_right: bool) -> None:
        schema = item.attempt.schema
        right = schema.mapping.get(f"{class_of(item)}", class_of(item))
        wrong = [row["number"] for row in schema.body["classes"] if row["number"] != right]
        number = wrong[0] if wrong and not is_right else right
        raw = factories.class_answer(number)
        refusal = self.people.answer(pk, item.pk, self.clock.now(), is_right=number == right)
        self.expect(refusal, partial(answer_item, worker=worker, item_id=item.public_id, raw=raw, seconds=3.0))

    def _finish_attempt(self, pk: int) -> None:
        self.people.finish(pk)
        attempt = Attempt.objects.select_related("worker").get(pk=pk)
        finish_attempt(worker=attempt.worker, attempt_id=attempt.public_id)

    @invariant()
    def who_may_work_is_as_the_model_predicts(self) -> None:
        found = list(differences(self.people.view(), people_view(self.project)))
        assert not found, "\n".join(found)
