"""Reasons for which a question, an answer to one or a rule is refused."""

from kernel.errors import Conflict, Refused


class QuestionTextRefused(Refused):
    """This text is empty or too long. Write one to 1,000 characters."""

    code = "question_text_refused"


class QuestionsTodayUsed(Conflict):
    """You have asked as many questions in this project as one day allows. Ask again tomorrow, or skip the image."""

    status = 429
    code = "questions_today_used"


class ThreadFull(Conflict):
    """This conversation is as long as one may get. Read the instructions, or skip the image."""

    code = "thread_full"


class QuestionMoved(Conflict):
    """Somebody else has written in this conversation. Read what is new, then answer again."""

    code = "question_moved"


class RuleWritten(Conflict):
    """A rule was already made of this question. Change the instructions in the settings of the project instead."""

    code = "rule_written"
