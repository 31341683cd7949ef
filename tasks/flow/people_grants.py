"""What people get besides access when they join a project: values of skills."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.models import Actor, Organisation
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.qualification.skills import set_skill

Grants = Mapping[str, Any]


def apply_grants(*, organisation: Organisation, by: Actor, people: Sequence[tuple[Actor, Grants]]) -> set[int]:
    """Locks the workers' values of the skills. Give each worker what a file or an invitation names; return the row ids
    of those for whom anything is new.

    Skills that are gone meanwhile are left out.
    """
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
