"""Invitation links: show the offer, and let people accept it or sign up."""

from typing import Any, cast

from allauth.core import ratelimit
from django import forms
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.errors import EmailTaken, InvitationGone, InvitationUnknown, MustApply
from accounts.models import Invitation, Role, User
from accounts.selectors import role_in
from accounts.services import find_invitation
from projects.models import Project
from tasks.flow.applications import apply_by_link, sign_up_to_apply
from tasks.flow.invitations import accept_invitation, sign_up
from tasks.standing.errors import ApplicationRefused, StaffCannotWork
from workers_ui.views.base import actor_of, page
from workers_ui.views.errors import problem_page
from workers_ui.views.project_card import project_offer_for

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class SignUpForm(forms.Form):
    """A new account: the email address to sign in with, a password, and an optional name."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        required=False,
        help_text="Optional. Your project managers see this name.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        help_text="You use it to sign in.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        help_text="At least 8 characters. Avoid common passwords.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        password = data.get("password")
        if password:
            try:
                validate_password(password, User(email=data.get("email", ""), name=data.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    try:
        if request.method == "POST" and request.user.is_authenticated:
            return _accept(request, token)
        invitation = find_invitation(token=token)
    except InvitationUnknown as error:
        # Only unknown links count toward the limit: a whole class may open a valid one from one address.
        limited = cast(HttpResponse | None, ratelimit.consume_or_429(request, action="join", limit_get=True))
        return limited or problem_page(request, error, heading="This invitation link is not valid")
    except InvitationGone as error:
        return problem_page(request, error, heading="This invitation is no longer valid")
    if request.method == "POST":
        return _sign_up(request, invitation, token)
    return _show(request, invitation, token, SignUpForm(initial={"email": invitation.email}))


def _accept(request: HttpRequest, token: str) -> HttpResponse:
    """Accept the invitation, or apply if it is to apply by."""
    try:
        return _redirect_after_joining(accept_invitation(token=token, actor=actor_of(request)))
    except MustApply:
        try:
            apply_by_link(token=token, worker=actor_of(request), note=request.POST.get("note", ""))
        except ApplicationRefused as error:
            return problem_page(request, error, heading="You cannot apply now")
        return redirect("workers_ui:work")


def _sign_up(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    limited = ratelimit.consume_or_429(request, action="signup")
    if limited:
        return cast(HttpResponse, limited)
    form = SignUpForm(request.POST)
    if not form.is_valid():
        return _show(request, invitation, token, form, status=422)
    data = form.cleaned_data
    person = {"token": token, "email": data["email"], "password": data["password"], "name": data["name"].strip()}
    project = None
    try:
        if invitation.needs_approval:
            user = sign_up_to_apply(**person, note=request.POST.get("note", ""))
        else:
            user, project = sign_up(**person)
    except EmailTaken as error:
        form.add_error("email", error.detail)
        return _show(request, invitation, token, form, status=422)
    login(request, user, backend=BACKEND)
    return _redirect_after_joining(project)


def _show(
    request: HttpRequest, invitation: Invitation, token: str, form: SignUpForm, *, status: int = 200
) -> HttpResponse:
    project = invitation.project
    own = _own_role(request, invitation)
    offers_work = invitation.role == Role.WORKER
    context = {
        "refused": StaffCannotWork().detail if offers_work and project and own not in (None, Role.WORKER) else "",
        "leaves_crowd": not offers_work and own == Role.WORKER,
        "invitation": invitation,
        "project": project,
        "offer": project_offer_for(project) if project else None,
        "form": form,
        "token": token,
    }
    return page(request, "workers_ui/join.html", status=status, **context)


def _redirect_after_joining(project: Project | None) -> HttpResponse:
    return redirect("workers_ui:intro", project.public_id) if project else redirect("workers_ui:home")


def _own_role(request: HttpRequest, invitation: Invitation) -> str | None:
    if not request.user.is_authenticated:
        return None
    return role_in(actor=actor_of(request), organisation_id=invitation.organisation_id)
