"""Random walks over what managers decide about people, money, classes and answers, and what workers do about it."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import Membership, Role
from kernel.clock import ClockTimestamp
from projects.class_edits import ClassEdit
from projects.classes import ClassSpec
from projects.models import Project
from projects.services import write_instructions
from tasks.annotation.models import Annotation
from tasks.assignment.instructions import confirm_instructions
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.appeals import decide_appeal
from tasks.flow.bulk_review import Verdict, give_verdicts
from tasks.flow.class_change import start_class_change, undo_class_change
from tasks.flow.gold_judgement import accept_answer, reactivate_gold
from tasks.flow.policy_change import change_project_policy
from tasks.flow.repair import start_repair, undo_repair
from tasks.gold.models import Gold
from tasks.pay.bonuses import give_bonus
from tasks.pay.payouts import run_payouts
from tasks.qualification import setup
from tasks.qualification.models import Attempt, AttemptItem, Qualification
from tasks.qualification.services import answer_item, finish_attempt, start_attempt
from tasks.qualification.skills import set_skill, skill_named
from tasks.qualification.worker_filters import set_worker_filter
from tasks.repair.change_models import ClassChange
from tasks.repair.models import Repair
from tasks.review.class_checks import Looked, check_class
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import appeal, dismiss_draft, reject_draft
from tasks.standing.models import Standing
from tasks.standing.services import confirm_pause
from tests import factories
from tests.qualifications import a_qualification
from tests.random_walk import Call, RandomWalk, Verb, Walk
from tests.rejected import a_reviewer

#: What projects need for these verbs.
OPTIONS: dict[str, Any] = {"classes": ("cat", "dog", "fox"), "appeal_days": 7}
SKILL = "cats"
TERMS: tuple[dict[str, str | None], ...] = (
    {"pay_by": "answer", "price": "0.02", "hourly_floor": None},
    {"pay_by": "answer", "price": "0.02", "hourly_floor": "36"},
    {"pay_by": "hour", "price": "18", "hourly_floor": None},
)
REGION = {"x": 10, "y": 10, "w": 100, "h": 80}
EDITS = (
    ClassEdit("rename", (1,), name="tomcat"),
    ClassEdit("merge", (2,), into=1),
    ClassEdit("merge", (3,), into=2),
    ClassEdit("split", (2,), new=(ClassSpec("hound"), ClassSpec("terrier")), labels="ask_again"),
    ClassEdit("retire", (2,), labels="ask_again"),
    ClassEdit("retire", (3,)),
)


def something_to_decide(project: Project) -> None:
    """An exam with practice, and a skill that all workers have, for a walk to require. Create them before it starts."""
    skill = skill_named(organisation=project.organisation, name=SKILL)
    a_qualification(project, f"Exam of {project.name}", exam=8, practice=4, skill=skill)
    workers = Membership.objects.filter(organisation=project.organisation, role=Role.WORKER).select_related("actor")
    for row in workers.order_by("pk"):
        set_skill(skill=skill, worker=row.actor, value=0.9, source="manager", by=factories.ada())
    reviewer = {"organisation": project.organisation, "actor": a_reviewer("rook")}
    Membership.objects.get_or_create(**reviewer, defaults={"role": Role.REVIEWER})


class DecisionWalk(Walk):
    """A manager who decides about people, money and classes, and a second reviewer, who decides appeals."""

    def __init__(self, project: Project, seed: int) -> None:
        super().__init__(project, seed)
        self.manager, self.second = factories.ada(), a_reviewer("rook")
        self._bonuses = 0

    def verbs(self) -> Mapping[Verb, int]:
        return {
            self.void_answers: 2,
            self.undo_repair: 2,
            self.change_classes: 2,
            self.undo_class_change: 3,
            self.reject_with_region: 3,
            self.give_verdicts: 2,
            self.check_class: 2,
            self.a_day_passes: 2,
            self.decide_appeal: 4,
            self.decide_on_draft: 2,
            self.judge_gold: 1,
            self.give_bonus: 1,
            self.run_payouts: 1,
            self.change_pay: 2,
            self.confirm_pause: 1,
            self.require_exam: 1,
            self.grant_or_revoke: 2,
            self.filter_workers: 1,
            self.write_instructions: 1,
        }

    def void_answers(self) -> Call | None:
        row = self._standing()
        if row is None:
            return None
        pay = self.random.choice(list(Repair.Pay.values))
        return partial(
            start_repair, project=self.project, worker=row.worker, by=self.manager, reason="At random.", pay=pay
        )

    def undo_repair(self) -> Call | None:
        row = self.pick(list(Repair.objects.filter(project=self.project, state=Repair.State.VOIDED).order_by("pk")))
        return None if row is None else partial(undo_repair, repair=row, by=self.manager, reason="The wrong one.")

    def change_classes(self) -> Call | None:
        schema = Project.objects.select_related("schema").get(pk=self.project.pk).schema
        assert schema is not None
        edit = self.random.choice(EDITS)
        return partial(
            start_class_change,
            project=self.project,
            by=self.manager,
            edit=edit,
            reason="They overlap.",
            version=schema.version,
        )

    def undo_class_change(self) -> Call | None:
        row = ClassChange.objects.filter(project=self.project, state=ClassChange.State.APPLIED).order_by("-pk").first()
        return None if row is None else partial(undo_class_change, change=row, by=self.manager, reason="A mistake.")

    def reject_with_region(self) -> Call | None:
        return self._verdicts("reject", 1)

    def give_verdicts(self) -> Call | None:
        return self._verdicts(self.random.choice(["approve", "fix", "reject"]), 3)

    def check_class(self) -> Call | None:
        labels = self._labels(Task.State.ANSWERED)[:3]
        number = self.random.choice([1, 2])
        looked = [Looked(row.task.public_id, row.content_hash, self.random.random() < 0.3) for row in labels]
        call = partial(check_class, reviewer=self.manager, project=self.project, class_number=number, labels=looked)
        return call if looked else None

    def a_day_passes(self) -> Call:
        """For what was rejected: workers see it from the next day on."""
        rows, day = RejectedAnswer.objects.filter(project=self.project), timedelta(days=1)
        hidden = rows.filter(shown_from__gt=ClockTimestamp())
        return partial(hidden.update, shown_from=F("shown_from") - day, appeal_until=F("appeal_until") - day)

    def decide_appeal(self) -> Call | None:
        """By the second reviewer; now and then by the one who rejected the answer, or once more."""
        rows = RejectedAnswer.objects.filter(project=self.project, state__in=["appealed", "upheld"])
        row = self.pick(list(rows.order_by("state", "assignment_id"))[:3])
        by = self.random.choice([self.second, self.second, self.manager])
        upholds = self.random.random() < 0.6
        if row is None:
            return None
        return partial(decide_appeal, reviewer=by, public_id=row.public_id, uphold=upholds, reason="It is a cat.")

    def decide_on_draft(self) -> Call | None:
        rows = RejectedAnswer.objects.filter(project=self.project, state=RejectedAnswer.State.DRAFT)
        row = self.pick(list(rows.order_by("assignment_id")))
        rejects = self.random.random() < 0.8
        if row is None:
            return None
        if rejects:
            draft: dict[str, Any] = {"project": self.project, "public_id": row.public_id, "region": REGION}
            return partial(reject_draft, reviewer=self.manager, reason="It is a cat.", **draft)
        return partial(dismiss_draft, project=self.project, public_id=row.public_id)

    def judge_gold(self) -> Call | None:
        """Accept an answer to gold, too, or use suspended gold again."""
        suspended = Gold.objects.filter(project=self.project, state=Gold.State.SUSPENDED).order_by("pk").first()
        if suspended is not None:
            return partial(reactivate_gold, gold=suspended, by=self.manager)
        answers = Annotation.objects.filter(project=self.project, gold__state="active", is_current=True)
        row = self.pick(list(answers.select_related("gold").order_by("assignment_id")))
        if row is None or row.gold is None or row.assignment_id is None:
            return None
        return partial(accept_answer, gold=row.gold, by=self.manager, assignment_id=row.assignment_id)

    def give_bonus(self) -> Call | None:
        row = self._standing()
        self._bonuses += 1
        key = f"{self.seed}-{self.random.randint(max(1, self._bonuses - 1), self._bonuses)}"
        people: dict[str, Any] = {"by": self.manager, "reason": "Well done."}
        if row is None:
            return None
        return partial(give_bonus, project=self.project, worker=row.worker, amount="0.01", key=key, **people)

    def run_payouts(self) -> Call:
        return partial(run_payouts, organisation=self.project.organisation, by=self.manager)

    def change_pay(self) -> Call:
        terms = self.random.choice(TERMS)
        days = self.random.choice([0, 0, 1])
        return partial(change_project_policy, project=self.project, changes={**terms, "approval_days": days})

    def confirm_pause(self) -> Call | None:
        row = self._standing()
        return None if row is None else partial(confirm_pause, project=self.project, worker=row.worker)

    def require_exam(self) -> Call | None:
        """Soon no longer, or nobody works."""
        exam, required = self._exam(), self.project.requirements.exists()
        if required or self.random.random() < 0.5:
            return partial(setup.set_requirements, project=self.project, by=self.manager, qualifications=[])
        return partial(setup.set_requirements, project=self.project, by=self.manager, qualifications=[exam])

    def grant_or_revoke(self) -> Call | None:
        row = self._standing()
        decide = self.random.choice([setup.grant, setup.grant, setup.revoke])
        if row is None:
            return None
        return partial(decide, qualification=self._exam(), worker=row.worker, by=self.manager)

    def filter_workers(self) -> Call:
        """By a skill that its holders soon get back, or not at all."""
        row = self._standing()
        text = self.random.choice(["", "", f"skill.{SKILL} >= 0.5"])
        if row is not None and self.random.random() < 0.5:
            skill = skill_named(organisation=self.project.organisation, name=SKILL)
            value = self.random.choice([0.2, 0.9, 0.9])
            return partial(set_skill, skill=skill, worker=row.worker, value=value, source="manager", by=self.manager)
        return partial(set_worker_filter, project=self.project, text=text, by=self.manager)

    def write_instructions(self) -> Call:
        text, important = f"Look closely, {self.random.randint(1, 9)} times.", self.random.random() < 0.5
        return partial(write_instructions, project=self.project, by=self.manager, body=text, is_important=important)

    def _verdicts(self, verdict: str, most: int) -> Call | None:
        labels = self._labels(Task.State.ANSWERED, Task.State.APPROVED)[:most]
        verdicts = [
            Verdict(
                row.task.public_id,
                row.content_hash,
                verdict,
                reason="It is blurred." if verdict == "reject" else "",
                answer=factories.class_answer(1) if verdict == "fix" else None,
                again=True,
                region=REGION if verdict == "reject" else None,
            )
            for row in labels
        ]
        return partial(self._give, verdicts) if verdicts else None

    def _give(self, verdicts: list[Verdict]) -> None:
        with transaction.atomic():
            give_verdicts(reviewer=self.manager, project=self.project, verdicts=verdicts)

    def _labels(self, *states: str) -> list[ConsensusLabel]:
        rows = ConsensusLabel.objects.filter(task__project=self.project, is_current=True, task__state__in=states)
        labels = list(rows.select_related("task").order_by("task_id"))
        self.random.shuffle(labels)
        return labels

    def _exam(self) -> Qualification:
        return Qualification.objects.get(project=self.project)

    def _standing(self) -> Standing | None:
        rows = Standing.objects.filter(project=self.project).exclude(state=Standing.State.REMOVED)
        return self.pick(list(rows.select_related("worker__user").order_by("pk")))


class ConcernedWorker(RandomWalk):
    """A worker who also reads instructions, practices, takes exams, and appeals."""

    def verbs(self) -> Mapping[Verb, int]:
        return {
            **super().verbs(),
            self.confirm_instructions: 2,
            self.start_attempt: 1,
            self.answer_exam: 2,
            self.finish_attempt: 1,
            self.appeal: 3,
        }

    def confirm_instructions(self) -> Call | None:
        newest = Project.objects.select_related("instructions").get(pk=self.project.pk).instructions
        assert newest is not None
        return partial(confirm_instructions, worker=self.worker, project=self.project, version=newest.version)

    def start_attempt(self) -> Call:
        exam = Qualification.objects.get(project=self.project)
        kind = self.random.choice(["practice", "exam", "exam"])
        return partial(start_attempt, worker=self.worker, qualification=exam, kind=kind)

    def answer_exam(self) -> Call | None:
        """Most answers are right: the worker has learned."""
        rows = AttemptItem.objects.filter(attempt__worker=self.worker, attempt__qualification__project=self.project)
        rows = rows.filter(attempt__state__in=["live", "failed"]).select_related("source")
        item = self.pick(list(rows.order_by("attempt_id", "position")))
        is_right = self.random.random() < 0.9
        if item is None:
            return None
        right: int = item.source.accepted[0]["image"]["class"]
        raw = factories.class_answer(right if is_right else 3 - right)
        return partial(answer_item, worker=self.worker, item_id=item.public_id, raw=raw, seconds=3.0)

    def finish_attempt(self) -> Call | None:
        rows = Attempt.objects.filter(worker=self.worker, qualification__project=self.project)
        row = self.pick(list(rows.order_by("-pk"))[:2])
        return None if row is None else partial(finish_attempt, worker=self.worker, attempt_id=row.public_id)

    def appeal(self) -> Call | None:
        rows = RejectedAnswer.objects.filter(project=self.project, worker=self.worker, shown_from__isnull=False)
        row = self.pick(list(rows.order_by("state", "assignment_id")))
        statement = self.random.choice(["Look again.", "Look at the ears."])
        return (
            None if row is None else partial(appeal, worker=self.worker, public_id=row.public_id, statement=statement)
        )
