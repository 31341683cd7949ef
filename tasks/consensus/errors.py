"""Errors of consensus, as people read them."""

from kernel.errors import Conflict


class ProposalsChanged(Conflict):
    """The proposed changes are not those that you were shown. Look at the current ones and decide again."""

    code = "proposals_changed"
