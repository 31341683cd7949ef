"""Workers' questions about images: the team answers them, marks them as answered, and makes rules of them."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Actor, Role
from accounts.selectors import display_names, display_names_for, require_role
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.questions.errors import QuestionMoved
from tasks.questions.models import MAX_TEXT, ImageThread
from tasks.questions.selectors import image_of, messages_of, threads_of_project
from tasks.questions.services import answer_question, make_rule, mark_answered
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page

PAGE_SIZE = 20
LISTS = {"open": "To answer", "answered": "Answered"}
DONE = {"answer": "Answered.", "close": "Marked as answered.", "rule": "The rule is part of the instructions now."}


@require_safe
@project_role_required(Role.REVIEWER)
def questions(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, _list(request.GET.get("list", "")))


@require_POST
@project_role_required(Role.REVIEWER)
def decide(request: HttpRequest, project: Project, question_id: uuid.UUID) -> HttpResponse:
    """Answer a question, mark it as answered, or make a rule of it. What was typed stays if it is refused."""
    chosen, step = _list(request.POST.get("list", "")), request.POST.get("step", "")
    text = request.POST.get("rule" if step == "rule" else "text", "")
    try:
        _act(request, project, question_id, step, text)
    except AnnotaryError as error:
        refused = {"id": question_id, "step": step, "text": text, "why": error}
        return _page(request, project, chosen, status=error.status, refused=refused)
    messages.success(request, DONE[step])
    return redirect(f"{reverse('workers_ui:questions-asked', args=[project.public_id])}?list={chosen}")


def _act(request: HttpRequest, project: Project, question_id: uuid.UUID, step: str, text: str) -> None:
    by, seen = actor_of(request), request.POST.get("messages", "")
    read = int(seen) if seen.isdecimal() and len(seen) < 5 else 0
    if step == "answer":
        answer_question(by=by, project=project, public_id=question_id, text=text, messages=read)
    elif step == "close":
        mark_answered(by=by, project=project, public_id=question_id, messages=read)
    elif step == "rule":
        require_role(actor=by, organisation_id=project.organisation_id, role=Role.MANAGER)
        make_rule(by=by, project=project, public_id=question_id, rule=text)
    else:
        raise QuestionMoved("Choose what to do with the question.")


def _list(name: str) -> str:
    return name if name in LISTS else "open"


def _page(
    request: HttpRequest, project: Project, chosen: str, *, status: int = 200, refused: dict[str, Any] | None = None
) -> HttpResponse:
    rows = {name: threads_of_project(project=project, state=name) for name in LISTS}
    pages = {name: Paginator(each, PAGE_SIZE) for name, each in rows.items()}
    found, pager = paginate(request, pages[chosen])
    context = {
        "lists": [{"name": name, "label": label, "count": pages[name].count} for name, label in LISTS.items()],
        "chosen": chosen,
        "threads": _shown(project, actor_of(request), list(found), refused or {}),
        "page": pager,
        "query": f"&list={chosen}",
        "max_text": MAX_TEXT,
    }
    return render_project_page(request, project, "questions.html", context, tab="questions-asked", status=status)


def _shown(
    project: Project, viewer: Actor, threads: Sequence[ImageThread], refused: dict[str, Any]
) -> list[dict[str, Any]]:
    found = messages_of(threads=threads)
    team = {each.author.public_id for rows in found.values() for each in rows if not each.from_worker}
    team |= {each.answered_by.public_id for each in threads if each.answered_by}
    workers = {each.worker.public_id for each in threads}
    names = display_names(actors=team)
    names |= display_names_for(viewer, organisation_id=project.organisation_id, actors=workers)
    return [
        {
            "thread": each,
            "image": image_of(each),
            "task": each.assignment.task,
            "is_gold": each.assignment.gold_id is not None,
            "worker": names[str(each.worker.public_id)],
            "answered_by": names[str(each.answered_by.public_id)] if each.answered_by else "",
            "messages": [
                {"row": row, "who": names[str(row.author.public_id)], "from_worker": row.from_worker}
                for row in found[each.pk]
            ],
            "last_answer": next((row.body for row in reversed(found[each.pk]) if not row.from_worker), ""),
            "refused": refused if refused.get("id") == each.public_id else None,
        }
        for each in threads
    ]
