"""Terms of pay, bonuses, approval and payouts as rules: the model's prediction, then the call."""

from decimal import Decimal
from functools import partial

from django.db.models import Sum
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tasks.flow.policy_change import change_project_policy
from tasks.pay.bonuses import give_bonus
from tasks.pay.models import LedgerTotal, Payout
from tasks.pay.payouts import run_payouts
from tests.simulation.pay_model import ModelEntry, ModelPayouts, ModelTerms, Paid
from tests.simulation.worker_rules import WorkerRules, who

TERMS = (
    ModelTerms("answer", Decimal("0.02"), None),
    ModelTerms("answer", Decimal("0.02"), Decimal(36)),
    ModelTerms("answer", Decimal("0.05"), Decimal(18)),
    ModelTerms("hour", Decimal(18), None),
)


class PayRules(WorkerRules):
    def begin(self) -> None:
        super().begin()
        self.payouts = ModelPayouts()
        self.bonuses: dict[str, tuple[int, Decimal]] = {}

    @rule(terms=st.sampled_from(TERMS), days=st.sampled_from([0, 0, 1]))
    def change_pay(self, terms: ModelTerms, days: int) -> None:
        """Sets in progress keep the terms with which they were claimed."""
        policy = self.model.policy
        changes = {
            "pay_by": terms.pay_by,
            "price": f"{terms.rate}",
            "hourly_floor": None if terms.floor is None else f"{terms.floor}",
            "approval_days": days,
        }
        refusal = "policy_refused" if policy.budget is not None and policy.budget < terms.most else None
        if refusal is None:
            policy.pay_by, policy.price, policy.hourly_floor = terms.pay_by, terms.rate, terms.floor
            policy.approval_days = days
        self.expect(refusal, partial(change_project_policy, project=self.project, changes=changes))

    @rule(who=who, cents=st.integers(1, 2), key=st.integers(1, 3))
    def give_bonus(self, who: int, cents: int, key: int) -> None:
        """Once for a key; another bonus with the same key is refused."""
        worker, amount, budget = self.worker(who), Decimal(cents) / 100, self.model.policy.budget
        given, refusal = self.bonuses.get(f"{key}"), None
        if given is not None and given != (worker.pk, amount):
            refusal = "bonus_given"
        elif given is None and budget is not None and self.model.committed() + amount > budget:
            refusal = "bonus_beyond_budget"
        elif given is None:
            self.bonuses[f"{key}"] = (worker.pk, amount)
            self.model.entries.append(ModelEntry(worker.pk, "bonus", amount))
        words = {"amount": f"{amount}", "reason": "Well done.", "key": f"{key}"}
        self.expect(refusal, partial(give_bonus, project=self.project, worker=worker, by=self.manager, **words))

    @rule()
    def pay_out(self) -> None:
        entries = [row for site in self.sites for row in site.model.entries]
        expected = self.payouts.run(entries, self.clock.now())
        call = partial(run_payouts, organisation=self.project.organisation, by=self.manager)
        run = self.expect(None if expected else "nothing_to_pay", call)
        rows = Payout.objects.filter(run=run) if run else Payout.objects.none()
        found = {row.worker_id: Paid(row.amount, row.entries, row.carried) for row in rows}
        assert found == expected, f"paid {found}, not {expected}"
        totals = LedgerTotal.objects.filter(project__in=[site.project for site in self.sites])
        for worker, earned, paid in totals.values_list("worker_id").annotate(Sum("earned"), Sum("paid")):
            left = sum((row.amount for row in entries if row.worker == worker and not row.is_paid), Decimal(0))
            assert earned - paid == left + self.payouts.carried.get(worker, Decimal(0))

    @rule(who=st.integers(0, 2), terms=st.sampled_from(TERMS[1:]))
    def earn_by_time_and_be_paid(self, who: int, terms: ModelTerms) -> None:
        """Change the terms, finish a set, give a bonus, and pay all of it; twice, so that the second pays nothing."""
        self.change_pay(terms, 0)
        self.finish_a_set(who, 1)
        self.give_bonus(who, 1, 1)
        self.pay_out()
        self.pay_out()
