"""Errors of qualifications, as people read them."""

from kernel.errors import Conflict, Forbidden, Gone, NotFound, Refused


class QualificationRefused(Refused):
    """This qualification cannot be saved. Correct the values that `detail` names."""

    code = "qualification_refused"


class QualificationNotReady(Conflict):
    """This qualification has too few images. Add the images that are missing, then open it."""

    code = "qualification_not_ready"


class QualificationNotOpen(Conflict):
    """This qualification is not open right now. Check back later."""

    code = "qualification_not_open"


class QualificationNotInProject(NotFound):
    """There is no such qualification. Choose one from the list."""


class QualificationImageTaken(Conflict):
    """This image is a check image or work that somebody has received, or is in a qualification. Choose another one."""

    code = "qualification_image_taken"


class ImageInQualification(Conflict):
    """This image is in a qualification, so it can never be a check image. Choose another one."""

    code = "image_in_qualification"


class QualificationPassed(Conflict):
    """You have passed this exam already. You need not take it again."""

    code = "qualification_passed"


class NoAttemptsLeft(Conflict):
    """You have used all attempts of this exam. Ask your manager if you may try again."""

    code = "no_attempts_left"


class AttemptTooEarly(Conflict):
    """You can take this exam again later. Practice until then."""

    status = 429
    code = "attempt_too_early"


class AttemptUsed(Conflict):
    """That attempt was started before. Read what you have left, then decide if you want another one."""

    code = "attempt_used"


class NoPracticeImages(Conflict):
    """There are no images to practice on yet. Check back later."""

    code = "no_practice_images"


class AttemptOver(Gone):
    """This attempt is over, and its answers are final. See the result."""

    code = "attempt_over"


class AttemptAnswerRefused(Refused):
    """This answer does not match the label schema. Correct it and send it again."""

    code = "answer_refused"


class WorkerFilterRefused(Refused):
    """This filter cannot be read. Correct it at the character that `detail` names."""

    code = "worker_filter_refused"


class SkillRefused(Refused):
    """This skill cannot be set. Its name is lower-case letters, digits and _, and its value a number."""

    code = "skill_refused"


class NotLetIn(Forbidden):
    """This project is for workers with other skills, another country, language or device. Choose another project."""

    code = "not_let_in"


class NotQualified(Forbidden):
    """You have not passed a qualification that this project requires. Take its exam under Work, then come back."""

    code = "not_qualified"
