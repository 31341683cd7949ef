"""Many people at once: a file of addresses to invite them or to end their work, with a preview; who has not joined."""

import csv
import io
from collections import Counter
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role
from accounts.personal_invitations import not_joined, still_open
from annotary_core.aggregation.io.encoding import neutralize_formulas
from annotary_core.wording import format_count
from kernel.clock import database_now
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.flow.errors import PeopleFileRefused
from tasks.flow.invitation_mail import join_url
from tasks.flow.people import (
    MAX_LEAVING,
    PeopleReport,
    PersonState,
    invite_from_file,
    leave_from_file,
    preview_invitations,
    preview_leaving,
)
from tasks.flow.people_file import MAX_BYTES, MAX_LINES
from tasks.ingest.errors import TableRefused
from tasks.ingest.tables import decode_table
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page
from workers_ui.views.manage.invitations import site_url

PAGE_SIZE = 50
INVITE, LEAVE = "invite", "leave"
#: What a line finds, in words: before it is applied, and if it did something then.
WORDS = {
    INVITE: {
        PersonState.NEW: ("New: gets an invitation", "Invited"),
        PersonState.AGAIN: ("Gets a new invitation", "Invited again"),
        PersonState.INVITED: ("Invited already", "Invited already"),
        PersonState.JOINED: ("Works here already", "Works here already: team and skills saved"),
    },
    LEAVE: {
        PersonState.JOINED: ("Leaves the project", "Has left"),
        PersonState.INVITED: ("The invitation is withdrawn", "Invitation withdrawn"),
        PersonState.GONE: ("Has left already", "Has left already"),
    },
}
TONES = {PersonState.PROBLEM: "bad", PersonState.NEW: "ok", PersonState.AGAIN: "ok"}


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def people(request: HttpRequest, project: Project) -> HttpResponse:
    """GET shows the form and who has not joined. POST previews a file, or applies the text of one that was previewed.

    It shows the results instead of redirecting: they are a line for each person, and the same file again is harmless.
    """
    context: dict[str, Any] = {"action": LEAVE if request.POST.get("action") == LEAVE else INVITE}
    status = 200
    if request.method == "POST":
        try:
            context |= _file(request, project, context["action"])
        except AnnotaryError as error:
            context["refused"], status = error.detail, 422
    rows, pager = paginate(request, Paginator(not_joined(project_id=project.pk), PAGE_SIZE))
    context |= {"rows": rows, "page": pager, "now": database_now(), "most": MAX_LINES, "most_leaving": MAX_LEAVING}
    return render_project_page(request, project, "people.html", context, tab="workers", status=status)


@require_safe
@project_role_required(Role.MANAGER)
def links(request: HttpRequest, project: Project) -> HttpResponse:
    """The links of people who have not joined, as CSV: for a site without a mail server, or for other messengers."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(["email", "link", "valid_until"])
    for row in still_open(project_id=project.pk).iterator():
        link = join_url(row, base_url=site_url(request))
        writer.writerow([*neutralize_formulas([row.email]), link, row.expires_at.isoformat(timespec="seconds")])
    response = HttpResponse(target.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="invitations.csv"'
    return response


def _file(request: HttpRequest, project: Project, action: str) -> dict[str, Any]:
    text = request.POST.get("text") or _uploaded(request)
    content, skip = text.encode(), "skip" in request.POST
    if request.POST.get("step") != "apply":
        preview = preview_invitations if action == INVITE else preview_leaving
        report = preview(project=project, content=content)
    elif action == INVITE:
        base_url = site_url(request)
        report = invite_from_file(
            project=project, content=content, by=actor_of(request), base_url=base_url, skip_problems=skip
        )
    else:
        report = leave_from_file(project=project, content=content, skip_problems=skip)
    return {"report": report, "lines": _lines(report, action), "text": text, **_summary(report, action)}


def _uploaded(request: HttpRequest) -> str:
    upload = request.FILES.get("file")
    if upload is None:
        raise PeopleFileRefused("Choose a CSV file.")
    try:
        return decode_table(upload.read(MAX_BYTES + 1))
    except TableRefused as error:
        raise PeopleFileRefused(error.detail) from error


def _lines(report: PeopleReport, action: str) -> list[dict[str, Any]]:
    """The lines with a problem come first, or nobody finds them among 2,000."""
    shown = sorted(report.results, key=lambda each: (each.state != PersonState.PROBLEM, each.line))
    return [
        {
            "line": each.line,
            "email": each.email,
            "tone": TONES.get(each.state, ""),
            "word": each.problem or WORDS[action][each.state][each.is_changed],
            "left_out": report.is_applied and each.state == PersonState.PROBLEM,
        }
        for each in shown
    ]


def _summary(report: PeopleReport, action: str) -> dict[str, Any]:
    counts: Counter[str] = report.counts
    acting = (PersonState.NEW, PersonState.AGAIN) if action == INVITE else (PersonState.JOINED, PersonState.INVITED)
    number = sum(counts[each] for each in acting)
    idle = len(report.results) - number - report.problems
    verb = "invited" if action == INVITE else "leave"
    if report.is_applied:
        number, verb = report.changed, ("invited or updated" if action == INVITE else "left")
    parts = [f"{format_count(number, 'person', 'people')} {verb}"]
    if idle and not report.is_applied:
        parts.append(f"{idle:,} {'already in' if action == INVITE else 'gone already'}")
    if report.problems:
        parts.append(f"{format_count(report.problems, 'line')} with a problem")
    return {"summary": ", ".join(parts), "number": number, "may_apply": not report.is_applied and _does_any(report)}


def _does_any(report: PeopleReport) -> bool:
    return any(each.state != PersonState.PROBLEM for each in report.results)
