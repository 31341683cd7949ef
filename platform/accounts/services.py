"""Services for users, organizations, invitations and API keys."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.errors import (
    Blocked,
    EmailTaken,
    InvitationGone,
    InvitationRefused,
    InvitationUnknown,
    LastOwner,
    MustApply,
    PasswordRefused,
    TokenRefused,
)
from accounts.identity_cache import forget_person
from accounts.models import (
    Actor,
    ApiToken,
    Block,
    Invitation,
    Membership,
    Organisation,
    Role,
    TeamMember,
    Trace,
    User,
)
from accounts.selectors import COVERS, is_above, role_in
from kernel.clock import ClockTimestamp, database_now
from kernel.ids import new_secret
from kernel.locks import lock_named
from kernel.statements import insert_unless_exists

TOKEN_PREFIX = "ann_"  # noqa: S105
INVITATION_DAYS = 30
LONGEST_INVITATION = timedelta(days=366)
LONGEST_TOKEN = timedelta(days=366)
TOKEN_LIFETIME = timedelta(days=90)
_BY_OWNERS = frozenset({Role.OWNER, Role.MANAGER})


def secret_hash(secret: str) -> str:
    """Return the SHA-256 of a secret. Secrets of 192 random bits cannot be guessed, so they need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@transaction.atomic
def create_user(*, email: str, password: str, name: str = "") -> User:
    user = User.objects.new_user(email, password, name=name)
    if not insert_unless_exists(user):
        raise EmailTaken
    return user


def rename_person(*, user: User, name: str) -> None:
    User.objects.filter(pk=user.pk).update(name=name.strip())


@transaction.atomic
def create_organisation(*, name: str, owner: Actor) -> Organisation:
    organisation = Organisation.objects.create(name=name)
    Membership.objects.create(organisation=organisation, actor=owner, role=Role.OWNER)
    return organisation


@transaction.atomic
def create_first_administrator() -> tuple[str, str] | None:
    """Create the first administrator and organization; return (email, password), or None if any user exists."""
    lock_named("annotary.first_administrator")
    if User.objects.exists():
        return None
    email, password = "admin@annotary.local", new_secret()[:16]
    user = User.objects.create_superuser(email=email, password=password, name="Administrator")
    create_organisation(name="My organization", owner=user.actor)
    return email, password


@transaction.atomic
def invite(
    *,
    organisation: Organisation,
    by: Actor,
    role: str = Role.WORKER,
    project_id: int | None = None,
    max_uses: int = 1000,
    expires_at: datetime | None = None,
    needs_approval: bool = False,
) -> tuple[Invitation, str]:
    """Create an invitation; return it with the token for its link, which is not stored.

    With `needs_approval`, which is for workers of a project, people apply by it and a manager decides.
    Raises InvitationRefused if the expiry date is in the past or more than a year ahead.
    """
    now = database_now()
    end = expires_at or now + timedelta(days=INVITATION_DAYS)
    if not now < end <= now + LONGEST_INVITATION:
        raise InvitationRefused("An invitation must expire within a year from now. Choose another date.")
    token = new_secret()
    invitation = Invitation.objects.create(
        organisation=organisation,
        project_id=project_id,
        role=role,
        token_sha256=secret_hash(token),
        max_uses=max_uses,
        expires_at=end,
        created_by=by,
        needs_approval=needs_approval and project_id is not None,
    )
    return invitation, token


def invitation_with(*, token: str) -> Invitation:
    """Return the invitation with this token, open or not. Raises InvitationUnknown."""
    rows = Invitation.objects.select_related("organisation", "project")
    invitation = rows.filter(token_sha256=secret_hash(token)).first()
    if invitation is None:
        raise InvitationUnknown
    return invitation


