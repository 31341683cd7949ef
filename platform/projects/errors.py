"""Errors of projects: what is wrong with a requested project."""

from kernel.errors import Conflict, NotFound, Refused, TransitionRefused


class ProjectRefused(Refused):
    """This project cannot be created."""

    code = "project_refused"


class PolicyRefused(Refused):
    """This policy cannot be set."""

    code = "policy_refused"


class ClassesRefused(Refused):
    """These classes cannot be used."""

    code = "classes_refused"


class InstructionsRefused(Refused):
    """These instructions cannot be saved."""

    code = "instructions_refused"


class ProjectNotReady(TransitionRefused):
    """The project cannot be opened yet."""

    code = "project_not_ready"


class ProjectClosed(TransitionRefused):
    """This project is closed. Images, labels and predictions can no longer be added to it."""

    code = "project_closed"


class ProjectArchived(Conflict):
    """This project is archived, so nothing in it can be changed. Reopen it first."""

    code = "project_archived"


class DeletionNotConfirmed(Refused):
    """The name does not match the project's. Type it exactly as it is shown, because a deletion cannot be undone."""

    code = "deletion_not_confirmed"


class ProjectUnknown(NotFound):
    """There is no such project, or you do not have access to it."""

    code = "project_unknown"
