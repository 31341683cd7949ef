"""Invitation links: for workers of a project, and for managers, reviewers and clients of an organization."""

import uuid
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.selectors import invitation_for, organisations_of, require_role
from accounts.services import invite, revoke_invitation
from kernel.clock import database_now
from kernel.errors import NotFound
from projects.models import Project
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required

#: Session key of a link that was just created: its token is stored nowhere else, and shown once.
FRESH = "annotary_fresh_invitation"


class InviteForm(forms.Form):
    days = forms.IntegerField(min_value=1, max_value=365)
    max_uses = forms.IntegerField(min_value=1, max_value=100_000)


class TeamForm(forms.Form):
    organisation = forms.UUIDField(required=False)
    role = forms.ChoiceField(choices=[(role, role) for role in (Role.MANAGER, Role.REVIEWER, Role.CLIENT, Role.OWNER)])


@require_POST
@project_role_required(Role.MANAGER)
@sensitive_variables("token")
def invite_workers(request: HttpRequest, project: Project) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Enter 1 to 365 days and 1 to 100,000 people.")
        return redirect("workers_ui:workers", project.public_id)
    data = form.cleaned_data
    _, token = invite(
        organisation=project.organisation,
        by=actor_of(request),
        project_id=project.pk,
        max_uses=data["max_uses"],
        expires_at=database_now() + timedelta(days=data["days"]),
        needs_approval="needs_approval" in request.POST,
    )
    keep_link(request, token, project.pk)
    return redirect(reverse("workers_ui:workers", args=[project.public_id]) + "#fresh-link")


@require_POST
@login_required
@sensitive_variables("token")
def invite_team(request: HttpRequest) -> HttpResponse:
    """Create a link for one person. Only owners invite owners and managers, so that no one can promote themselves."""
    form = TeamForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a role for the person.")
        return redirect("workers_ui:settings")
    data = form.cleaned_data
    manageable = organisations_of(actor=actor_of(request), role=Role.MANAGER)
    organisation = next((row for row in manageable if data["organisation"] in (None, row.public_id)), None)
    if organisation is None:
        raise NotFound
    required = Role.OWNER if data["role"] in {Role.OWNER, Role.MANAGER} else Role.MANAGER
    require_role(actor=actor_of(request), organisation_id=organisation.pk, role=required)
    _, token = invite(organisation=organisation, by=actor_of(request), role=data["role"], max_uses=1)
    keep_link(request, token, None)
    return redirect(reverse("workers_ui:settings") + "#fresh-link")


@require_POST
@login_required
def revoke(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = invitation_for(actor=actor_of(request), public_id=invitation_id, role=Role.MANAGER)
    revoke_invitation(invitation=invitation)
    messages.success(request, "Link revoked. People who already joined stay.")
    if invitation.project is None:
        return redirect("workers_ui:settings")
    return redirect("workers_ui:people" if invitation.email else "workers_ui:workers", invitation.project.public_id)


def site_url(request: HttpRequest) -> str:
    """Return the address of the site for links, without a slash at its end."""
    return settings.ANNOTARY_BASE_URL or request.build_absolute_uri("/").rstrip("/")


def keep_link(request: HttpRequest, token: str, project_id: int | None) -> None:
    request.session[FRESH] = {
        "url": site_url(request) + reverse("workers_ui:join", args=[token]),
        "project": project_id,
    }


def fresh_link(request: HttpRequest, project_id: int | None) -> dict[str, Any] | None:
    """Pop this page's newly created link from the session, with its QR code as a data URI.

    `only_here` says that no other computer can open it: the site's address is that of this computer itself.
    """
    link = cast(dict[str, Any] | None, request.session.get(FRESH))
    if link is None or link["project"] != project_id:
        return None
    del request.session[FRESH]
    code = segno.make(link["url"], error="m")
    host = urlsplit(link["url"]).hostname or ""
    return {
        "url": link["url"],
        # Dark on white in both themes: not every phone reads inverted codes.
        "qr": code.svg_data_uri(scale=4, border=3, dark="#1d1b17", light="#fff"),
        "host": host,
        "only_here": _is_this_computer(host),
    }


def _is_this_computer(host: str) -> bool:
    """Whether other computers would look for this host on themselves."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
