"""A project's budget against what is committed and what is still wanted. Money is in the project's currency."""

from dataclasses import dataclass
from decimal import Decimal

from projects.models import Project
from tasks.assignment.budget import committed
from tasks.batching.selectors import count_open_slots

_MICRO = Decimal("0.000001")


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
    """Return what one more answer is expected to cost: the check images that are mixed in are paid like work."""
    one = project.pay_terms.expected_per_answer(project.seconds_per_answer)
    return one / (1 - Decimal(str(project.gold_rate)))


def answers_affordable(*, project: Project, more_answers: int = 0) -> int | None:
    """Return how many answers the budget covers beyond those already wanted; None without a limit.

    `more_answers` as in `budget_figures`.
    """
    if project.budget is None or not answer_cost(project):
        return None
    figures = budget_figures(project=project, more_answers=more_answers)
    return max(int((project.budget - figures.forecast) // answer_cost(project)), 0)
