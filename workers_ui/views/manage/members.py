"""An organization: its name and limit, and its members' roles and removal."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.memberships import change_organisation
from accounts.models import Role
from accounts.selectors import managed_membership, organisations_of
from kernel.errors import NotFound, Refused
from tasks.flow.revocation import change_role, remove_member
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import run_action

STAFF = (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.CLIENT)


@require_POST
@login_required
def rename(request: HttpRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """Change the organization's name and the sets in progress per worker; for its owners."""
    owned = organisations_of(actor=actor_of(request), role=Role.OWNER)
    organisation = next((row for row in owned if row.public_id == organisation_id), None)
    if organisation is None:
        raise NotFound
    return run_action(
        request,
        reverse("workers_ui:settings"),
        lambda: change_organisation(
            organisation=organisation, name=request.POST.get("name", ""), live_sets=request.POST.get("live_sets")
        ),
        "The organization is saved.",
    )


@require_POST
@login_required
def change(request: HttpRequest, organisation_id: uuid.UUID, member_id: uuid.UUID) -> HttpResponse:
    step, role = request.POST.get("step", ""), request.POST.get("role", "")
    membership = managed_membership(
        by=actor_of(request),
        organisation_id=organisation_id,
        member_id=member_id,
        role=role if step == "role" else "",
    )
    organisation, member = membership.organisation, membership.actor
    name = getattr(member, "user", None) or "Deleted account"

    def act() -> None:
        if step == "remove":
            remove_member(organisation=organisation, member=member, by=actor_of(request))
        elif step == "role" and role in STAFF:
            change_role(organisation=organisation, member=member, role=role, by=actor_of(request))
        else:
            raise Refused("Unknown action. Reload the page and try again.")

    done = f"{name} is removed." if step == "remove" else f"{name} is now {role}."
    return run_action(request, reverse("workers_ui:settings"), act, done)
