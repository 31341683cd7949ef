"""A project's budget against what is committed and what is still wanted. Money is in the project's currency."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from projects.models import PayBy, Project
from tasks.assignment.budget import committed
from tasks.batching.selectors import count_open_slots

_MICRO = Decimal("0.000001")
#: The answers that the number of objects is expected from, and how many are too few.
NEWEST_ANSWERS, LEAST_ANSWERS = 200, 10

# Of settled sets: what an answer in progress has drawn is not all of it.
MEAN_OBJECTS = """
SELECT count(*), avg(least(jsonb_array_length(n.body->'objects'), %(most)s))::float8
FROM (
    SELECT a.id, a.hand_id FROM tasks_assignment a
    WHERE a.project_id = %(project)s AND a.submitted_at IS NOT NULL ORDER BY a.submitted_at DESC LIMIT %(newest)s
) newest
JOIN tasks_hand h ON h.id = newest.hand_id AND h.state = 'settled'
JOIN tasks_annotation n ON n.assignment_id = newest.id AND n.is_current
"""


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """budget: None without a limit. committed: paid, owed, and what live sets will earn. wanted: what the answers that
    are still wanted and not in a set would cost at the present price, with the expected share of check images.
    """

    budget: Decimal | None
    committed: Decimal
    wanted: Decimal

    @property
    def forecast(self) -> Decimal:
        """What the project will have cost once all wanted answers are in."""
        return self.committed + self.wanted

    @property
    def left(self) -> Decimal | None:
        return None if self.budget is None else self.budget - self.committed

    @property
    def missing(self) -> Decimal:
        """By how much the forecast exceeds the budget; 0 if it does not."""
        return Decimal(0) if self.budget is None else max(self.forecast - self.budget, Decimal(0))


def budget_figures(*, project: Project, more_answers: int = 0) -> BudgetFigures:
    """Return the figures, as if `more_answers` more were wanted than now (fewer if negative)."""
    wanted = (count_open_slots(project=project) + more_answers) * answer_cost(project)
    return BudgetFigures(project.budget, committed(project=project), wanted.quantize(_MICRO))


def is_short_of_money(*, project: Project) -> bool:
    """Whether the budget covers no further image."""
    most = project.pay_terms.most_per_answer
    return project.budget is not None and project.budget - committed(project=project) < most


def answer_cost(project: Project) -> Decimal:
    """Return what one more answer is expected to cost: the check images that are mixed in are paid like work.

    By the object, it follows how many objects the newest answers were paid for; before there are a few, it is the most
    that an answer can pay.
    """
    terms = project.pay_terms
    objects = mean_objects(project_id=project.pk, most=terms.paid_objects) if terms.pay_by == PayBy.OBJECT else None
    one = terms.expected_per_answer(project.seconds_per_answer, objects=objects)
    return one / (1 - Decimal(str(project.gold_rate)))


def mean_objects(*, project_id: int, most: int) -> float | None:
    """Return how many objects of the newest answers are paid on average if `most` of one answer are; check images
    included. None with too few answers."""
    with connection.cursor() as cursor:
        cursor.execute(MEAN_OBJECTS, {"project": project_id, "newest": NEWEST_ANSWERS, "most": most})
        row = cursor.fetchone()
    assert row is not None
    return row[1] if row[0] >= LEAST_ANSWERS else None


def answers_affordable(*, project: Project, more_answers: int = 0) -> int | None:
    """Return how many answers the budget covers beyond those already wanted; None without a limit.

    `more_answers` as in `budget_figures`.
    """
    if project.budget is None or not answer_cost(project):
        return None
    figures = budget_figures(project=project, more_answers=more_answers)
    return max(int((project.budget - figures.forecast) // answer_cost(project)), 0)
