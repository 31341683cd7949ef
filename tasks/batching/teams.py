"""Batches that are kept for a team."""

from django.db import transaction
from django.db.models import Count, QuerySet

from accounts import teams
from accounts.errors import TeamInUse
from accounts.models import Organisation, Team
from tasks.batching.models import Batch


@transaction.atomic
def archive_team(*, team: Team) -> None:
    """Locks the team. Archive it, with which it has no members. Raises TeamInUse while batches that are not approved
    are kept for it: nobody could take them."""
    teams.lock_team(team_id=team.pk)
    if _kept().filter(team=team).exists():
        raise TeamInUse
    teams.archive_team(team=team)


def count_kept(*, organisation: Organisation) -> dict[int, int]:
    """Return {team row id: how many batches are kept for it that are not approved}, without teams that have none."""
    rows = _kept().filter(project__organisation=organisation, team__isnull=False)
    return dict(rows.order_by().values_list("team").annotate(Count("pk")))


def _kept() -> QuerySet[Batch]:
    return Batch.objects.exclude(state=Batch.State.APPROVED).filter(project__deleted_at=None)
