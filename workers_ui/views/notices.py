"""What a person is told of: the list of notices, and by which of them they get mails."""

import uuid
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import NoticeMailRefused
from accounts.models import User
from tasks.notices.selectors import notice_for, notices_of, words_of_notice
from tasks.notices.services import choose_mail, read_notices
from tasks.notices.wording import KINDS
from workers_ui.views.base import actor_of, page

ROWS_PER_PAGE = 40


@login_required
@require_safe
@never_cache
def notices(request: HttpRequest) -> HttpResponse:
    rows = Paginator(notices_of(recipient=actor_of(request)), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    shown = [{"row": row, "text": words_of_notice(row).text} for row in rows.object_list]
    return page(request, "workers_ui/notices.html", rows=rows, notices=shown)


@login_required
@require_safe
@never_cache
def notice(request: HttpRequest, notice_id: uuid.UUID) -> HttpResponse:
    """Mark a notice as read, and go where it leads. Opening it twice is harmless."""
    row = notice_for(recipient=actor_of(request), public_id=notice_id)
    read_notices(recipient=actor_of(request), ids=[notice_id])
    return redirect(words_of_notice(row).path)


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    read_notices(recipient=actor_of(request))
    return redirect("workers_ui:notices")


@login_required
@require_POST
def mail(request: HttpRequest) -> HttpResponse:
    """Save by which notices the person gets mails."""
    try:
        chosen = {kind: request.POST[kind] for kind in KINDS if kind in request.POST}
        choose_mail(user=cast(User, request.user), values=chosen)
    except NoticeMailRefused as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "Saved.")
    return redirect("workers_ui:account")
