"""Errors of claiming a hand and of acting on its assignments."""

from kernel.errors import Conflict, Forbidden, TransitionRefused


class WorkerNotAdmitted(Forbidden):
    """You are not a worker of this project; open the invitation link that you received."""

    code = "worker_not_admitted"


class WorkerPaused(Forbidden):
    """Your work in this project is paused; ask the project's manager to resume it."""

    code = "worker_paused"


class ProjectNotOpen(Conflict):
    """This project is not open for work right now; come back later."""

    code = "project_not_open"


class AnsweredAlready(TransitionRefused):
    """You have already answered this image; change your answer instead."""

    code = "answered_already"
