"""Errors of submitting an answer."""

from kernel.errors import Gone, Refused


class AnswerRefused(Refused):
    """This answer does not match the project's label schema; correct it and send it again."""

    code = "answer_refused"


class AnswersFinal(Gone):
    """This set is finished and its answers are final; take a new set."""

    code = "answers_final"


class ImageGivenBack(Gone):
    """You gave this image back, so it can no longer be answered; continue with the next one."""

    code = "image_given_back"
