"""A person's own account: name, sign-out everywhere, deletion."""

from typing import Any, cast

from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import LastOwner, ProfileRefused
from accounts.models import User
from accounts.profiles import MAIL_CHOICES, change_profile
from accounts.selectors import roles_of
from accounts.services import rename_person
from tasks.flow.revocation import erase_person, sign_out_everywhere
from tasks.notices.wording import KINDS
from tasks.pay.selectors import balance
from tasks.standing.selectors import is_worker
from workers_ui.views.base import actor_of, is_staff, page

MAIL_LABELS = {"daily": "Once a day", "once": "At once", "never": "Never"}


class NameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=120,
        required=False,
        help_text="Your project managers see this name.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class ProfileForm(forms.Form):
    country = forms.CharField(
        label="Country",
        max_length=2,
        required=False,
        help_text="Two letters, such as DE.",
        widget=forms.TextInput(attrs={"autocomplete": "country", "autocapitalize": "characters"}),
    )
    languages = forms.CharField(
        label="Languages",
        max_length=60,
        required=False,
        help_text="Two letters each, such as de, en.",
        widget=forms.TextInput(attrs={"autocapitalize": "off"}),
    )


class EraseForm(forms.Form):
    password = forms.CharField(
        label="Your password",
        max_length=200,
        strip=False,
        help_text="Enter it to confirm.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = NameForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        rename_person(user=user, name=form.cleaned_data["name"])
        messages.success(request, "Name saved.")
        return redirect("workers_ui:account")
    initial = {"country": user.country, "languages": ", ".join(user.languages or ())}
    return page(
        request,
        "workers_ui/account/account.html",
        form=form,
        profile=ProfileForm(initial=initial),
        mail=_mail_choices(user),
    )


def _mail_choices(user: User) -> list[dict[str, Any]]:
    """Each kind of notice that the person may get, with how often they get mails about it."""
    on_team = is_staff(roles_of(actor=user.actor))
    works = is_worker(actor=user.actor) or not on_team
    chosen = user.notice_mail or {}
    return [
        {"kind": kind, "label": label, "chosen": chosen.get(kind, MAIL_CHOICES[0]), "choices": MAIL_LABELS}
        for kind, (label, for_team) in KINDS.items()
        if (on_team if for_team else works)
    ]


@login_required
@require_POST
def profile(request: HttpRequest) -> HttpResponse:
    """Save where the person lives and what they speak."""
    try:
        change_profile(
            user=cast(User, request.user),
            country=request.POST.get("country", ""),
            languages=request.POST.get("languages", "").split(","),
        )
    except ProfileRefused as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "Saved.")
    return redirect("workers_ui:account")


@login_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign the person out on every device, this one too."""
    sign_out_everywhere(user=cast(User, request.user), revoke_keys="keys" in request.POST)
    logout(request)
    messages.success(request, "You are signed out everywhere.")
    return redirect("account_login")


@login_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    """Erase the person; their work and its records are kept under a pseudonym."""
    user = cast(User, request.user)
    form = EraseForm(request.POST or None)
    if request.method == "POST":
        limited = ratelimit.consume_or_429(request, action="reauthenticate", user=user)
        if limited:
            return cast(HttpResponse, limited)
        if form.is_valid() and not user.check_password(form.cleaned_data["password"]):
            form.add_error("password", "Wrong password. Try again.")
        if form.is_valid():
            try:
                erase_person(user=user)
            except LastOwner as error:
                form.add_error(None, error.detail)
            else:
                logout(request)
                return page(request, "workers_ui/account/erased.html")
    return page(
        request,
        "workers_ui/account/erase.html",
        status=422 if form.errors else 200,
        form=form,
        balances=balance(worker=actor_of(request)),
    )
