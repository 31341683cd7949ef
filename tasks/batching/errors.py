"""Errors of batching, as people read them."""

from kernel.errors import NotFound, Refused


class BatchNotFound(NotFound):
    """This project has no such batch. Choose one from the project's list of batches."""

    code = "batch_unknown"


class TaskNotFound(NotFound):
    """This image is not in this project, or it was removed."""

    code = "task_unknown"


class PriorityRefused(Refused):
    """The priority must be a whole number from -1,000 to 1,000. Batches with a higher one come first."""

    code = "priority_refused"


class DeadlineRefused(Refused):
    """The deadline must be a time in the future, within ten years. Choose a later or an earlier one."""

    code = "deadline_refused"
