"""A worker's own questions about images, with the answers. Gold and work look the same here."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from kernel.errors import AnnotaryError
from tasks.questions.models import MAX_TEXT, ImageThread
from tasks.questions.selectors import messages_of, threads_of
from tasks.questions.services import ask
from workers_ui.views.base import actor_of, page

ROWS_PER_PAGE = 20


@login_required
@require_safe
@never_cache
def questions(request: HttpRequest) -> HttpResponse:
    return _page(request)


@login_required
@require_POST
def write(request: HttpRequest, assignment_id: uuid.UUID) -> HttpResponse:
    """Write more in a conversation. What was typed stays on the page if it is refused."""
    text = request.POST.get("text", "")
    try:
        ask(worker=actor_of(request), assignment_id=assignment_id, text=text)
    except AnnotaryError as error:
        return _page(request, status=error.status, refused={"assignment": assignment_id, "text": text, "why": error})
    messages.success(request, "Sent.")
    return redirect("workers_ui:questions")


def _page(request: HttpRequest, *, status: int = 200, refused: dict[str, Any] | None = None) -> HttpResponse:
    rows = Paginator(threads_of(worker=actor_of(request)), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "workers_ui/work/questions.html",
        status=status,
        rows=rows,
        threads=_shown(list(rows.object_list), refused or {}),
        max_text=MAX_TEXT,
    )


def _shown(threads: Sequence[ImageThread], refused: dict[str, Any]) -> list[dict[str, Any]]:
    found = messages_of(threads=threads)
    return [
        {
            "thread": each,
            "messages": found[each.pk],
            "image": f"/api/v1/assignments/{each.assignment.public_id}/image",
            "refused": refused if refused.get("assignment") == each.assignment.public_id else None,
        }
        for each in threads
    ]
