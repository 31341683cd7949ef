"""A person's settings: API keys, and the team of an organization."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.memberships import may_have
from accounts.models import Actor, ApiToken, Organisation, Role
from accounts.selectors import organisations_of, role_in, staff_of, tokens_of, unused_invitations
from kernel.clock import utc_now
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate
from workers_ui.views.manage.invitations import fresh_link
from workers_ui.views.manage.keys import DAYS, FRESH

SCOPES = {
    ApiToken.Scope.READ: ("Read", "projects, labels, releases"),
    ApiToken.Scope.WORK: ("Work", "take sets and answer images"),
    ApiToken.Scope.MANAGE: ("Manage", "projects, images, batches, invitations, releases"),
    ApiToken.Scope.REVIEW: ("Review", "approve, fix, and reject labels"),
}
ROLES = {
    Role.OWNER: "Owner",
    Role.MANAGER: "Manager",
    Role.REVIEWER: "Reviewer",
    Role.CLIENT: "Client",
    Role.WORKER: "Worker",
}
KEYS_PER_PAGE = 50
PEOPLE_PER_PAGE = 50
LINKS_PER_PAGE = 20


@login_required
@never_cache
@require_safe
def settings_page(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    now = utc_now()
    keys, keys_pager = paginate(request, Paginator(tokens_of(actor=actor), KEYS_PER_PAGE), "keys")
    managed = organisations_of(actor=actor, role=Role.MANAGER)
    context = {
        "keys": [{"key": key, "state": _key_state(key, now)} for key in keys],
        "keys_page": keys_pager,
        "fresh_key": request.session.pop(FRESH, None),
        "scopes": [(scope, *words) for scope, words in SCOPES.items()],
        "days": list(DAYS),
        "organisations": organisations_of(actor=actor),
        "teams": [_team(request, row, number) for number, row in enumerate(managed, start=1)],
        "fresh": fresh_link(request, None),
    }
    return render(request, "workers_ui/manage/settings.html", context)


def _key_state(key: ApiToken, now: Any) -> dict[str, str]:
    if key.revoked_at is not None:
        return {"state": "", "icon": "x", "word": "Revoked"}
    if key.expires_at <= now:
        return {"state": "warn", "icon": "clock", "word": "Expired"}
    return {"state": "ok", "icon": "check", "word": "Active"}


def _team(request: HttpRequest, organisation: Organisation, number: int) -> dict[str, Any]:
    """Return the organization's members other than workers, and its unused invitation links; `number`: of the team."""
    actor = actor_of(request)
    people, people_pager = paginate(
        request, Paginator(staff_of(organisation=organisation), PEOPLE_PER_PAGE), f"team-{number}"
    )
    links, links_pager = paginate(
        request, Paginator(unused_invitations(organisation=organisation), LINKS_PER_PAGE), f"links-{number}"
    )
    is_owner = role_in(actor=actor, organisation_id=organisation.pk) == Role.OWNER
    roles = [Role.MANAGER, Role.REVIEWER, Role.CLIENT, Role.OWNER] if is_owner else [Role.REVIEWER, Role.CLIENT]
    return {
        "organisation": organisation,
        "is_owner": is_owner,
        "people": [
            {
                "name": getattr(row.actor, "user", None) or "Deleted account",
                "role": ROLES[Role(row.role)],
                "since": row.created_at,
                "id": row.actor.public_id,
                "is_service": row.actor.kind == Actor.Kind.SERVICE,
                "manageable": is_owner or row.role not in (Role.OWNER, Role.MANAGER),
                "roles": [(role, ROLES[role]) for role in roles if role != row.role and may_have(row.actor, role)],
            }
            for row in people
        ],
        "people_page": people_pager,
        "waiting": [{"invitation": row, "role": ROLES[Role(row.role)]} for row in links],
        "links_page": links_pager,
        "roles": [(role, ROLES[role]) for role in roles],
    }
