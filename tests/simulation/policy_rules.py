"""Policies, and what a manager decides on images that many skipped, as rules; and workers who take any work."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from accounts.memberships import change_organisation
from accounts.models import Actor
from tasks.assignment.models import SetAside
from tasks.assignment.services import release_hand
from tasks.flow.claim_any import claim_any
from tasks.flow.policy_change import change_project_policy
from tasks.flow.policy_preview import ApplyTo
from tasks.flow.set_aside import leave_out, restore_gold_offers, restore_offers
from tasks.gold.models import Gold
from tests import worker_actions
from tests.simulation.claim_model import SET
from tests.simulation.worker_rules import WorkerRules, which, who


class PolicyRules(WorkerRules):
    @rule(to=st.integers(1, 3), reach=st.sampled_from(["new", "open", "finished", "finished"]))
    def change_answers_per_image(self, to: int, reach: ApplyTo) -> None:
        self.model.change_answers(to, reach=reach)
        changes = {"answers_min": to, "answers_max": self.model.policy.answers_max}
        change_project_policy(project=self.project, changes=changes, apply_to=reach)

    @precondition(lambda self: bool(worker_actions.queued_asks()))
    @rule()
    def ask_finished_images(self) -> None:
        for job, args in worker_actions.queued_asks():
            self.model.ask_finished(args.answers_min)
            worker_actions.run_ask(job, args)
            self.adopt_labels(may_reopen=True)

    @rule(images=st.sampled_from([None, None, -1, 0, 1, 2, 5]), price=st.sampled_from(["0.02", "0.03"]))
    def change_money(self, images: int | None, price: str) -> None:
        """A budget for so many images more than those that are paid or promised."""
        to = Decimal(price)
        most = replace(self.model.policy.terms, rate=to).most
        budget = None if images is None else self.model.committed() + images * most
        changes = {"price": price, "budget": None if budget is None else f"{budget}"}
        refusal = self.model.change_money(price=to, budget=budget)
        self.expect(refusal, partial(change_project_policy, project=self.project, changes=changes, apply_to="new"))

    @rule(per_day=st.sampled_from([0, 2, 4]), share=st.sampled_from([1.0, 0.4, 0.7]))
    def change_caps(self, per_day: int, share: float) -> None:
        self._set(images_per_day=per_day, share_per_worker=share)

    @rule(minutes=st.sampled_from([0, 1]), skips=st.sampled_from([0, 1, 2]))
    def change_sets(self, minutes: int, skips: int) -> None:
        self._set(set_minutes=minutes, skips_to_manager=skips)

    @rule(priority=st.integers(-1, 1))
    def change_priority(self, priority: int) -> None:
        self._set(priority=priority)

    @rule(most=st.integers(0, 1))
    def cap_sets_in_progress(self, most: int) -> None:
        self.most_sets = most
        change_organisation(organisation=self.project.organisation, live_sets=most)

    @precondition(lambda self: self.model.asides)
    @rule(which=which)
    def restore_offer(self, which: int) -> None:
        row = self._aside(which)
        if row is not None:
            refusal = "project_closed" if self.model.state == "closed" else None
            call = partial(restore_offers, project=self.project, by=self.manager, ids=[row.public_id])
            self.expect(refusal, call)
            if refusal is None:
                self.model.offer(row.pk)

    @precondition(lambda self: self.model.asides)
    @rule(which=which)
    def leave_out(self, which: int) -> None:
        row = self._aside(which)
        if row is not None:
            self.model.leave_out(row.pk)
            leave_out(project=self.project, by=self.manager, ids=[row.public_id])

    @rule(which=which)
    def offer_gold_again(self, which: int) -> None:
        rows = Gold.objects.filter(project=self.project).order_by("-is_set_aside", "pk")
        gold = self.pick(list(rows), which)
        assert gold is not None
        self.model.offer_gold(gold.pk)
        restore_gold_offers(gold=gold, by=self.manager)

    @rule(who=who)
    def claim_any(self, who: int) -> None:
        """What is in progress comes first, then the most urgent project that gives a set."""
        worker, now = self.worker(who), self.clock.now()
        live = [
            (site.model.hands[pk].expires_at, pk)
            for site in self.sites
            if (pk := site.model.hand_in_progress(worker.pk, now)) is not None
            and site.model.standings[worker.pk] != "removed"
        ]
        claimed = claim_any(worker=worker)
        if live:
            assert claimed is not None
            assert claimed.hand.pk == min(live)[1]
            return
        self._settle_as_found(worker, now)
        allowed = {site.project.pk: set(self.outcomes(site, worker)) for site in self.sites}
        site = None
        if claimed is not None:
            site = next(site for site in self.sites if site.project.pk == claimed.hand.project_id)
            assert SET in allowed[site.project.pk]
            self.add_hand(site, worker, claimed.hand, now)
        for each in self.sites:
            if site is None or each.model.policy.priority > site.model.policy.priority:
                assert allowed[each.project.pk] != {SET}, f"project {each.project.pk} was passed over"

    @rule(who=who)
    def claim_in_the_other_project(self, who: int) -> None:
        self.claim_in(self.other, self.worker(who))

    @rule(who=who, settles=st.booleans())
    def finish_in_the_other_project(self, who: int, settles: bool) -> None:
        worker, model = self.worker(who), self.other.model
        pk = model.live_hand(worker.pk)
        if pk is None:
            return
        if settles:
            for lease in model.leases_of(worker.pk, "leased"):
                self.send(lease, 1, site=self.other)
            self.settle_in(self.other, worker)
        else:
            model.release(pk, self.clock.now())
            release_hand(worker=worker, hand_id=self.other.hand(pk).public_id)
            self.adopt_pauses()

    def _settle_as_found(self, worker: Actor, now: datetime) -> None:
        """Sets that were over are settled in the projects to which the claim has come."""
        for site in self.sites:
            pk = site.model.live_hand(worker.pk)
            if pk is not None and site.hand(pk).state == "settled":
                site.model.settle(pk, now)
        self.adopt_pauses()

    def _set(self, **policies: Any) -> None:
        for name, value in policies.items():
            setattr(self.model.policy, name, value)
        change_project_policy(project=self.project, changes=policies)

    def _aside(self, which: int) -> SetAside | None:
        rows = SetAside.objects.filter(project=self.project, task__isnull=False)
        return self.pick(list(rows.order_by("-pk")), which)
