"""Teams of an organization: their members and lead."""

import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from accounts.errors import TeamMemberRefused, TeamRefused
from accounts.models import Actor, Membership, Organisation, Role, Team, TeamMember, User
from accounts.selectors import pseudonym
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound
from kernel.locks import lock_access, lock_named
from kernel.statements import insert_unless_exists

MAX_NAME, MAX_TEAMS, MAX_MEMBERS = 80, 200, 200


@transaction.atomic
def create_team(*, organisation: Organisation, name: str) -> Team:
    """Locks the organization's teams. Raises TeamRefused."""
    lock_named(f"teams:{organisation.pk}")
    if teams_of(organisation=organisation).count() >= MAX_TEAMS:
        raise TeamRefused(f"An organization has at most {MAX_TEAMS} teams. Archive one that is not needed any more.")
    _require_free(organisation, _read_name(name))
    return Team.objects.create(organisation=organisation, name=_read_name(name))


@transaction.atomic
def rename_team(*, team: Team, name: str) -> Team:
    """Locks the organization's teams. Raises TeamRefused."""
    lock_named(f"teams:{team.organisation_id}")
    if (new := _read_name(name)) != team.name:
        _require_free(team.organisation, new)
        Team.objects.filter(pk=team.pk).update(name=new)
    return Team.objects.select_related("organisation").get(pk=team.pk)


@transaction.atomic
def archive_team(*, team: Team) -> None:
    """Needs the team's lock. It has no members then; `tasks.batching.teams` asks whether batches are kept for it."""
    Team.objects.filter(pk=team.pk, archived_at=None).update(archived_at=ClockTimestamp())
    TeamMember.objects.filter(team=team).delete()


def lock_team(*, team_id: int) -> Team:
    """Locks the team: nobody joins it, archives it, or keeps a batch for it until commit. Raises TeamRefused for one
    that is archived."""
    row = Team.objects.select_for_update(no_key=True, of=("self",)).select_related("organisation").get(pk=team_id)
    if row.archived_at is not None:
        raise TeamRefused("This team is archived. Choose another one.")
    return row


@transaction.atomic
def add_member(*, team: Team, worker: Actor) -> bool:
    """Locks the access, then the team. Put a worker of the organization into the team; return whether they are new.

    Raises TeamMemberRefused, and TeamRefused for a team that is full or archived.
    """
    lock_access(actor_id=worker.pk)
    members = Membership.objects.filter(organisation=team.organisation_id, actor=worker, role=Role.WORKER)
    if not members.exists():
        raise TeamMemberRefused
    lock_team(team_id=team.pk)
    if TeamMember.objects.filter(team=team).count() >= MAX_MEMBERS:
        raise TeamRefused(f"A team has at most {MAX_MEMBERS} members. Create another one.")
    return insert_unless_exists(TeamMember(team=team, worker=worker))


def remove_member(*, team: Team, worker: Actor) -> bool:
    """Take a worker out of the team; return whether they were in it. The sets that they have stay theirs."""
    deleted, _ = TeamMember.objects.filter(team=team, worker=worker).delete()
    return deleted > 0


@transaction.atomic
def set_lead(*, team: Team, worker: Actor | None) -> None:
    """Locks the team. Make a member its lead, or nobody. Raises TeamMemberRefused for somebody who is not in it."""
    lock_team(team_id=team.pk)
    TeamMember.objects.filter(team=team, is_lead=True).update(is_lead=False)
    if worker is not None and not TeamMember.objects.filter(team=team, worker=worker).update(is_lead=True):
        raise TeamMemberRefused("Only a member can lead the team. Add this person first.")


def leave_teams(*, organisation_id: int, worker: Actor) -> None:
    """Needs the lock of the access. Take somebody who is no worker of the organization any more out of its teams."""
    TeamMember.objects.filter(team__organisation_id=organisation_id, worker=worker).delete()


def teams_of(*, organisation: Organisation) -> QuerySet[Team]:
    """Return the organization's teams that are not archived, by name."""
    return Team.objects.filter(organisation=organisation, archived_at=None).order_by("name", "pk")


def teams_with_members(*, organisation: Organisation) -> QuerySet[Team]:
    """Return the `teams_of` with their number of members, `size`."""
    return teams_of(organisation=organisation).select_related("organisation").annotate(size=Count("members"))


def team_for(*, organisation: Organisation, public_id: uuid.UUID | str) -> Team:
    """Return this team of the organization. Raises NotFound."""
    try:
        return (
            teams_of(organisation=organisation).select_related("organisation").get(public_id=uuid.UUID(str(public_id)))
        )
    except (Team.DoesNotExist, ValueError) as error:
        raise NotFound("The organization has no such team. Reload the page.") from error


def members_of_team(*, team: Team) -> QuerySet[TeamMember]:
    """Return the members, the lead first, then in the order in which they joined."""
    return TeamMember.objects.filter(team=team).select_related("worker").order_by("-is_lead", "pk")


def teams_led_by(*, worker: Actor) -> QuerySet[Team]:
    rows = Team.objects.filter(archived_at=None, members__worker=worker, members__is_lead=True)
    return rows.select_related("organisation").order_by("name", "pk")


def team_led_by(*, worker: Actor, public_id: uuid.UUID) -> Team:
    """Return a team that the worker leads. Raises NotFound, also for a team that somebody else leads."""
    team = teams_led_by(worker=worker).filter(public_id=public_id).first()
    if team is None:
        raise NotFound("You do not lead such a team.")
    return team


def names_for_lead(*, workers: Collection[Actor]) -> Mapping[int, str]:
    """Return {row id: name} as a lead reads it: never an address, which `display_names` would fall back to."""
    people = User.objects.filter(actor__in=workers).values_list("actor_id", "name")
    names = {actor_id: name for actor_id, name in people if name}
    return {worker.pk: names.get(worker.pk) or pseudonym(worker.public_id) for worker in workers}


def worker_by_address(*, organisation: Organisation, text: str) -> Actor:
    """Return the worker of the organization with this address or id. Raises TeamMemberRefused."""
    text = text.strip()
    rows = Membership.objects.filter(organisation=organisation, role=Role.WORKER).select_related("actor")
    match = Q(actor__user__email__iexact=text)
    with suppress(ValueError):
        match |= Q(actor__public_id=uuid.UUID(text))
    found = rows.filter(match).first()
    if found is None:
        raise TeamMemberRefused("No worker of the organization has this address or id. Check it, or invite them first.")
    return found.actor


def _read_name(raw: str) -> str:
    name = " ".join(raw.split())
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise TeamRefused
    return name


def _require_free(organisation: Organisation, name: str) -> None:
    if teams_of(organisation=organisation).filter(name=name).exists():
        raise TeamRefused("Another team of the organization has this name. Choose a different one.")