def find_invitation(*, token: str) -> Invitation:
    """Return the open invitation with this token. Raises InvitationUnknown or InvitationGone.

    A link to the team is open as long as its sender may invite for its role.
    """
    invitation = invitation_with(token=token)
    if invitation.revoked_at is not None:
        raise InvitationGone("This invitation was revoked. Ask the person who sent it for a new link.")
    project = invitation.project
    if project is not None and (project.archived_at is not None or project.deleted_at is not None):
        raise InvitationGone("The project of this invitation has ended. Ask the person who sent it about other work.")
    if invitation.role != Role.WORKER and not _may_still_invite(invitation):
        raise InvitationGone("The person who sent this invitation can no longer invite. Ask someone else of the team.")
    if invitation.expires_at <= database_now():
        raise InvitationGone("This invitation has expired. Ask the person who sent it for a new link.")
    if invitation.uses >= invitation.max_uses:
        raise InvitationGone("This invitation has reached its limit. Ask the person who sent it for a new link.")
    return invitation


def _may_still_invite(invitation: Invitation) -> bool:
    """Whether the sender's role still allows it: nobody comes back by links that they made before they were removed."""
    sender, needed = invitation.created_by, Role.OWNER if invitation.role in _BY_OWNERS else Role.MANAGER
    role = role_in(actor=sender, organisation_id=invitation.organisation_id)
    return needed in COVERS.get(role or "", ()) and User.objects.filter(actor=sender, is_active=True).exists()


def use_invitation(*, token: str, actor: Actor) -> Invitation:
    """Locks the invitation; call inside the transaction that also creates the standing in the project.

    Accepting a link twice uses it once. A link can raise a member's role to one that covers it, and never lowers it.
    Raises Blocked for somebody whom the organization has blocked, and MustApply for a link to apply by.
    """
    invitation = find_invitation(token=token)
    if invitation.needs_approval:
        raise MustApply
    count_use(invitation=invitation, actor=actor)
    if insert_unless_exists(Membership(organisation=invitation.organisation, actor=actor, role=invitation.role)):
        return invitation
    membership = Membership.objects.get(organisation=invitation.organisation, actor=actor)
    below = [role for role in Role.values if role != invitation.role and is_above(invitation.role, role)]
    raised = Membership.objects.filter(pk=membership.pk, role__in=below).update(role=invitation.role)
    if not raised and invitation.project_id is None:
        Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") - 1)
    return invitation


def count_use(*, invitation: Invitation, actor: Actor) -> None:
    """Locks the invitation. Count that the actor uses it. Raises InvitationRefused for a program, Blocked, and
    InvitationGone if it is used up by now."""
    if actor.kind == Actor.Kind.SERVICE:
        raise InvitationRefused("A service account cannot accept invitations. Open the link as a person.")
    if Block.objects.filter(organisation=invitation.organisation, actor=actor, lifted_at=None).exists():
        raise Blocked
    used = Invitation.objects.filter(
        pk=invitation.pk, uses__lt=F("max_uses"), revoked_at__isnull=True, expires_at__gt=ClockTimestamp()
    ).update(uses=F("uses") + 1)
    if not used:
        raise InvitationGone
    if invitation.email:
        Invitation.objects.filter(pk=invitation.pk).update(accepted_by=actor)


def revoke_invitation(*, invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=ClockTimestamp())


def create_token(
    *,
    actor: Actor,
    organisation: Organisation,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    made_with: ApiToken | None = None,
) -> tuple[ApiToken, str]:
    """Create an API key; return it with its secret, which is shown once and not stored.

    A key created with another key (`made_with`) cannot have more scopes than that key or outlive it. Raises
    TokenRefused.
    """
    requested = _known_scopes(scopes)
    now = database_now()
    end = expires_at or now + TOKEN_LIFETIME
    if not now < end <= now + LONGEST_TOKEN:
        raise TokenRefused("An API key must expire within a year from now. Choose another date.")
    if made_with is not None:
        _check_powers(made_with, requested, expires_at)
        end = min(end, made_with.expires_at)
    secret = new_secret(TOKEN_PREFIX)
    token = ApiToken.objects.create(
        actor=actor,
        organisation=organisation,
        name=name.strip() or "API key",
        prefix=secret[:8],
        token_sha256=secret_hash(secret),
        scopes=requested,
        expires_at=end,
    )
    return token, secret


