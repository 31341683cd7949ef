"""Images that many workers skipped: who skipped them and why, and the manager's decision on each or on several."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.selectors import display_names
from annotary_core.wording import format_count
from projects.models import Project
from tasks.assignment.models import SetAside, SkipReason
from tasks.assignment.set_aside import Skip, left_out_set_aside, skips_of, waiting_set_aside
from tasks.flow.errors import NothingSelected
from tasks.flow.set_aside import leave_out, restore_offers
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action

PAGE_SIZE = 50
LISTS = {"waiting": ("To decide", waiting_set_aside), "left_out": ("Left out", left_out_set_aside)}
DECISIONS = {"offer": (restore_offers, "offered again"), "leave-out": (leave_out, "left out")}
REASONS = {
    SkipReason.UNCLEAR_IMAGE: "image unclear",
    SkipReason.UNCLEAR_TASK: "instructions unclear",
    SkipReason.NOT_FOR_ME: "would rather not see it",
    SkipReason.OTHER: "another reason",
}


@require_safe
@project_role_required(Role.MANAGER)
def set_aside(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = request.GET.get("list", "waiting")
    chosen = chosen if chosen in LISTS else "waiting"
    pages = {name: Paginator(rows(project=project), PAGE_SIZE) for name, (_, rows) in LISTS.items()}
    lists = [{"name": name, "label": label, "count": pages[name].count} for name, (label, _) in LISTS.items()]
    shown, pager = paginate(request, pages[chosen])
    skips = skips_of(rows=list(shown))
    people = {each.worker for group in skips.values() for each in group}
    people |= {str(row.decided_by.public_id) for row in shown if row.decided_by}
    names = display_names(actors=people)
    context = {
        "lists": lists,
        "chosen": chosen,
        "rows": [_row(row, skips[row.pk], names) for row in shown],
        "page": pager,
        "query": f"&list={chosen}",
    }
    return render_project_page(request, project, "set_aside.html", context, tab="review")


@require_POST
@project_role_required(Role.MANAGER)
def decide(request: HttpRequest, project: Project) -> HttpResponse:
    """Offer the selected images again, or leave them out."""
    chosen = "left_out" if request.POST.get("list") == "left_out" else "waiting"
    back = f"{reverse('workers_ui:set-aside', args=[project.public_id])}?list={chosen}"
    return run_action(request, back, lambda: _decide(request, project))


def _decide(request: HttpRequest, project: Project) -> None:
    step = request.POST.get("step", "")
    if step not in DECISIONS:
        raise NothingSelected
    act, done = DECISIONS[step]
    try:
        ids = [uuid.UUID(text) for text in request.POST.getlist("id")]
    except ValueError as error:
        raise NothingSelected from error
    result = act(project=project, by=actor_of(request), ids=ids)
    said = f"{format_count(result.decided, 'image')} {done}."
    if result.unchanged:
        others = format_count(result.unchanged, "other was", "others were")
        said += f" {others} decided or answered in the meantime."
    messages.success(request, said)


def describe_reasons(reasons: Mapping[str, int]) -> str:
    """Describe why images were skipped, the most frequent reason first: "image unclear × 3, another reason"."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(_words(reason) + (f" × {count:,}" if count > 1 else "") for reason, count in ordered)


def _words(reason: str) -> str:
    return REASONS.get(SkipReason(reason), reason) if reason else "no reason given"


def _row(row: SetAside, skips: Sequence[Skip], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "row": row,
        "workers": len({each.worker for each in skips}),
        "reasons": describe_reasons(Counter(each.reason for each in skips)),
        "skips": [
            {"who": names[each.worker], "worker": each.worker, "reason": _words(each.reason), "note": each.note}
            for each in skips
        ],
        "decided_by": names[str(row.decided_by.public_id)] if row.decided_by else "",
    }
