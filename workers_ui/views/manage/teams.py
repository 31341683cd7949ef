"""Teams of an organization: their members and lead, and how many batches are kept for them."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Actor, Organisation, Role, Team
from accounts.selectors import display_names, organisations_of
from accounts.teams import (
    MAX_NAME,
    add_member,
    create_team,
    members_of_team,
    remove_member,
    rename_team,
    set_lead,
    team_for,
    teams_with_members,
    worker_by_address,
)
from kernel.errors import AnnotaryError, NotFound, Refused
from tasks.analytics.team_progress import team_progress
from tasks.batching.teams import archive_team, count_kept
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, run_action

PAGE_SIZE = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: HttpRequest) -> HttpResponse:
    """GET lists the teams of one organization, which the query names; POST creates one."""
    organisation, managed = _organisation(request)
    back = f"{reverse('workers_ui:teams')}?organisation={organisation.public_id}"
    if request.method == "POST":
        try:
            team = create_team(organisation=organisation, name=request.POST.get("name", ""))
        except AnnotaryError as error:
            messages.error(request, error.detail)
            return redirect(back)
        return redirect("workers_ui:team", organisation.public_id, team.public_id)
    rows, pager = paginate(request, Paginator(teams_with_members(organisation=organisation), PAGE_SIZE))
    kept = count_kept(organisation=organisation)
    context = {
        "organisation": organisation,
        "managed": managed,
        "rows": [{"team": row, "kept": kept.get(row.pk, 0)} for row in rows],
        "page": pager,
        "query": f"&organisation={organisation.public_id}",
        "most": MAX_NAME,
    }
    return render(request, "workers_ui/manage/teams.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, organisation_id: uuid.UUID, team_id: uuid.UUID) -> HttpResponse:
    """GET shows a team; POST changes it or its members."""
    organisation = _managed(request, organisation_id)
    row = team_for(organisation=organisation, public_id=team_id)
    if request.method == "POST":
        return _change(request, organisation, row)
    members = list(members_of_team(team=row))
    names = display_names(actors=[each.worker.public_id for each in members])
    progress = team_progress(team=row)
    context: dict[str, Any] = {
        "organisation": organisation,
        "team": row,
        "members": [
            {"id": each.worker.public_id, "name": names[str(each.worker.public_id)], "progress": done}
            for each, done in zip(members, progress, strict=False)
        ],
        "kept": count_kept(organisation=organisation).get(row.pk, 0),
        "most": MAX_NAME,
    }
    return render(request, "workers_ui/manage/team.html", context)


def _change(request: HttpRequest, organisation: Organisation, row: Team) -> HttpResponse:
    step, posted = request.POST.get("step", ""), request.POST
    back = reverse("workers_ui:team", args=[organisation.public_id, row.public_id])

    def person() -> Actor:
        return worker_by_address(organisation=organisation, text=posted.get("worker", ""))

    actions: dict[str, tuple[Callable[[], object], str]] = {
        "add": (lambda: add_member(team=row, worker=person()), "They are in the team."),
        "remove": (
            lambda: remove_member(team=row, worker=_member(row, posted.get("worker", ""))),
            "They are no longer in the team. A set that they have stays theirs.",
        ),
        "lead": (
            lambda: set_lead(team=row, worker=_member(row, posted.get("worker", ""))),
            "The team has a new lead, who sees how far its members are.",
        ),
        "no-lead": (lambda: set_lead(team=row, worker=None), "Nobody leads the team now."),
        "rename": (lambda: rename_team(team=row, name=posted.get("name", "")), "The name is saved."),
    }
    if step == "archive":
        try:
            archive_team(team=row)
        except AnnotaryError as error:
            messages.error(request, error.detail)
            return redirect(back)
        messages.success(request, f"{row.name} is archived. Its members stay in their projects.")
        return redirect(f"{reverse('workers_ui:teams')}?organisation={organisation.public_id}")
    act, done = actions.get(step, (_unknown_action, ""))
    return run_action(request, back, act, done)


def _member(team: Team, public_id: str) -> Actor:
    found = [each.worker for each in members_of_team(team=team) if str(each.worker.public_id) == public_id]
    if not found:
        raise NotFound("This worker is not in the team any more. Reload the page.")
    return found[0]


def _organisation(request: HttpRequest) -> tuple[Organisation, list[Organisation]]:
    """The organization that the request names, by default the first that the person manages; and all of these."""
    managed = organisations_of(actor=actor_of(request), role=Role.MANAGER)
    asked = request.POST.get("organisation") or request.GET.get("organisation") or ""
    chosen = next((each for each in managed if asked in ("", str(each.public_id))), None)
    if chosen is None:
        raise NotFound
    return chosen, managed


def _managed(request: HttpRequest, organisation_id: uuid.UUID) -> Organisation:
    managed = organisations_of(actor=actor_of(request), role=Role.MANAGER)
    chosen = next((each for each in managed if each.public_id == organisation_id), None)
    if chosen is None:
        raise NotFound
    return chosen


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
