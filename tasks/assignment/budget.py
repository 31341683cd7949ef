"""What a project has committed itself to pay, and how many more images its budget covers.

Committed are live leases at their pinned prices, which are the most that an answer can pay, submitted answers, and
corrections, top-ups and bonuses. Claims share an advisory lock, the
project's money, and read the sum of the commitments under it. At most as many claims are in flight as the server has
connections, each for one set at most, and none of them is in the sum yet. So as long as that much money is left beyond
the sum, no claim has to wait for another; with less, a claim takes the lock alone, and the sum is exact. Whatever
changes a price or a budget takes the lock alone, too: docs/decisions/0029-budgets-and-finished-images.md.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction

from kernel.locks import lock_money
from kernel.statements import run_prepared
from projects.models import Project
from tasks.assignment.claim_policy import MAX_SET

#: Rows of a project above which they are summed up into one.
FOLD_ABOVE = 500
FOLD_AT_ONCE = 5_000

SELECT_COMMITTED = """
SELECT coalesce(sum(amount), 0), count(*), current_setting('max_connections')::int
FROM tasks_commitment WHERE project_id = %(project)s
"""

# Readers see either all of the rows or their sum. Rows that another fold holds are left to it.
FOLD = """
WITH held AS MATERIALIZED (
    SELECT id FROM tasks_commitment WHERE project_id = %(project)s LIMIT %(count)s FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM tasks_commitment c USING held WHERE c.id = held.id RETURNING c.amount
)
INSERT INTO tasks_commitment (project_id, amount)
SELECT %(project)s, sum(amount) FROM gone HAVING count(*) > 0
"""

LONG = f"SELECT project_id FROM tasks_commitment GROUP BY project_id HAVING count(*) > {FOLD_ABOVE}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Money:
    """What is left of a project's budget, in its currency; negative if late answers were paid beyond it.

    is_exact: no claim is in flight that it does not include.
    """

    left: Decimal
    price: Decimal
    connections: int
    is_exact: bool

    @property
    def is_enough(self) -> bool:
        """Whether it covers a set, whatever the claims in flight take."""
        return self.is_exact or self.left >= self.connections * MAX_SET * self.price

    @property
    def images(self) -> int:
        """How many images it covers, at the present price."""
        return max(int(self.left // self.price), 0)


def read_money(*, project_id: int, budget: Decimal, price: Decimal, is_exact: bool) -> Money:
    """Needs the project's money, alone if `is_exact`. `price` is the most that an answer pays, above 0."""
    (committed, rows, connections), *_ = run_prepared(SELECT_COMMITTED, {"project": project_id})
    if rows > FOLD_ABOVE:
        _fold(project_id)
    return Money(budget - committed, price, connections, is_exact)


def committed(*, project: Project) -> Decimal:
    """Return what the project has paid and owes, and what it will owe if all live leases are answered."""
    rows = run_prepared(SELECT_COMMITTED, {"project": project.pk})
    amount: Decimal = rows[0][0]
    return amount


@transaction.atomic
def committed_exactly(*, project: Project) -> Decimal:
    """Waits for the project's claims, and keeps others waiting until the transaction ends. Return what is committed."""
    lock_money(project_id=project.pk)
    return committed(project=project)


def fold_commitments() -> int:
    """Sum up the rows of projects that have many; returns the number of these projects."""
    with connection.cursor() as cursor:
        cursor.execute(LONG)
        projects = [row[0] for row in cursor.fetchall()]
    for project_id in projects:
        _fold(project_id)
    return len(projects)


def _fold(project_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FOLD, {"project": project_id, "count": FOLD_AT_ONCE})
