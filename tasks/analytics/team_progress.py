"""How far the members of a team are, for the worker who leads it.

Only sets that were handed in count, and nothing of a batch's counters is here: they rise by the images of a set that
are work, so somebody who watches them while a friend takes a set could tell how many check images it has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max

from accounts.models import Team
from accounts.teams import members_of_team, names_for_lead
from kernel.clock import database_now
from tasks.assignment.models import Assignment, Hand
from tasks.standing.models import Standing

WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MemberProgress:
    """A member's sets and answers of the last seven days in the organization's projects, and when the last of
    these sets was handed in.

    active: in how many projects the member may take sets. paused: in how many they are paused.
    """

    name: str
    is_lead: bool
    sets: int
    answers: int
    last_at: datetime | None
    active: int
    paused: int


def team_progress(*, team: Team) -> list[MemberProgress]:
    """Return the progress of the members, the lead first, with four queries."""
    members = list(members_of_team(team=team))
    workers = [each.worker for each in members]
    ids = [worker.pk for worker in workers]
    since = database_now() - WINDOW
    hands = Hand.objects.filter(worker__in=ids, state=Hand.State.SETTLED, settled_at__gt=since)
    hands = hands.filter(project__organisation=team.organisation_id)
    counts = hands.values("worker_id").annotate(sets=Count("pk"), last=Max("settled_at"))
    sets: dict[int, dict[str, Any]] = {row["worker_id"]: dict(row) for row in counts}
    submitted = Assignment.objects.filter(hand__in=hands, state=Assignment.State.SUBMITTED).order_by()
    answers = dict(submitted.values_list("worker_id").annotate(Count("pk")))
    states = _standings(team, ids)
    names = names_for_lead(workers=workers)
    return [
        MemberProgress(
            name=names[each.worker_id],
            is_lead=each.is_lead,
            sets=sets.get(each.worker_id, {}).get("sets", 0),
            answers=answers.get(each.worker_id, 0),
            last_at=sets.get(each.worker_id, {}).get("last"),
            active=states.get((each.worker_id, Standing.State.ACTIVE), 0),
            paused=states.get((each.worker_id, Standing.State.PAUSED), 0),
        )
        for each in members
    ]


def _standings(team: Team, ids: list[int]) -> Mapping[tuple[int, str], int]:
    """Return {(worker, state): in how many projects that are not over}."""
    rows = Standing.objects.filter(worker__in=ids, project__organisation=team.organisation_id)
    rows = rows.filter(project__archived_at=None, project__deleted_at=None).order_by()
    counts = rows.values_list("worker_id", "state").annotate(projects=Count("pk"))
    return {(worker_id, state): projects for worker_id, state, projects in counts}
