"""Reasons for which a verdict is refused."""

from kernel.errors import Conflict, Refused, TransitionRefused


class LabelChanged(Conflict):
    """This label has changed since you opened it. Reload it and review the current version."""

    code = "label_changed"


class AlreadyReviewed(Conflict):
    """Another reviewer has already decided on this label. Reload the queue, or confirm that you want to override it."""

    code = "already_reviewed"


class NotAnswered(TransitionRefused):
    """This image does not have all its answers yet. Review it once they are in."""

    code = "not_answered"


class ReasonMissing(Refused):
    """Explain in a sentence what is wrong with the label, so the next answers are better."""

    code = "reason_missing"


class FixRefused(Refused):
    """This label is not valid for the project."""

    code = "fix_refused"


class BatchUnanswered(TransitionRefused):
    """This batch has images without an agreed label. Wait for their answers."""

    code = "batch_unanswered"


class IsGold(Conflict):
    """This is a check image with the owner's answer. Retire the check image first."""

    code = "is_check_image"


class ImageLeftOut(TransitionRefused):
    """A manager has left this image out, so it needs no label. Offer it again to have it labeled."""

    code = "image_left_out"
