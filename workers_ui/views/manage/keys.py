"""API keys: create, show once, revoke."""

import uuid
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts.selectors import organisations_of, token_for
from accounts.services import create_token, revoke_token
from kernel.clock import database_now
from kernel.errors import AnnotaryError, NotFound
from workers_ui.views.base import actor_of

#: Session key of an API key that was just created; only its hash is stored, and it is shown once.
FRESH = "annotary_fresh_key"
DAYS = {"30": 30, "90": 90, "365": 365}


@require_POST
@login_required
@sensitive_variables("secret")
def create(request: HttpRequest) -> HttpResponse:
    own = organisations_of(actor=actor_of(request))
    requested = request.POST.get("organisation", "")
    organisation = next((row for row in own if requested in ("", str(row.public_id))), None)
    if organisation is None:
        raise NotFound
    try:
        token, secret = create_token(
            actor=actor_of(request),
            organisation=organisation,
            name=request.POST.get("name", "")[:120],
            scopes=request.POST.getlist("scopes"),
            expires_at=database_now() + timedelta(days=DAYS.get(request.POST.get("days", ""), 90)),
        )
    except AnnotaryError as error:
        messages.error(request, error.detail)
        return redirect("workers_ui:settings")
    request.session[FRESH] = {"name": token.name, "secret": secret}
    return redirect(reverse("workers_ui:settings") + "#fresh-key")


@require_POST
@login_required
def revoke(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    token = token_for(actor=actor_of(request), public_id=token_id)
    revoke_token(token=token)
    messages.success(request, f"Key “{token.name}” revoked. Requests that use it now fail.")
    return redirect("workers_ui:settings")
