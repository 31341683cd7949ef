"""Why a person may not work in a project."""

from kernel.errors import Conflict, Forbidden, Gone, Refused


class WorkerRemoved(Forbidden):
    """You can no longer work in this project. Your answers are kept and paid. Is this a mistake? Ask your manager."""

    code = "worker_removed"


class StaffCannotWork(Forbidden):
    """Your role shows you this project's check images, so you cannot label in it. Ask someone else to label it."""

    code = "staff_cannot_work"


class ProjectEnded(Gone):
    """This project has ended, so you can no longer work in it. Your answers are paid. Find your pay under Earnings."""

    code = "project_ended"


class ApplicationRefused(Conflict):
    """You cannot apply for this project at present. Choose another project, or try again later."""

    code = "application_refused"


class ApplicationDecided(Conflict):
    """This application has been decided or withdrawn already. Reload the page to see how."""

    code = "application_decided"


class ReasonMissing(Refused):
    """Enter a reason. The person who applied will see it."""

    code = "reason_missing"
