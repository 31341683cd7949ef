"""The members of an organization: another role, or removal."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.selectors import managed_membership
from kernel.errors import Refused
from tasks.flow.revocation import change_role, remove_member
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import run_action

STAFF = (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.CLIENT)


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
            remove_member(organisation=organisation, member=member)
        elif step == "role" and role in STAFF:
            change_role(organisation=organisation, member=member, role=role)
        else:
            raise Refused("Unknown action. Reload the page and try again.")

    done = f"{name} is removed." if step == "remove" else f"{name} is now {role}."
    return run_action(request, reverse("workers_ui:settings"), act, done)
