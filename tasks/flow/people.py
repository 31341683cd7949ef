"""Invites many people to a project from a file, or ends their work in it: what each line would do, and doing it.

A line with a problem stops the whole file, unless the caller says that such lines are left out. The same file a second
time changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto

from django.db import transaction
from django.db.models.functions import Lower

from accounts.models import Actor, Block, Invitation, Membership, Role, User
from accounts.personal_invitations import (
    NewInvitation,
    invite_people,
    joined_by_invitation,
    not_joined,
    withdraw_people,
)
from accounts.teams import teams_of
from kernel.clock import database_now
from kernel.errors import AnnotaryError
from kernel.events import record_event
from kernel.jobs import enqueue
from kernel.locks import lock_named
from projects.models import Project
from tasks.flow.errors import PeopleFileRefused
from tasks.flow.invitation_mail import SEND_INVITATIONS, InvitationMail
from tasks.flow.people_file import PersonLine, read_people
from tasks.flow.people_grants import apply_grants
from tasks.flow.revocation import leave_project
from tasks.qualification.skills import skill_named
from tasks.standing.models import Standing

#: People of a project who have not joined: mail goes out to each.
MAX_INVITED = 10_000
#: Each of them ends their set in a transaction of its own, while the manager waits.
MAX_LEAVING = 500

STAFF = "This is a member of your team, who sees the check images and cannot label. Remove the line."
BLOCKED = "This person is blocked. Lift the block in the settings first, or remove the line."
REMOVED = "This person was removed from the project for good. Remove the line."
UNKNOWN = "Nobody of this project has this address. Check its spelling, or remove the line."


class PersonState(StrEnum):
    """What a line finds, and so what it does.

    NEW is invited, AGAIN too, after the first invitation ran out or the person left. INVITED has an open invitation
    that stays, or is withdrawn where people leave. JOINED works in the project already, or leaves it. GONE has left.
    """

    NEW = auto()
    AGAIN = auto()
    INVITED = auto()
    JOINED = auto()
    GONE = auto()
    PROBLEM = auto()


@dataclass(frozen=True, slots=True)
class PersonResult:
    """What a line of a file finds. `is_changed`: whether it did something, once it was applied."""

    line: int
    email: str
    state: PersonState
    problem: str = ""
    is_changed: bool = False
    worker: Actor | None = None


@dataclass(frozen=True, slots=True)
class PeopleReport:
    """The results of a file; `is_applied` is false for a preview, and if problems stopped it."""

    results: Sequence[PersonResult]
    is_applied: bool = False

    @property
    def problems(self) -> int:
        return self.counts[PersonState.PROBLEM]

    @property
    def counts(self) -> Counter[str]:
        return Counter(each.state for each in self.results)

    @property
    def changed(self) -> int:
        return sum(each.is_changed for each in self.results)


def preview_invitations(*, project: Project, content: bytes) -> PeopleReport:
    """Return what `invite_from_file` would do. Raises PeopleFileRefused."""
    return PeopleReport([found for _, found in _for_invitation(project, read_people(content))])


@transaction.atomic
def invite_from_file(
    *, project: Project, content: bytes, by: Actor, base_url: str, skip_problems: bool = False
) -> PeopleReport:
    """Locks the project's files of people; then as `apply_grants`. Invite everybody in a file, in one transaction.

    People who are invited or work here already get what the columns say, and no mail. `base_url` is the site's address
    for the links. Raises PeopleFileRefused, TeamRefused, and SkillRefused for more skills than an organization has.
    """
    lines = read_people(content)
    lock_named(f"people:{project.pk}")
    found = _for_invitation(project, lines)
    report = PeopleReport([result for _, result in found], is_applied=True)
    if report.problems and not skip_problems:
        return replace(report, is_applied=False)
    for name in sorted(
        {name for line, result in found if not result.problem for name in line.grants.get("skills", ())}
    ):
        skill_named(organisation=project.organisation, name=name)
    # First those who are here: their access is locked before any row.
    here = [(result.worker, line.grants) for line, result in found if result.worker and line.grants]
    changed = apply_grants(organisation=project.organisation, by=by, people=here)
    to_invite = (PersonState.NEW, PersonState.AGAIN, PersonState.INVITED)
    invited = [NewInvitation(line.email, line.grants) for line, result in found if result.state in to_invite]
    _require_room(project, found)
    invite_people(organisation=project.organisation, project_id=project.pk, by=by, people=invited)
    results = [_applied(result, changed) for _, result in found]
    if new := sum(each.state in to_invite[:2] for each in results):
        record_event(project_id=project.pk, kind="workers.invited", data={"by": str(by.public_id), "people": new})
        send_invitations(project=project, base_url=base_url)
    return PeopleReport(results, is_applied=True)


def _require_room(project: Project, lines: Sequence[tuple[PersonLine, PersonResult]]) -> None:
    new = sum(result.state == PersonState.NEW for _, result in lines)
    if new and not_joined(project_id=project.pk).count() + new > MAX_INVITED:
        raise PeopleFileRefused(
            f"At most {MAX_INVITED:,} people can be invited who have not joined. Withdraw some invitations first."
        )


def send_invitations(*, project: Project, base_url: str) -> None:
    """Queue the mail to people who are invited and have not got any."""
    enqueue(
        SEND_INVITATIONS,
        InvitationMail(base_url),
        project_id=project.pk,
        dedupe_key=f"{SEND_INVITATIONS.name}:{project.pk}",
    )


def preview_leaving(*, project: Project, content: bytes) -> PeopleReport:
    """Return what `leave_from_file` would do. Raises PeopleFileRefused."""
    return PeopleReport(_for_leaving(project, read_people(content, most=MAX_LEAVING)))


def leave_from_file(*, project: Project, content: bytes, skip_problems: bool = False) -> PeopleReport:
    """Each person as `leave_project`, in a transaction of its own: all at once would hold the locks of many sets.

    Withdraws the invitations of those who have not joined. Call it outside a transaction. If it is interrupted, the
    same file does the rest. Raises PeopleFileRefused.
    """
    found = _for_leaving(project, read_people(content, most=MAX_LEAVING))
    report = PeopleReport(found, is_applied=True)
    if report.problems and not skip_problems:
        return replace(report, is_applied=False)
    withdraw_people(project_id=project.pk, emails=[each.email for each in found if not each.problem])
    return replace(report, results=[_leave(project, each) for each in found])


def _leave(project: Project, result: PersonResult) -> PersonResult:
    if result.worker is None or result.state != PersonState.JOINED:
        return replace(result, is_changed=result.state == PersonState.INVITED)
    try:
        leave_project(project=project, worker=result.worker)
    except AnnotaryError as error:
        return replace(result, state=PersonState.PROBLEM, problem=error.detail)
    return replace(result, is_changed=True)


def _applied(result: PersonResult, changed: Iterable[int]) -> PersonResult:
    is_new = result.state in (PersonState.NEW, PersonState.AGAIN)
    return replace(result, is_changed=is_new or (result.worker is not None and result.worker.pk in changed))


def _for_invitation(project: Project, lines: Sequence[PersonLine]) -> list[tuple[PersonLine, PersonResult]]:
    lines = _with_team_ids(project, lines)
    known = _Known(project, lines)
    return [(line, known.result(line, *known.invited(line.email))) for line in lines]


def _with_team_ids(project: Project, lines: Sequence[PersonLine]) -> list[PersonLine]:
    """Put the ids of teams in place of their names; a name that no team has is a problem."""
    teams = {row.name.lower(): str(row.public_id) for row in teams_of(organisation=project.organisation)}
    checked = []
    for line in lines:
        name = line.grants.get("team")
        if name and not line.problem:
            team = teams.get(name.lower())
            problem = "" if team else f"There is no team “{name[:80]}”. Correct it, or create the team first."
            line = replace(line, grants={**line.grants, "team": team}, problem=problem)
        checked.append(line)
    return checked


def _for_leaving(project: Project, lines: Sequence[PersonLine]) -> list[PersonResult]:
    known = _Known(project, lines)
    return [known.result(line, *known.leaving(line.email)) for line in lines]


class _Known:
    """What the organization knows of the people in a file; nothing is read of people whom it does not know."""

    def __init__(self, project: Project, lines: Sequence[PersonLine]) -> None:
        emails = [each.email for each in lines if not each.problem]
        users = User.objects.annotate(lower=Lower("email")).filter(lower__in=emails)
        self.people = {user.email.lower(): user.actor for user in users}
        self.people |= joined_by_invitation(project_id=project.pk, emails=emails)
        actors, organisation = list(self.people.values()), project.organisation_id
        members = Membership.objects.filter(organisation=organisation, actor__in=actors)
        self.roles = dict(members.values_list("actor_id", "role"))
        blocks = Block.objects.filter(organisation=organisation, actor__in=actors, lifted_at=None)
        self.blocked = set(blocks.values_list("actor_id", flat=True))
        self.standings = {row.worker_id: row for row in Standing.objects.filter(project=project, worker__in=actors)}
        rows = not_joined(project_id=project.pk, emails=emails)
        self.invitations: dict[str, Invitation] = {row.email: row for row in rows}
        self.now = database_now()

    def result(self, line: PersonLine, state: PersonState, problem: str) -> PersonResult:
        if line.problem:
            return PersonResult(line.line, line.email, PersonState.PROBLEM, line.problem)
        worker = self.people.get(line.email) if state == PersonState.JOINED else None
        return PersonResult(line.line, line.email, state, problem, worker=worker)

    def invited(self, email: str) -> tuple[PersonState, str]:
        """Return what an invitation of this address finds."""
        actor = self.people.get(email)
        standing = self.standings.get(actor.pk) if actor is not None else None
        if actor is not None:
            if actor.pk in self.blocked:
                return PersonState.PROBLEM, BLOCKED
            if self.roles.get(actor.pk, Role.WORKER) != Role.WORKER:
                return PersonState.PROBLEM, STAFF
            if standing is not None and standing.state == Standing.State.REMOVED and not standing.left_from:
                return PersonState.PROBLEM, REMOVED
            if standing is not None and standing.state != Standing.State.REMOVED:
                return PersonState.JOINED, ""
        row = self.invitations.get(email)
        if row is None:
            return (PersonState.NEW if standing is None else PersonState.AGAIN), ""
        return (PersonState.INVITED if row.expires_at > self.now else PersonState.AGAIN), ""

    def leaving(self, email: str) -> tuple[PersonState, str]:
        """Return what leaving finds for this address."""
        actor = self.people.get(email)
        standing = self.standings.get(actor.pk) if actor is not None else None
        if standing is not None and standing.state != Standing.State.REMOVED:
            return PersonState.JOINED, ""
        if email in self.invitations:
            return PersonState.INVITED, ""
        return (PersonState.PROBLEM, UNKNOWN) if standing is None else (PersonState.GONE, "")
