"""Sends people the mail with their link to join a project."""

from dataclasses import dataclass
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

import structlog
from django.core.mail import send_mail
from django.urls import reverse

from accounts.models import Invitation
from accounts.personal_invitations import personal_token, record_mailed, to_mail
from kernel.errors import Unavailable
from kernel.job_kinds import JobKind
from projects.models import Project

logger = structlog.get_logger(__name__)

#: How many a job sends before it queues the rest again.
AT_ONCE = 200
#: An address that no server takes, or that cannot be written in a mail: it must not keep the others from theirs.
REFUSED = (SMTPRecipientsRefused, SMTPDataError, UnicodeError, ValueError)
DOWN = (SMTPException, OSError)


@dataclass(frozen=True, slots=True)
class InvitationMail:
    """The site's address, without a slash at its end; of a job's project all open invitations are sent."""

    base_url: str


SEND_INVITATIONS = JobKind("invitations.mail", InvitationMail)


def join_url(invitation: Invitation, *, base_url: str) -> str:
    return base_url + reverse("workers_ui:join", args=[personal_token(invitation)])


def mail_invitations(*, project: Project, base_url: str) -> bool:
    """Send each open invitation that has not been sent, at most AT_ONCE; return whether there are more.

    An address that the mail server refuses is passed over: the manager has the link, too. A mail can go out twice if
    the process dies between sending it and writing that down, and is never left out. Raises Unavailable if the mail
    server is.
    """
    rows = list(to_mail(project_id=project.pk)[: AT_ONCE + 1])
    for row in rows[:AT_ONCE]:
        try:
            _send(row, project, base_url)
        except REFUSED:
            logger.warning("invitation not mailed: the address is refused", invitation=row.pk)
        except DOWN as error:
            raise Unavailable("The mail server did not take the mail. It is sent again later.") from error
        record_mailed(invitation=row)
    return len(rows) > AT_ONCE


def _send(invitation: Invitation, project: Project, base_url: str) -> None:
    organisation = " ".join(project.organisation.name.split())
    name = " ".join(project.name.split())
    send_mail(
        f"{organisation} invites you to label images",
        f"{organisation} invites you to work in the project “{name}”.\n\n"
        f"What it is about, and what it pays, is here:\n{join_url(invitation, base_url=base_url)}\n\n"
        f"The link is yours alone and is valid until {invitation.expires_at:%B %d, %Y}."
        " If you do not want to join, you need not do anything.\n",
        None,
        [invitation.email],
    )