def _known_scopes(scopes: Iterable[str]) -> list[str]:
    requested = sorted(set(scopes))
    unknown = [scope for scope in requested if scope not in ApiToken.Scope.values]
    if not requested or unknown:
        raise TokenRefused(f"Choose one or more of the scopes {', '.join(ApiToken.Scope.values)}.")
    return requested


def _check_powers(made_with: ApiToken, scopes: list[str], expires_at: datetime | None) -> None:
    """Raises TokenRefused for a key with more scopes than `made_with`, or one that would outlive it."""
    excess = [scope for scope in scopes if scope not in made_with.scopes]
    if excess:
        raise TokenRefused(
            f"Your API key does not have the scope “{excess[0]}” itself. Create this key in the browser."
        )
    if expires_at is not None and expires_at > made_with.expires_at:
        raise TokenRefused("A key created with another key cannot outlive it. Choose an earlier date.")


def revoke_token(*, token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=ClockTimestamp())
    forget_person(token.actor_id)


def revoke_tokens(*, actor: Actor, organisation: Organisation | None = None) -> None:
    """Revoke all of the actor's API keys, or those for one organization."""
    tokens = ApiToken.objects.filter(actor=actor, revoked_at__isnull=True)
    if organisation is not None:
        tokens = tokens.filter(organisation=organisation)
    tokens.update(revoked_at=ClockTimestamp())
    forget_person(actor.pk)


def end_sessions(*, user: User) -> None:
    """End all sessions of the person, on every device; one that starts from now on is valid."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    forget_person(user.actor_id)


@transaction.atomic
def deactivate(*, user: User) -> None:
    """Close the account: its sessions and API keys end for good, and it cannot be signed in to."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    end_sessions(user=user)
    revoke_tokens(actor=user.actor)


def reactivate(*, user: User) -> None:
    """Open a closed account again; the person signs in as before."""
    User.objects.filter(pk=user.pk).update(is_active=True)


def set_password(*, user: User, password: str) -> None:
    """Give the person another password, which ends all of their sessions. Raises PasswordRefused with what is wrong."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordRefused(" ".join(error.messages)) from error
    user.set_password(password)
    user.save(update_fields=["password"])


@transaction.atomic
def erase_person(*, user: User) -> None:
    """Locks the owners' memberships. Delete all personal data; the pseudonym, its work and its pay stay in the record.

    Raises LastOwner if an organization with other members would be left without an owner.
    """
    refuse_last_owner(user.actor)
    revoke_tokens(actor=user.actor)
    Trace.objects.filter(actor=user.actor).delete()
    TeamMember.objects.filter(worker=user.actor).delete()
    Invitation.objects.filter(Q(accepted_by=user.actor) | Q(email=user.email.lower())).exclude(email="").update(
        email="", revoked_at=Coalesce("revoked_at", ClockTimestamp())
    )
    user.delete()
    forget_person(user.actor_id)


def refuse_last_owner(actor: Actor, organisation: Organisation | None = None) -> None:
    """Locks the owners' memberships. Raise LastOwner for an owner without whom other members would have none."""
    owned = Organisation.objects.filter(memberships__actor=actor, memberships__role=Role.OWNER)
    if organisation is not None:
        owned = owned.filter(pk=organisation.pk)
    owners = Membership.objects.filter(organisation__in=owned, role=Role.OWNER)
    # If two owners leave at the same time, the second waits and then sees that the first is gone.
    list(owners.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))
    others = Membership.objects.filter(actor__user__isnull=False).exclude(actor=actor)
    for row in owned:
        remaining = others.filter(organisation=row)
        # An organization that nobody else belongs to may end with its owner, but not go on without one.
        if (organisation or remaining.exists()) and not remaining.filter(role=Role.OWNER).exists():
            raise LastOwner(
                f"You are the only owner of {row.name}, which has other members. Invite another owner in the"
                " settings first."
            )
