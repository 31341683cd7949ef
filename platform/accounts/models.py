"""Actors (people, models, imports), the organizations they belong to, and their API keys.

`Actor` is the pseudonym that append-only rows reference. A person's data (address, name, password) is in one `User`
row, which can be erased while the pseudonym and the record of the work remain.
"""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from accounts.identity_cache import forget_person
from kernel.ids import new_public_id

ONE_EMAIL = "accounts_user_email_once_whatever_case"
ONE_TRACE = "accounts_trace_once_per_actor"
ONE_MEMBERSHIP = "accounts_membership_one_per_actor_and_organisation"
ONE_BLOCK = "accounts_block_one_per_organisation_and_actor"
ONE_OPEN_PERSONAL = "accounts_invitation_one_open_per_project_and_address"
ONE_TEAM_NAME = "accounts_team_one_name_per_organisation"
ONE_TEAM_MEMBER = "accounts_teammember_one_per_worker_and_team"
ONE_TEAM_LEAD = "accounts_teammember_one_lead_per_team"
INVITATION_USES = "accounts_invitation_not_used_more_than_allowed"


class Actor(models.Model):
    """A pseudonym for anyone who answers, reviews or is paid."""

    class Kind(models.TextChoices):
        PERSON = "person"
        MODEL = "model"
        IMPORT = "import"
        SYSTEM = "system"
        SERVICE = "service"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    label = models.CharField(max_length=120, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.label or f"{self.kind} {str(self.public_id)[:8]}"


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> models.QuerySet["User"]:
        """Join the actor, which nearly every request needs."""
        return super().get_queryset().select_related("actor")

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user = self.new_user(email, password, **extra)
        user.save(using=self._db)
        return user

    def new_user(self, email: str, password: str | None, **extra: Any) -> "User":
        """Return a user who is not saved yet, with an actor who is."""
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=self.normalize_email(email), **extra)
        user.set_password(password)
        if user.actor_id is None:
            user.actor = Actor.objects.create(kind=Actor.Kind.PERSON)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """All personal data of a person, in one row that can be erased."""

    actor = models.OneToOneField(Actor, on_delete=models.PROTECT, related_name="user")
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120, blank=True, default="")
    time_zone = models.CharField(max_length=60, blank=True, default="")
    # As the person says: ISO 3166-1 and ISO 639 codes. Projects can ask for them; empty if they have not said.
    country = models.CharField(max_length=2, blank=True, default="", db_default="")
    languages = ArrayField(models.CharField(max_length=3), null=True)
    # The kind of device that they last worked on: see `accounts.traces`.
    device = models.CharField(max_length=10, blank=True, default="", db_default="")
    # {kind of notice: "once", "daily" or "never"}: by which they get mails; those that are missing are daily.
    notice_mail = models.JSONField(null=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    # Raised to end all sessions of the person: part of the hash that every session carries.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name=ONE_EMAIL)]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        # allauth creates users through the model, not through the manager, and every user needs an actor.
        if self.actor_id is None:
            self.actor = Actor.objects.create(kind=Actor.Kind.PERSON)
        super().save(*args, **kwargs)
        forget_person(self.actor_id)  # its password may have changed

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's hash of the password, and with the first epoch nothing more: sessions survive the upgrade."""
        of_password: str = super()._get_session_auth_hash(secret=secret)  # type: ignore[misc]  # the stubs lack it
        if not self.session_epoch:
            return of_password
        value = f"{self.session_epoch}:{of_password}"
        return salted_hmac("accounts.User.session_epoch", value, secret=secret, algorithm="sha256").hexdigest()


class Organisation(models.Model):
    """A tenant."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=120)
    # How many sets a worker may have in progress at once over all its projects; 0 for no limit.
    live_sets = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    MANAGER = "manager"
    REVIEWER = "reviewer"
    CLIENT = "client"
    WORKER = "worker"


class Membership(models.Model):
    """An actor's role in an organization. Each has one role; higher roles cover lower ones as in `selectors.COVERS`."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "actor"], name=ONE_MEMBERSHIP)]


class Block(models.Model):
    """A person who may not become a worker of an organization, until the block is lifted. Never deleted: a record."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="blocks")
    reason = models.CharField(max_length=300)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    lifted_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "actor"], condition=Q(lifted_at__isnull=True), name=ONE_BLOCK
            )
        ]
        indexes = [models.Index(fields=["organisation", "id"], name="accounts_block_by_organisation")]


class Invitation(models.Model):
    """A link that makes the person who accepts it a member, and with a project also a worker of that project.

    States: open -> used up | expired | revoked. Only the token's hash is stored. One with an address is for one person
    and is sent by mail: see `accounts.personal_invitations`.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="invitations")
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, null=True, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.WORKER)
    token_sha256 = models.CharField(max_length=64, unique=True)
    max_uses = models.PositiveIntegerField(default=1000)
    uses = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    # Whoever opens it applies, and a manager decides: see `tasks.flow.applications`.
    needs_approval = models.BooleanField(default=False, db_default=False)
    # For one person: the address, in lower case, what they get when they join, when mail went out, and who joined.
    email = models.EmailField(max_length=254, blank=True, default="", db_default="")
    grants = models.JSONField(null=True)
    mailed_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=models.F("max_uses")), name=INVITATION_USES),
            models.UniqueConstraint(
                fields=["project", "email"],
                condition=Q(uses=0, revoked_at__isnull=True) & ~Q(email=""),
                name=ONE_OPEN_PERSONAL,
            ),
        ]


class ApiToken(models.Model):
    """A key for API clients: shown once, stored as a hash, limited to scopes and an organization."""

    class Scope(models.TextChoices):
        READ = "read"
        WORK = "work"
        MANAGE = "manage"
        REVIEW = "review"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="tokens")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    token_sha256 = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)


class Trace(models.Model):
    """A network or a device from which a person works, as a keyed hash: see `accounts.traces`."""

    class Kind(models.TextChoices):
        DEVICE = "device"
        NETWORK = "network"

    # `db_index=False`: the constraint has an index that starts with the column.
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "kind", "digest"], name=ONE_TRACE)]


class Team(models.Model):
    """Workers of an organization who work together, or for one customer. Batches can be kept for them. An archived one
    has no members, and its name is free again."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="teams", db_index=False)
    name = models.CharField(max_length=80)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name"], condition=Q(archived_at__isnull=True), name=ONE_TEAM_NAME
            )
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """A worker in a team. The lead sees how far its members are."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    # `db_index=False`: the constraint has an index that starts with the column, which claims read.
    worker = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="+", db_index=False)
    is_lead = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["worker", "team"], name=ONE_TEAM_MEMBER),
            models.UniqueConstraint(fields=["team"], condition=Q(is_lead=True), name=ONE_TEAM_LEAD),
        ]
