"""Why a person may not work in a project."""

from kernel.errors import Forbidden


class WorkerRemoved(Forbidden):
    """You can no longer work in this project. Your answers are kept and paid. Is this a mistake? Ask your manager."""

    code = "worker_removed"


class StaffCannotWork(Forbidden):
    """Your role shows you this project's check images, so you cannot label in it. Ask someone else to label it."""

    code = "staff_cannot_work"
