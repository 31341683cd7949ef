"""Errors of accounts, as people read them."""

from kernel.errors import Conflict, Forbidden, Gone, NotFound, Refused


class RoleRefused(Refused):
    """A member of the team cannot become a worker, because they have seen check images. Choose another role."""

    code = "role_refused"


class ProfileRefused(Refused):
    """This country or language is not valid. Write a country as two letters and a language as two or three."""

    code = "profile_refused"


class NoticeMailRefused(Refused):
    """Choose once, daily or never for each kind of notice, and only kinds that there are."""

    code = "notice_mail_refused"


class NameRefused(Refused):
    """An organization needs a name of 1 to 120 characters, without control characters. Enter another one."""

    code = "name_refused"


class LiveSetsRefused(Refused):
    """The sets in progress per worker must be a whole number from 0 to 1,000. 0 is no limit."""

    code = "live_sets_refused"


class ServiceAccountExists(Conflict):
    """This organization already has a service account of this name, and its key is not shown again."""


class EmailTaken(Conflict):
    """There is already an account with this email address. Sign in instead."""

    code = "email_taken"


class InvitationGone(Gone):
    """This invitation is no longer valid. Ask the person who sent it for a new link."""

    code = "invitation_gone"


class InvitationUnknown(NotFound):
    """This invitation link is incomplete or not from this site. Open it again from the message you received."""

    code = "invitation_unknown"


class InvitationRefused(Refused):
    """This invitation cannot be created."""

    code = "invitation_refused"


class TokenRefused(Refused):
    """This API key cannot be created."""

    code = "token_refused"


class PasswordRefused(Refused):
    """This password is too weak. Choose a longer one."""

    code = "password_refused"


class LastOwner(Conflict):
    """You are the only owner of an organization that has other members. Invite another owner first."""

    code = "last_owner"


class Blocked(Forbidden):
    """You can no longer work for this organization. Is this a mistake? Ask the person who sent you the link."""

    code = "blocked"


class BlockRefused(Refused):
    """Only workers can be blocked. Remove a member of the team on the settings page instead."""

    code = "block_refused"


class TeamRefused(Refused):
    """This team cannot be saved. Its name needs 1 to 80 characters, and no other team may have it."""

    code = "team_refused"


class TeamMemberRefused(Refused):
    """Only workers of the organization can be in a team. Invite this person to a project first."""

    code = "team_member_refused"


class TeamInUse(Conflict):
    """Batches are kept for this team. Open them to everybody, or keep them for another team, first."""

    code = "team_in_use"


class MustApply(Conflict):
    """With this link you apply, and a manager decides. Open it in the browser, or send it to invitations/apply/."""

    code = "must_apply"
