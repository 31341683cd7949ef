"""Faults of the product that the rules must find; a new kind of rule has one at least."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from projects.pay_terms import PayTerms
from tasks.assignment import assigning, budget, claim_policy, claiming, leases, slots
from tasks.assignment import services as assignment_services
from tasks.assignment.leases import MOST_LEASES
from tasks.flow import appeals, class_change, repair, repair_undo, settlement
from tasks.pay import payouts
from tasks.pay import services as pay_services
from tasks.qualification import services as qualification_services
from tasks.review import class_checks, rejected_answers
from tests.simulation.decision_rules import DecisionRules
from tests.simulation.pay_rules import PayRules
from tests.simulation.people_rules import PeopleRules
from tests.simulation.policy_rules import PolicyRules
from tests.simulation.project_machine import ProjectMachine

Change = Callable[[Any], Any]
Machine = type[ProjectMachine]
#: What hypothesis knows a rule by.
_IS_RULE = "hypothesis_stateful_rule"

MOST = f"least({{}}, h.created_at + {MOST_LEASES} * p.lease_seconds * interval '1 second')"
FROM_NOW = "t.now + p.lease_seconds * interval '1 second'"


@dataclass(frozen=True, slots=True)
class Fault:
    """The module or class, the name and the change of what is wrong, and the rules that lead to it: all if empty."""

    machine: Machine
    place: object
    name: str
    change: Change
    rules: tuple[str, ...] = ()

    @property
    def leading(self) -> Machine:
        """The machine with these rules; the others can still be called by them."""
        if not self.rules:
            return self.machine
        methods = inspect.getmembers(self.machine, lambda each: hasattr(each, _IS_RULE))
        others = {name: _plain(method) for name, method in methods if name not in self.rules}
        assert len(methods) - len(others) == len(self.rules)
        return type("Leading", (self.machine,), others)


def _plain(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return call


def replaced(before: str, after: str) -> Change:
    """In a statement."""

    def replace(statement: str) -> str:
        assert before in statement
        return statement.replace(before, after)

    return replace


def always(result: Any) -> Change:
    """A function that does nothing and returns this."""
    return lambda _: lambda *args, **kwargs: result


FAULTS: dict[str, Fault] = {
    "a slot of a closed lease stays taken": Fault(
        PolicyRules, slots, "CLOSE_LEASES", replaced("t.taken - n.places", "t.taken")
    ),
    "a slot reopens without a new generation": Fault(
        PolicyRules,
        slots,
        "CLOSE_LEASES",
        replaced(", generation = b.generation + 1", ""),
        ("skip_what_another_has_looked_for",),
    ),
    "a credit is twice the price": Fault(
        PolicyRules, pay_services, "POST_CREDITS", replaced("a.price, p.currency", "a.price * 2, p.currency")
    ),
    "an image that was set aside is claimed": Fault(
        PolicyRules, claiming, "CLAIM_FROM_BATCH", replaced("AND NOT t.is_set_aside", "")
    ),
    "a group is split": Fault(PolicyRules, claiming, "CLAIM_FROM_BATCH", replaced("ROWS WITH TIES", "ROWS ONLY")),
    "images count twice for a cap": Fault(
        PolicyRules, assigning, "WRITE_ASSIGNMENTS", replaced("images_today = ", "images_today = %(fresh)s + ")
    ),
    "answers renew a lease without end": Fault(
        PolicyRules, leases, "RENEW_WITHOUT_WAITING", replaced(MOST.format(FROM_NOW), FROM_NOW)
    ),
    "a set is larger than the budget": Fault(
        PolicyRules, budget, "SELECT_COMMITTED", replaced("coalesce(sum(amount), 0)", "0::numeric")
    ),
    "a set is given though the instructions are unread": Fault(
        PeopleRules,
        claim_policy,
        "SELECT_POLICY",
        replaced("s.confirmed_version < p.version_to_confirm", "false"),
        ("look_for_work_before_and_after_reading",),
    ),
    "a filter lets everybody in": Fault(
        PeopleRules, assignment_services, "is_let_in", always(True), ("look_for_work_with_and_without_a_skill",)
    ),
    "an exam is passed with one right answer less": Fault(
        PeopleRules,
        qualification_services,
        "right_to_pass",
        lambda right: lambda pass_mark, images: right(pass_mark, images) - 1,
        ("take_an_exam_to_work",),
    ),
    "what an exam gave is lost if another one is refused": Fault(
        PeopleRules, qualification_services, "end_if_over", always(None), ("take_an_exam_to_work",)
    ),
    "a top-up is the whole floor": Fault(
        PayRules,
        PayTerms,
        "top_up",
        lambda top_up: lambda terms, seconds, earned: top_up(terms, seconds, Decimal(0)),
        ("earn_by_time_and_be_paid",),
    ),
    "a payout pays what is not approved": Fault(
        PayRules,
        payouts,
        "PAY",
        replaced("e.approved_at, e.created_at) <= %(until)s)", "e.approved_at, e.created_at) IS NOT NULL)"),
        ("change_pay", "finish_a_set", "pay_out"),
    ),
    "a payout forgets what was left over": Fault(
        PayRules, payouts, "PAY", replaced("), 0) AS brought", "), 0) * 0 AS brought"), ("earn_by_time_and_be_paid",)
    ),
    "a void answer counts": Fault(DecisionRules, repair, "batches_to_void", always([]), ("void_answers_by_mistake",)),
    "answers that came meanwhile count after an undo": Fault(
        DecisionRules, repair_undo, "end_answers", always(None), ("void_answers_by_mistake",)
    ),
    "an undone repair pays less than it took": Fault(
        DecisionRules, repair, "paid_again", always(Decimal("0.01")), ("void_answers_by_mistake",)
    ),
    "images of changed classes are left as they are": Fault(
        DecisionRules, class_change, "batches_of", always([]), ("change_classes_by_mistake",)
    ),
    "late answers with a split class count": Fault(
        DecisionRules, settlement, "split_settled", always(None), ("answer_with_a_split_class",)
    ),
    "what is rejected is shown at once": Fault(
        DecisionRules, rejected_answers, "_next_day", lambda _: lambda now: now, ("work_for_nothing_and_appeal",)
    ),
    "an upheld appeal pays nothing again": Fault(
        DecisionRules, appeals, "taken_back", always(Decimal(0)), ("work_for_nothing_and_appeal",)
    ),
    "a struck label is approved": Fault(
        DecisionRules,
        class_checks,
        "_record",
        lambda record: lambda *args: record(*args) and [label for label, _ in args[-1]],
        ("check_what_is_finished",),
    ),
}
