"""People, organisations, invitations and keys: what changes them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import Actor, ApiToken, Invitation, Membership, Organisation, Role, User
from accounts.selectors import is_above
from kernel.clock import ClockTimestamp, utc_now
from kernel.errors import Conflict, Gone, NotFound, Refused
from kernel.ids import new_secret

TOKEN_PREFIX = "ann_"  # noqa: S105
INVITATION_DAYS = 30
LONGEST_INVITATION = timedelta(days=366)
LONGEST_TOKEN = timedelta(days=366)
TOKEN_LASTS = timedelta(days=90)


class EmailTaken(Conflict):
    """There is an account with this e-mail address already; sign in instead."""

    code = "email_taken"


class InvitationGone(Gone):
    """This invitation is over; ask the person who sent it for a new link."""

    code = "invitation_gone"


class InvitationUnknown(NotFound):
    """This invitation link is not complete or not ours; open it again from the message you received."""

    code = "invitation_unknown"


class InvitationRefused(Refused):
    """This invitation cannot be made as asked."""

    code = "invitation_refused"


class TokenRefused(Refused):
    """This key cannot be made as asked."""

    code = "token_refused"


class LastOwner(Conflict):
    """You are the only owner of an organisation that others belong to; invite another owner first."""

    code = "last_owner"


def secret_hash(secret: str) -> str:
    """Secrets of 192 random bits need no slow hash: there is nothing to guess from."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def create_user(*, email: str, password: str, name: str = "") -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email=email, password=password, name=name)
    except IntegrityError as error:
        raise EmailTaken from error


def rename_person(*, user: User, name: str) -> None:
    User.objects.filter(pk=user.pk).update(name=name.strip())


@transaction.atomic
def create_organisation(*, name: str, owner: Actor) -> Organisation:
    organisation = Organisation.objects.create(name=name)
    Membership.objects.create(organisation=organisation, actor=owner, role=Role.OWNER)
    return organisation


@transaction.atomic
def create_first_administrator() -> tuple[str, str] | None:
    """The first start's administrator and organisation: (e-mail, password), or None when there is a user already."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('annotary.first_administrator'))")
    if User.objects.exists():
        return None
    email, password = "admin@annotary.local", new_secret()[:16]
    user = User.objects.create_superuser(email=email, password=password, name="Administrator")
    create_organisation(name="My organisation", owner=user.actor)
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
) -> tuple[Invitation, str]:
    """Make an invitation; returns it with the token that the link carries (it is not kept).

    Raises InvitationRefused when it would end at once or never.
    """
    end = expires_at or utc_now() + timedelta(days=INVITATION_DAYS)
    if not utc_now() < end <= utc_now() + LONGEST_INVITATION:
        raise InvitationRefused("An invitation ends between now and a year from now; choose such a date.")
    token = new_secret()
    invitation = Invitation.objects.create(
        organisation=organisation,
        project_id=project_id,
        role=role,
        token_sha256=secret_hash(token),
        max_uses=max_uses,
        expires_at=end,
        created_by=by,
    )
    return invitation, token


def find_invitation(*, token: str) -> Invitation:
    """The open invitation behind a link; raises InvitationUnknown or InvitationGone."""
    invitation = (
        Invitation.objects.select_related("organisation", "project").filter(token_sha256=secret_hash(token)).first()
    )
    if invitation is None:
        raise InvitationUnknown
    if invitation.revoked_at is not None:
        raise InvitationGone("This invitation was taken back; ask the person who sent it for a new link.")
    if invitation.expires_at <= utc_now():
        raise InvitationGone("This invitation has run out; ask the person who sent it for a new link.")
    if invitation.uses >= invitation.max_uses:
        raise InvitationGone("This invitation is used up; ask the person who sent it for a link of your own.")
    return invitation


def use_invitation(*, token: str, actor: Actor) -> Invitation:
    """Locks the invitation; call inside the transaction that also gives the standing in the project.

    Opening a link twice uses it once. A link raises a role to one that covers it and never lowers one.
    """
    invitation = find_invitation(token=token)
    used = Invitation.objects.filter(
        pk=invitation.pk, uses__lt=F("max_uses"), revoked_at__isnull=True, expires_at__gt=ClockTimestamp()
    ).update(uses=F("uses") + 1)
    if not used:
        raise InvitationGone
    membership, created = Membership.objects.get_or_create(
        organisation=invitation.organisation, actor=actor, defaults={"role": invitation.role}
    )
    if created:
        return invitation
    below = [role for role in Role.values if role != invitation.role and is_above(invitation.role, role)]
    raised = Membership.objects.filter(pk=membership.pk, role__in=below).update(role=invitation.role)
    if not raised and invitation.project_id is None:
        Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") - 1)
    return invitation


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
    """Make an API key; returns it with its text, which is shown once and not kept.

    A key that is made with another has none of the scopes that the other lacks, and does not outlive it. Raises
    TokenRefused.
    """
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in ApiToken.Scope.values]
    if not wanted or unknown:
        raise TokenRefused(f"Choose one or more of the scopes {', '.join(ApiToken.Scope.values)}.")
    end = expires_at or utc_now() + TOKEN_LASTS
    if not utc_now() < end <= utc_now() + LONGEST_TOKEN:
        raise TokenRefused("A key ends between now and a year from now; choose such a date.")
    if made_with is not None:
        beyond = [scope for scope in wanted if scope not in made_with.scopes]
        if beyond:
            raise TokenRefused(f"This key lacks the scope “{beyond[0]}” itself; make such a key in the browser.")
        if expires_at is not None and end > made_with.expires_at:
            raise TokenRefused("A key made with another ends with it at the latest; choose an earlier date.")
        end = min(end, made_with.expires_at)
    secret = new_secret(TOKEN_PREFIX)
    token = ApiToken.objects.create(
        actor=actor,
        organisation=organisation,
        name=name.strip() or "API key",
        prefix=secret[:8],
        token_sha256=secret_hash(secret),
        scopes=wanted,
        expires_at=end,
    )
    return token, secret


def revoke_token(*, token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=ClockTimestamp())


@transaction.atomic
def erase_person(*, user: User) -> None:
    """Locks the owners' memberships. Remove all personal data; the pseudonym, its work and its pay stay in the record.

    Raises LastOwner when an organisation would be left to people of whom none owns it.
    """
    _refuse_last_owner(user.actor)
    ApiToken.objects.filter(actor=user.actor, revoked_at__isnull=True).update(revoked_at=ClockTimestamp())
    user.delete()


def _refuse_last_owner(actor: Actor) -> None:
    owned = Organisation.objects.filter(memberships__actor=actor, memberships__role=Role.OWNER)
    owners = Membership.objects.filter(organisation__in=owned, role=Role.OWNER)
    # Of two owners who leave at once, the second looks again when the first is gone.
    list(owners.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))
    others = Membership.objects.filter(actor__user__isnull=False).exclude(actor=actor)
    for organisation in owned:
        there = others.filter(organisation=organisation)
        if there.exists() and not there.filter(role=Role.OWNER).exists():
            raise LastOwner(
                f"You are the only owner of {organisation.name}, and others belong to it; invite another owner in the"
                " settings first."
            )


def actor_for_model(*, organisation: Organisation, label: str) -> Actor:
    """A pseudonym for a model or an import of this organisation."""
    actor = Actor.objects.create(kind=Actor.Kind.MODEL, label=label[:120])
    Membership.objects.create(organisation=organisation, actor=actor, role=Role.WORKER)
    return actor
