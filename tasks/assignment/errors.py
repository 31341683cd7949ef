"""Why a worker gets no set, or may not do this with an image."""

from kernel.errors import Conflict, Forbidden, TransitionRefused


class WorkerNotAdmitted(Forbidden):
    """You are not a worker of this project; open the invitation link that you were sent."""

    code = "worker_not_admitted"


class WorkerPaused(Forbidden):
    """Your work in this project is paused; ask the project's manager."""

    code = "worker_paused"


class ProjectNotOpen(Conflict):
    """This project takes no work at the moment; come back later."""

    code = "project_not_open"


class AnsweredAlready(TransitionRefused):
    """You have answered this image already; change the answer instead."""

    code = "answered_already"


class HandSettled(TransitionRefused):
    """This set is finished; take a new one."""

    code = "set_finished"
