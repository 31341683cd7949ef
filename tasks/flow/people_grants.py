"""What people get besides access when they join a project: a team, values of skills."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.errors import TeamMemberRefused, TeamRefused
from accounts.models import Actor, Organisation
from accounts.teams import add_member, teams_of
from kernel.locks import lock_access
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.qualification.skills import set_skill

#: {"team": the team's public id, "skills": {name: value}}, both optional.
Grants = Mapping[str, Any]
People = Sequence[tuple[Actor, Grants]]


def apply_grants(*, organisation: Organisation, by: Actor, people: People, is_joining: bool = False) -> set[int]:
    """Locks the access of people who get a team, the teams, and the workers' values of the skills. Give each worker
    what a file or an invitation names; return the row ids of those for whom anything is new.

    Teams and skills that are gone meanwhile are left out. Raises TeamRefused for a team that is full, unless a person
    `is_joining`: they join without it.
    """
    joined = _join_teams(organisation, people, is_joining=is_joining)
    return joined | _set_skills(organisation, by, people)


def _join_teams(organisation: Organisation, people: People, *, is_joining: bool) -> set[int]:
    wanted = [(worker, grants["team"]) for worker, grants in people if grants.get("team")]
    # All of these before the first team, or somebody who joins at the same time could hold one and wait for the other.
    for worker in sorted({worker for worker, _ in wanted}, key=lambda each: each.pk):
        lock_access(actor_id=worker.pk)
    teams = {str(row.public_id): row for row in teams_of(organisation=organisation).select_related("organisation")}
    known = [(teams[team], worker) for worker, team in wanted if team in teams]
    joined = set()
    for team, worker in sorted(known, key=lambda row: (row[0].pk, row[1].pk)):
        try:
            if add_member(team=team, worker=worker):
                joined.add(worker.pk)
        except (TeamRefused, TeamMemberRefused):
            if not is_joining:
                raise
    return joined


def _set_skills(organisation: Organisation, by: Actor, people: People) -> set[int]:
    values = [(name, worker, value) for worker, grants in people for name, value in grants.get("skills", {}).items()]
    names = {name for name, _, _ in values}
    skills = {row.name: row for row in Skill.objects.filter(organisation=organisation, name__in=names)}
    known = [(skills[name], worker, value) for name, worker, value in values if name in skills]
    changed = set()
    # In one order, or two files at once could wait for each other.
    for skill, worker, value in sorted(known, key=lambda row: (row[0].pk, row[1].pk)):
        if set_skill(skill=skill, worker=worker, value=value, source=SkillValue.Source.CSV, by=by) is not None:
            changed.add(worker.pk)
    return changed
