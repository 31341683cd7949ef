"""Errors of repairs, as people read them."""

from kernel.errors import Conflict, Refused, TransitionRefused


class RepairRefused(Refused):
    """Choose a time in the past since which the worker's answers are void, or leave it out to void all of them."""

    code = "repair_refused"


class ReasonNeeded(Refused):
    """Enter a reason of 1 to 500 characters. Your team will see it."""

    code = "repair_reason_needed"


class RepairInProgress(Conflict):
    """Answers of this worker are being voided or restored right now. Wait until that has ended."""

    code = "repair_in_progress"


class NothingToVoid(Conflict):
    """This worker has no answers in that time that are not void already. Choose another time."""

    code = "nothing_to_void"


class VoidAlready(Conflict):
    """Some of these answers are void already, by another repair. Undo that one first, or choose a later time."""

    code = "void_already"


class NotUndoable(TransitionRefused):
    """This repair has been undone already."""

    code = "repair_undone"


class ClassChangeInProgress(Conflict):
    """The classes of this project are being changed right now. Wait until that has ended."""

    code = "class_change_in_progress"


class ClassesOutdated(Conflict):
    """The classes were changed since you looked at them. Look at them again, then decide."""

    code = "classes_outdated"


class LaterClassChange(TransitionRefused):
    """A later change of the classes is in force. Undo that one first."""

    code = "later_class_change"


class ClassChangeUndone(TransitionRefused):
    """This change of the classes has been undone already."""

    code = "class_change_undone"
