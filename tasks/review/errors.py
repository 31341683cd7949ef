"""Reasons for which a verdict is refused."""

from kernel.errors import Conflict, Forbidden, Refused, TransitionRefused


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


class OwnWork(Forbidden):
    """You answered this image yourself, so someone else has to review it. Go on with the next one."""

    code = "own_work"


class RegionRefused(Refused):
    """Mark a part of the image: x, y, w and h in pixels, inside the image."""

    code = "region_refused"


class CheckImageNamed(Refused):
    """The worker reads this, and must not learn which images are check images. Explain it without that."""

    code = "check_image_named"


class StatementRefused(Refused):
    """Say in 1 to 1,000 characters why your answer is right."""

    code = "appeal_statement_refused"


class AppealTooLate(TransitionRefused):
    """The time to appeal against this is over. You can still read why the answer was rejected."""

    code = "appeal_too_late"


class AlreadyAppealed(Conflict):
    """You have appealed against this already, and each answer can be appealed once. Wait for the decision."""

    code = "already_appealed"


class AppealDecided(Conflict):
    """Another reviewer has already decided on this. Reload the list and go on with the next one."""

    code = "appeal_decided"


class NotSecondReviewer(Forbidden):
    """Someone else has to decide: you rejected this answer, or you have answered or judged the image yourself."""

    code = "not_second_reviewer"


class SendingBackOff(Refused):
    """This project sends no images back. Set days to correct in its settings, or reject it for other workers."""

    code = "sending_back_off"


class NobodyToCorrect(Refused):
    """No active worker with a submitted set gave exactly this answer. Reject it for other workers instead."""

    code = "nobody_to_correct"


class NotYourStage(Forbidden):
    """This label waits for a stage of review that other people do. Go on with the next one."""

    code = "not_your_stage"


class ReviewedInOtherStage(Forbidden):
    """You have reviewed this image in another stage, so someone else has to do this one. Go on with the next one."""

    code = "reviewed_in_other_stage"


class StageRefused(Refused):
    """This stage of review is not valid."""

    code = "stage_refused"


class StagesUnfinished(TransitionRefused):
    """Labels of this batch wait for a stage of review. Review them first, or take the stages out in the settings."""

    code = "stages_unfinished"


class StagesReviewEach(TransitionRefused):
    """This project has stages of review, which look at each label as a whole. Review them in the queue."""

    code = "stages_review_each"
