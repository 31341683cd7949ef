"""Errors of claiming a hand and of acting on its assignments."""

from kernel.errors import Conflict, Forbidden, Gone, TransitionRefused


class WorkerNotAdmitted(Forbidden):
    """You are not in this project. Open the invitation link you received."""

    code = "worker_not_admitted"


class WorkerPaused(Forbidden):
    """You are paused in this project. Ask your project manager to let you continue."""

    code = "worker_paused"


class ProjectNotOpen(Conflict):
    """This project is not open for work right now. Check back later."""

    code = "project_not_open"


class LiveSetsReached(Conflict):
    """You have sets that are not finished. Finish or give back one of them first."""

    code = "live_sets_reached"


class ImagesTodayUsed(Conflict):
    """You have had today's images in this project. More tomorrow at 00:00 UTC."""

    status = 429
    code = "images_today_used"


class ShareReached(Conflict):
    """You have had as many images of this project as one person may label. Choose another project."""

    code = "share_reached"


class NoMoneyLeft(Conflict):
    """This project has no money left for more images right now. Check back later."""

    code = "no_money_left"


class InstructionsUnread(Conflict):
    """The instructions changed. Read what changed and confirm it, then take your next set."""

    code = "instructions_unread"


class InstructionsReplaced(Conflict):
    """This is not the newest version of the instructions. Read the newest one, then confirm it."""

    code = "instructions_replaced"


class AnsweredAlready(TransitionRefused):
    """You have already answered this image. Change your answer instead."""

    code = "answered_already"


class SetOver(Gone):
    """The time for this set is over. Submit it and take a new one. Answers that you send now are still paid."""

    code = "set_over"


class TimeLimitReached(Conflict):
    """This set has had all of its extra time. Submit your answers before it ends, then take another set."""

    code = "time_limit_reached"
