"""Errors of claiming a hand and of acting on its assignments."""

from kernel.errors import Conflict, Forbidden, TransitionRefused


class WorkerNotAdmitted(Forbidden):
    """You are not in this project. Open the invitation link you received."""

    code = "worker_not_admitted"


class WorkerPaused(Forbidden):
    """You are paused in this project. Ask your project manager to let you continue."""

    code = "worker_paused"


class ProjectNotOpen(Conflict):
    """This project is not open for work right now. Check back later."""

    code = "project_not_open"


class NoMoneyLeft(Conflict):
    """This project has no money left for more images right now. Check back later."""

    code = "no_money_left"


class AnsweredAlready(TransitionRefused):
    """You have already answered this image. Change your answer instead."""

    code = "answered_already"
