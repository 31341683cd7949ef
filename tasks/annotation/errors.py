"""Errors of submitting an answer."""

from kernel.errors import Gone, Refused


class AnswerRefused(Refused):
    """This answer does not match the project's label schema. Correct it and send it again."""

    code = "answer_refused"


class AnswersFinal(Gone):
    """This set is finished and its answers are final. Take a new set."""

    code = "answers_final"


class ImageGivenBack(Gone):
    """You returned this image, so you can no longer answer it. Continue with the next one."""

    code = "image_given_back"
