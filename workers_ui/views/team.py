"""The page of a team for the worker who leads it."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.teams import team_led_by
from tasks.analytics.team_progress import team_progress
from workers_ui.views.base import actor_of, page


@login_required
@require_safe
@never_cache
def team(request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
    row = team_led_by(worker=actor_of(request), public_id=team_id)
    return page(request, "workers_ui/work/team.html", team=row, members=team_progress(team=row))
