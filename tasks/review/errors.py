"""Why a verdict was not taken."""

from kernel.errors import Conflict, Refused, TransitionRefused


class LabelChanged(Conflict):
    """This label has changed since you opened it; load it again and decide on what it says now."""

    code = "label_changed"


class AlreadyReviewed(Conflict):
    """Somebody has decided on this label already; load the queue again, or say that you mean to decide it anew."""

    code = "already_reviewed"


class NotAnswered(TransitionRefused):
    """This image does not have all its answers yet; review it when they are in."""

    code = "not_answered"


class ReasonMissing(Refused):
    """Say in a sentence what is wrong with the label, so that it is done better the next time."""

    code = "reason_missing"


class FixRefused(Refused):
    """The label cannot be taken as it is drawn."""

    code = "fix_refused"


class BatchUnanswered(TransitionRefused):
    """This batch has images without an agreed label; wait for their answers."""

    code = "batch_unanswered"


class IsCheckImage(Conflict):
    """This is a check image with the owner's own answer; retire it among the check images first."""

    code = "is_check_image"
