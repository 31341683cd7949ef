"""The words of notices, and where they lead, on the page and in mails. Pure.

A notice never says which image it is about, or what somebody wrote: a mail can be read by others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """A sentence, and the path of the page with more about it."""

    text: str
    path: str


#: What people choose about on their account page: the kind, its name, and whether it is for teams.
KINDS: Mapping[str, tuple[str, bool]] = {
    "work_opened": ("New work in a project of mine", False),
    "question_answered": ("My question was answered", False),
    "appeal_decided": ("My appeal was decided", False),
    "money_approved": ("Money was approved", False),
    "money_paid": ("Money was paid", False),
    "question_asked": ("A worker asked something", True),
}


def words_of(kind: str, *, project: str, project_id: str, organisation: str, data: Mapping[str, Any]) -> NoticeWords:
    """Return the words of a notice. Projects and organizations are passed by name; without a project, it is empty."""
    amount = f"{shown_amount(Decimal(data.get('amount', 0)))} {data.get('currency', '')}"
    match kind:
        case "work_opened":
            return NoticeWords(f"There is new work in {project}.", f"/work/{project_id}/")
        case "question_answered":
            question = data.get("question", "")
            return NoticeWords(f"Your question in {project} was answered.", f"/work/questions/#q-{question}")
        case "appeal_decided":
            return NoticeWords(f"Your appeal in {project} was decided.", f"/work/{project_id}/rejected/")
        case "money_approved":
            return NoticeWords(f"{organisation} approved {amount} of your pay.", "/work/earnings/")
        case "money_paid":
            return NoticeWords(f"{organisation} paid you {amount}.", "/work/earnings/")
        case "question_asked":
            return NoticeWords(f"Workers ask about images of {project}.", f"/projects/{project_id}/questions/")
    raise ValueError(kind)


def shown_amount(amount: Decimal) -> str:
    """Return an amount with all of its decimals, at least two unless it is whole."""
    exact = amount.normalize()
    decimals = -int(exact.as_tuple().exponent)
    return f"{exact:,.{max(2, decimals)}f}" if decimals > 0 else f"{exact:,.0f}"
