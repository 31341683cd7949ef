"""Why an answer is not taken."""

from kernel.errors import Gone, Refused


class AnswerRefused(Refused):
    """This answer does not fit what the project asks for."""

    code = "answer_refused"


class AnswersFinal(Gone):
    """This set is finished, so its answers can no longer be changed."""

    code = "answers_final"


class ImageGivenBack(Gone):
    """This image was given back and takes no answer from you any more; go on with the next one."""

    code = "image_given_back"
