"""What repairs, changes of classes and their undo must do to a project. Pure; see `managed_model`.

Whether an image is put back as it was depends on what people have decided since, and what consensus has written; the
model is told the row ids of labels and verdicts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.simulation.crowd_state import ModelLease, ModelTask
from tests.simulation.managed_model import ManagedModel
from tests.simulation.pay_model import ModelEntry
from tests.simulation.repair_records import (
    FINISHED,
    Decided,
    Kept,
    ModelChange,
    ModelChangedTask,
    ModelRepair,
    ModelRepairedTask,
)


@dataclass
class RepairModel(ManagedModel):
    """A project whose manager voids answers, changes classes, and undoes both."""

    repairs: dict[int, ModelRepair] = field(default_factory=dict)
    changes: dict[int, ModelChange] = field(default_factory=dict)

    def refuse_void(self, worker: int) -> str | None:
        """All answers are voided that are not yet: from the end of the repairs in force on, which leave no gap."""
        end: datetime | None = None
        for repair in self._in_force(worker):
            if repair.since is not None and (end is None or end < repair.since):
                return "void_already"
            end = repair.until
        return None if self._not_void(worker) else "nothing_to_void"

    def void(
        self, worker: int, repair_id: int, decided: Mapping[int, Decided], now: datetime, *, takes_back: bool
    ) -> None:
        found, earlier = self._not_void(worker), self._in_force(worker)
        since = earlier[-1].until if earlier else None
        repair = ModelRepair(worker, since, now, takes_back, leases=frozenset(found))
        self.repairs[repair_id] = repair
        if takes_back:
            repair.amount = self._paid_for(worker, found)
            self._correct(worker, -repair.amount)
        for pk, lease in found.items():
            lease.repair = repair_id
            if lease.task is not None and lease.counts and lease.round == self.tasks[lease.task].round:
                kept = self._keep(lease.task, decided[lease.task])
                repair.rows.append(ModelRepairedTask(repair_id, lease.task, pk, kept))
        for row in repair.rows:
            self._void_one(self.tasks[row.task], row.task, self.leases[row.lease])

    def _void_one(self, task: ModelTask, task_id: int, lease: ModelLease) -> None:
        answers = len(self._counting(task_id))
        lease.counts = False
        taken = self.taken(task_id)
        if task.state == "left_out":
            task.wanted = taken
        elif task.state in FINISHED:
            enough = max(1, min(self.policy.answers_min, answers))
            if task.owned or task.fixed:
                task.wanted = task.wanted if task.asked_again else max(taken, 1)
            elif answers - 1 >= enough:
                task.wanted = task.wanted if task.asked_again else taken
            else:
                task.wanted = max(task.wanted if task.asked_again else enough, taken)
                task.state, task.asked_again = "open", False
                self._reopen(task.batch)

    def undo_repair(self, repair_id: int, decided: Mapping[int, Decided]) -> str | None:
        repair = self.repairs[repair_id]
        if not repair.is_in_force:
            return "repair_undone"
        repair.is_in_force = False
        if repair.amount:
            self._correct(repair.worker, repair.amount - repair.paid_again)
        for pk in repair.leases:
            self.leases[pk].repair = None
        for row in repair.rows:
            self._return(row, decided[row.task])
        self._approve_again({row.task: row.kept for row in repair.rows})
        return None

    def _return(self, row: ModelRepairedTask, decided: Decided) -> None:
        task, lease, kept = self.tasks[row.task], self.leases[row.lease], row.kept
        since = [each for each in self._rows_of(row.task) if self.repairs[each.repair].is_in_force]
        row.is_done = True
        self._forget_exactness(row.task, row)
        if lease.counts or lease.round != task.round:
            return
        counting = {
            pk for pk, each in self.leases.items() if each.counts and (each.task, each.round) == (row.task, task.round)
        }
        is_same = (
            row.is_exact
            and not any(each.repair > row.repair for each in since)
            and decided.label_of_people in (None, kept.label)
            and decided.verdict_of_people in (None, kept.verdict)
            and kept.counting - {row.lease} <= counting
            and task.state != "left_out"
        )
        was_finished = kept.state in FINISHED and not kept.asked_again
        lease.counts = True
        if not is_same:
            task.wanted = max(task.wanted, self.taken(row.task))
        elif was_finished:
            self._put_back(row.task, kept, exactly=kept.counting)
        else:
            task.wanted = max(task.wanted, len(kept.counting))
            self._end_surplus(row.task, kept.counting, room=task.wanted - len(kept.counting))

    def _forget_exactness(self, task_id: int, but: ModelRepairedTask) -> None:
        """What a later repair has kept of the image is without the answers that come back now."""
        for each in self._rows_of(task_id):
            if not each.is_done and each.repair > but.repair:
                each.is_exact = False

    def change_classes(
        self,
        change_id: int,
        mapping: dict[int, int | None],
        decided: Mapping[int, Decided],
        *,
        classes: Collection[int],
    ) -> None:
        change = ModelChange(mapping, frozenset(self.classes), len(self.repairs))
        self.changes[change_id], self.classes = change, set(classes)
        if change.is_split:
            self.apply_split(change, decided)
        elif mapping:
            for pk in self.tasks:
                answers = {row.answer[1] for row in self._all() if row.task == pk and row.answer is not None}
                if mapping.keys() & (answers | {decided[pk].number}):
                    change.tasks[pk] = ModelChangedTask(self._keep(pk, decided[pk]))
                    self._lose_exactness(pk)

    def apply_split(self, change: ModelChange, decided: Mapping[int, Decided]) -> None:
        """Images with such a label are labeled again; answers to others that name the class count no more."""
        kept = {pk: self._keep(pk, decided[pk]) for pk in self.tasks}
        for pk, task in self.tasks.items():
            is_named = decided[pk].number in change.mapping and not task.owned and task.state != "left_out"
            reopens = is_named and (task.state in FINISHED or task.asked_again)
            named = {each for each in self._counting(pk) if self._number(each) in change.mapping}
            frees = named if task.takes_answers and not reopens else set()
            if not is_named and not frees:
                continue
            row = change.tasks.setdefault(pk, ModelChangedTask(kept[pk]))
            self._lose_exactness(pk)
            row.freed |= frees
            for each in frees:
                self.leases[each].counts = False
            if reopens:
                row.round = self.next_round(pk)
                self._label_again(pk, row.round)

    def _label_again(self, task_id: int, number: int) -> None:
        task = self.tasks[task_id]
        self._end_round(task_id)
        task.round, task.wanted, task.state = number, self.policy.answers_min, "open"
        task.fixed = task.asked_again = False
        self._reopen(task.batch)

    def undo_class_change(self, change_id: int, decided: Mapping[int, Decided]) -> str | None:
        change = self.changes[change_id]
        if not change.is_in_force:
            return "class_change_undone"
        if any(row.is_in_force for pk, row in self.changes.items() if pk > change_id):
            return "later_class_change"
        change.is_in_force, self.classes = False, set(change.before)
        for pk, row in change.tasks.items():
            self._restore(pk, row, decided[pk], change)
            self._lose_exactness(pk)
        self._approve_again({pk: row.kept for pk, row in change.tasks.items()})
        return None

    def _restore(self, task_id: int, row: ModelChangedTask, decided: Decided, change: ModelChange) -> None:
        task, kept = self.tasks[task_id], row.kept
        is_same_round = task.round == (row.round or kept.round)
        repaired = any(
            self.repairs[each.repair].is_in_force and each.repair in list(self.repairs)[change.repairs :]
            for each in self._rows_of(task_id)
        )
        label, verdict = row.written
        is_same = (
            is_same_round
            and not repaired
            and (decided.label_of_people or label) in (label, kept.label)
            and (decided.verdict_of_people or verdict) in (verdict, kept.verdict)
            and task.state != "left_out"
            and all(self.leases[pk].repair is None for pk in kept.counting)
        )
        if is_same and kept.state in FINISHED:
            self._put_back(task_id, kept, exactly=kept.counting)
        elif row.round is None and is_same_round:
            for pk in row.freed:
                lease = self.leases[pk]
                if lease.repair is None and not lease.counts and lease.round == task.round:
                    lease.counts = True
            task.wanted = max(task.wanted, self.taken(task_id))

    # What both share

    def _keep(self, task_id: int, decided: Decided) -> Kept:
        task = self.tasks[task_id]
        return Kept(
            task.state,
            task.round,
            task.wanted,
            task.asked_again,
            task.owned,
            task.fixed,
            frozenset(self._counting(task_id)),
            decided.label,
            decided.verdict,
            self.batches[task.batch].state == "approved",
        )

    def _put_back(self, task_id: int, kept: Kept, *, exactly: Collection[int]) -> None:
        """The task is what it was, with the answers that it had; others are surplus, and their leases end."""
        task = self.tasks[task_id]
        self._end_surplus(task_id, exactly, room=0)
        for pk in exactly:
            self.leases[pk].counts = True
        task.state, task.round, task.asked_again = kept.state, kept.round, kept.asked_again
        task.owned, task.fixed = kept.owned, kept.fixed
        task.wanted = max(kept.wanted, len(exactly))

    def _end_surplus(self, task_id: int, exactly: Collection[int], *, room: int) -> None:
        task = self.tasks[task_id]
        since = [
            pk
            for pk, row in self.leases.items()
            if row.task == task_id and row.counts and row.round == task.round and pk not in exactly
        ]
        since.sort(key=lambda pk: (self.leases[pk].state == "leased", pk))
        for pk in since[room:]:
            lease = self.leases[pk]
            lease.counts = False
            if lease.state == "leased":
                self._end(lease, "expired", returned=False)

    def _end_round(self, task_id: int) -> None:
        for lease in self._all():
            if lease.task == task_id and lease.round == self.tasks[task_id].round:
                lease.counts = False
                if lease.state == "leased":
                    self._end(lease, "expired", returned=False)

    def _approve_again(self, kept: Mapping[int, Kept]) -> None:
        """A batch that was approved is so again, if all of it is."""
        for batch in {self.tasks[pk].batch for pk, row in kept.items() if row.batch_was_approved}:
            tasks = [task for task in self.tasks.values() if task.batch == batch]
            waits = any(task.wanted and task.state not in ("approved", "left_out") for task in tasks)
            if self.batches[batch].state == "open" and not waits and not any(task.asked_again for task in tasks):
                self.batches[batch].state = "approved"

    def _counting(self, task_id: int) -> list[int]:
        number = self.tasks[task_id].round
        return [
            pk
            for pk, row in self.leases.items()
            if (row.task, row.round, row.counts, row.state) == (task_id, number, True, "submitted")
        ]

    def _number(self, lease_id: int) -> int | None:
        answer = self.leases[lease_id].answer
        return None if answer is None else answer[1]

    def _rows_of(self, task_id: int) -> list[ModelRepairedTask]:
        return [row for repair in self.repairs.values() for row in repair.rows if row.task == task_id]

    def _lose_exactness(self, task_id: int) -> None:
        for row in self._rows_of(task_id):
            if not row.is_done:
                row.is_exact = False

    def _in_force(self, worker: int) -> list[ModelRepair]:
        return [row for row in self.repairs.values() if row.worker == worker and row.is_in_force]

    def _not_void(self, worker: int) -> dict[int, ModelLease]:
        return {
            pk: row
            for pk, row in self.leases.items()
            if (row.worker, row.state, row.repair) == (worker, "submitted", None)
        }

    def _paid_for(self, worker: int, leases: Mapping[int, ModelLease]) -> Decimal:
        """What these answers are paid, or will be, and the top-ups of sets that have no others."""
        amount = Decimal(0)
        for row in leases.values():
            assert row.answer is not None
            terms = self.hands[row.hand].terms
            amount += row.price if row.paid or not terms.is_measured else terms.amount(row.answer[0])
        for entry in self.entries:
            if entry.kind == "top_up" and entry.worker == worker:
                rows = {pk for pk, row in self.leases.items() if row.hand == entry.hand and row.state == "submitted"}
                amount += entry.amount if rows <= leases.keys() else 0
        return amount

    def _correct(self, worker: int, amount: Decimal) -> None:
        if amount:
            self.entries.append(ModelEntry(worker, "correction", amount))
