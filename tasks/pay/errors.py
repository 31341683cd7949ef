"""Errors of payouts, bonuses and early approvals."""

from kernel.errors import Conflict, Refused


class NothingToPay(Conflict):
    """Nothing that was approved until then is still to be paid. Choose a later date, or wait for more approvals."""

    code = "nothing_to_pay"


class PayoutRefused(Refused):
    """A payout run pays what was approved until a time that has passed. Leave it out to pay until now."""

    code = "payout_refused"


class BonusRefused(Refused):
    """A bonus is an amount from 0.01 to 1,000 with two decimals at most, sent as text such as "5.00", with a reason."""

    code = "bonus_refused"


class BonusBeyondBudget(Conflict):
    """The project's budget does not cover this bonus. Raise the budget, or enter a smaller amount."""

    code = "bonus_beyond_budget"


class BonusGiven(Conflict):
    """Another bonus was given with this key. Reload the page, and enter the bonus again."""

    code = "bonus_given"


class NothingToApprove(Conflict):
    """No pay waits for its approval there any more: it was approved by its date, or by somebody. Reload the page."""

    code = "nothing_to_approve"


class ApprovalRefused(Refused):
    """Pay is approved early of one worker or one batch, up to a time that has passed. Name exactly one of the two."""

    code = "approval_refused"
