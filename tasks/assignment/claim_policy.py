"""What a claim reads of the worker and the project before it chooses images: standing, caps, policies, gold."""

from dataclasses import dataclass
from decimal import Decimal

from kernel.statements import run_prepared
from projects.pay_terms import PayTerms
from tasks.assignment.caps import CAPS_COLUMNS, HAS_KEPT, Caps
from tasks.gold.share import FIRST_IMAGES, IN_DOUBT, gold_share
from tasks.gold.sites import HAS_UNLIMITED, HAS_UNPLACED
from tasks.qualification.selectors import is_unqualified
from tasks.standing.trust import Stage
from tasks.workers.pace import pace, set_size

#: The most images of a hand: 100 by policy, and the rest of a group.
MAX_SET = 150

# Runs after INSERT_HAND, which may have waited, so its snapshot is newer than the lock and the end of the last hand.
# Until the claim commits, no access is revoked, and nothing more can be returned: a worker has one live hand.
SELECT_POLICY = f"""
SELECT s.state, m.role, coalesce(u.is_active, false), p.state, p.schema_id, p.instructions_id, p.hand_size,
    p.set_minutes, p.seconds_per_answer, coalesce(w.answers, 0), coalesce(w.seconds, 0), p.gold_rate, p.gold_when_out,
    p.pay_by, p.price, p.hourly_floor, p.paid_seconds, p.paid_objects,
    p.budget,
    EXISTS (
        SELECT 1 FROM tasks_assignment a WHERE a.worker_id = s.worker_id AND a.project_id = s.project_id
        AND a.returned AND a.state IN ('released', 'expired'))
    OR {HAS_KEPT.format(worker="s.worker_id", project="s.project_id")},
    coalesce(s.images, {FIRST_IMAGES}), coalesce(v.correct, 0), coalesce(v.incorrect, 0), s.stage,
    s.confirmed_version < p.version_to_confirm,
    {HAS_UNPLACED}, {HAS_UNLIMITED}, {is_unqualified(project="p.id", worker="s.worker_id")}, p.worker_filter,
    {CAPS_COLUMNS}
FROM tasks_standing s JOIN projects_project p ON p.id = s.project_id
JOIN accounts_organisation o ON o.id = p.organisation_id
LEFT JOIN accounts_membership m ON m.organisation_id = p.organisation_id AND m.actor_id = s.worker_id
LEFT JOIN accounts_user u ON u.actor_id = s.worker_id
LEFT JOIN tasks_workerpace w ON w.project_id = s.project_id AND w.worker_id = s.worker_id
LEFT JOIN tasks_workerevidence v
    ON v.project_id = s.project_id AND v.worker_id = s.worker_id AND v.source = 'gold' AND v.is_current
WHERE s.project_id = %(project)s AND s.worker_id = %(worker)s
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """A worker's standing and measured time in a project, and the project's current policies for a hand.

    `most`: what the budget allows.
    """

    pk: int
    standing: str
    role: str | None
    active: bool
    state: str
    schema_id: int | None
    instructions_id: int | None
    hand_size: int
    set_minutes: int
    seconds_per_answer: int
    measured_answers: int
    measured_seconds: float
    gold_rate: float
    gold_when_out: str
    pay_by: str
    rate: Decimal
    hourly_floor: Decimal | None
    paid_seconds: int
    paid_objects: int
    budget: Decimal | None
    has_returned: bool
    images_had: int
    gold_correct: int
    gold_incorrect: int
    stage: str
    must_confirm: bool
    has_unplaced_gold: bool
    has_unlimited_gold: bool
    is_unqualified: bool
    worker_filter: str
    caps: Caps
    most: int = MAX_SET

    @property
    def pay_terms(self) -> PayTerms:
        return PayTerms(self.pay_by, self.rate, self.hourly_floor, self.paid_seconds, self.paid_objects)

    @property
    def size(self) -> int:
        """How many images a hand of this worker has."""
        seconds = pace(expected=self.seconds_per_answer, answers=self.measured_answers, seconds=self.measured_seconds)
        size = set_size(images=self.hand_size, minutes=self.set_minutes, seconds_per_answer=seconds)
        return min(size, self.most)

    @property
    def first_images(self) -> int:
        """How many of the images that a newcomer is checked most on are still to come."""
        return max(0, FIRST_IMAGES - self.images_had)

    @property
    def gold_share(self) -> float:
        """The share of gold in what comes after the first images."""
        seen = self.gold_correct + self.gold_incorrect
        watched = self.stage == Stage.WATCHED
        return gold_share(seen=seen, correct=self.gold_correct, gold_rate=self.gold_rate, watched=watched)

    @property
    def may_be_out_of_gold(self) -> bool:
        """Whether the claim may have to be refused because no gold is left that can be placed."""
        return bool(self.gold_rate) and self.gold_when_out == "stop" and not self.has_unlimited_gold

    @property
    def gold_anywhere(self) -> bool:
        """Whether new gold may stand in front of tasks that others have had: for a worker about whom too little is
        known, or if there is only gold that has no place."""
        is_in_doubt = self.first_images > 0 or self.gold_share > IN_DOUBT * self.gold_rate
        return is_in_doubt or not self.has_unplaced_gold


def load_claim_policy(*, project_id: int, worker_id: int) -> ClaimPolicy | None:
    """Needs the lock of `insert_hand`. Return the claim policy, or None if the worker was never admitted."""
    rows = run_prepared(SELECT_POLICY, {"project": project_id, "worker": worker_id})
    if not rows:
        return None
    (row,), used = rows, len(Caps._fields)
    return ClaimPolicy(*(project_id, *row[:-used], Caps(*row[-used:])))
