"""The page of one worker: figures, pay, access, and voiding the worker's answers, with a preview of what that does."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Actor, Role
from accounts.selectors import block_of, display_names
from kernel.errors import AnnotaryError, Refused
from projects.models import Project
from tasks.analytics.worker_figures import worker_figures
from tasks.flow.repair import start_repair, undo_repair
from tasks.flow.repair_preview import preview_repair, preview_undo
from tasks.flow.revocation import block_worker, remove_worker, unblock_worker
from tasks.pay.bonuses import give_bonus
from tasks.pay.selectors import balance
from tasks.repair.errors import RepairRefused
from tasks.repair.models import Repair
from tasks.repair.selectors import project_repair, repairs_of
from tasks.standing.models import Standing
from tasks.standing.selectors import get_worker_standing
from tasks.standing.services import confirm_pause, pause, resume
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action
from workers_ui.views.manage.flag_formatting import describe_findings, describe_flags
from workers_ui.views.manage.label_formatting import example_reasons
from workers_ui.views.manage.set_aside import describe_reasons
from workers_ui.views.manage.skills import set_from_form, skills_of

#: Repairs that the page lists, newest first.
SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
def worker(request: HttpRequest, project_id: uuid.UUID, worker_id: uuid.UUID) -> HttpResponseBase:
    """Render the page; `?part=repairs` is its list of repairs alone, reloaded while one is in progress.

    POST pauses, resumes, removes or blocks the worker, or confirms a pause by a rule.
    """
    view = _change if request.method == "POST" else _page
    return view(request, project_id=project_id, worker_id=worker_id)


@require_safe
@project_role_required(Role.MANAGER)
def _page(request: HttpRequest, project: Project, worker_id: uuid.UUID) -> HttpResponse:
    standing = get_worker_standing(project=project, public_id=worker_id)
    repairs = list(repairs_of(project=project, worker=standing.worker)[:SHOWN])
    context: dict[str, Any] = {**_names(standing), "repairs": repairs, "busy": any(map(_is_busy, repairs))}
    if request.GET.get("part") == "repairs":
        return render_project_page(request, project, "_worker_repairs.html", context, tab="workers")
    (figures,) = worker_figures(project=project, standings=[standing])
    context |= {
        "figures": figures,
        "why_skipped": describe_reasons(figures["skip_reasons"]),
        "evidence": describe_flags(figures["flags"]),
        "found": describe_findings(figures["findings"]),
        "blocked": block_of(organisation=project.organisation, actor=standing.worker),
        "money": balance(worker=standing.worker, project=project),
        "example": example_reasons(project)[1],
        "bonus_key": uuid.uuid4(),
        **skills_of(request, project, standing.worker),
    }
    return render_project_page(request, project, "worker.html", context, tab="workers")


@project_role_required(Role.MANAGER)
def _change(request: HttpRequest, project: Project, worker_id: uuid.UUID) -> HttpResponse:
    standing = get_worker_standing(project=project, public_id=worker_id)
    person, name = standing.worker, _names(standing)["name"]
    reason = request.POST.get("reason", "").strip()[:300]
    organisation = project.organisation
    actions: dict[str, tuple[Callable[[], object], str]] = {
        "bonus": (lambda: _give_bonus(request, project, person, reason), f"{name} gets the bonus."),
        "skill": (lambda: set_from_form(request, project, person), "The skill is saved."),
        "pause": (lambda: _pause(project, person, reason), f"{name} is paused."),
        "remove": (
            lambda: remove_worker(project=project, worker=person, reason=reason or "Decided by a manager."),
            f"{name} is removed. Their set is settled and its open images are free again.",
        ),
        "confirm": (lambda: confirm_pause(project=project, worker=person), f"{name} stays paused."),
        "resume": (lambda: resume(project=project, worker=person), f"{name} can work again."),
        "block": (
            lambda: block_worker(organisation=organisation, worker=person, by=actor_of(request), reason=reason),
            f"{name} is blocked from all projects of {organisation.name}.",
        ),
        "unblock": (lambda: _unblock(project, person, actor_of(request)), f"An invitation can bring {name} back."),
    }
    step = request.POST.get("step", "")
    act, done = actions.get(step, (_unknown_action, ""))
    back = "worker-repair" if "repair" in request.POST and step in ("remove", "block") else "worker"
    if "list" in request.POST:
        return run_action(request, reverse("workers_ui:workers", args=[project.public_id]), act, done)
    return run_action(request, reverse(f"workers_ui:{back}", args=[project.public_id, worker_id]), act, done)


def _give_bonus(request: HttpRequest, project: Project, worker: Actor, reason: str) -> None:
    """The page's key makes a form that was sent twice one bonus."""
    amount, key = request.POST.get("amount", "").replace(",", "."), request.POST.get("key", "")[:100]
    give_bonus(project=project, worker=worker, by=actor_of(request), amount=amount, reason=reason, key=key)


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def repair(request: HttpRequest, project: Project, worker_id: uuid.UUID) -> HttpResponse:
    """Show what voiding the worker's answers would do, since `?since=` or all; POST does it."""
    standing = get_worker_standing(project=project, public_id=worker_id)
    page = reverse("workers_ui:worker", args=[project.public_id, worker_id])
    sent = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":

        def act() -> Repair:
            return start_repair(
                project=project,
                worker=standing.worker,
                by=actor_of(request),
                reason=sent.get("reason", ""),
                since=_moment(sent.get("since", "")),
                pay=Repair.Pay.TAKE_BACK if sent.get("pay") == Repair.Pay.TAKE_BACK else Repair.Pay.KEEP,
            )

        return run_action(request, page, act, "The answers are void. Their images are dealt with in the background.")
    try:
        preview = preview_repair(project=project, worker=standing.worker, since=_moment(sent.get("since", "")))
    except AnnotaryError as error:
        messages.error(request, error.detail)
        return redirect(page)
    context = {**_names(standing), "preview": preview, "since": sent.get("since", "")}
    return render_project_page(request, project, "worker_repair.html", context, tab="workers")


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def undo(request: HttpRequest, project: Project, worker_id: uuid.UUID, repair_id: uuid.UUID) -> HttpResponse:
    """Show what undoing a repair would do; POST does it."""
    standing = get_worker_standing(project=project, public_id=worker_id)
    page = reverse("workers_ui:worker", args=[project.public_id, worker_id])
    row = project_repair(project=project, public_id=repair_id)
    if request.method == "POST":
        reason = request.POST.get("reason", "")
        done = "The answers count again. Their images are dealt with in the background."
        return run_action(request, page, lambda: undo_repair(repair=row, by=actor_of(request), reason=reason), done)
    context = {**_names(standing), "repair": row, "preview": preview_undo(repair=row)}
    return render_project_page(request, project, "worker_undo.html", context, tab="workers")


def _names(standing: Standing) -> dict[str, Any]:
    worker_id = standing.worker.public_id
    return {"standing": standing, "worker": worker_id, "name": display_names(actors=[worker_id])[str(worker_id)]}


def _is_busy(repair: Repair) -> bool:
    return repair.state in (Repair.State.VOIDING, Repair.State.RESTORING)


def _moment(text: str) -> datetime | None:
    """Read a time in ISO 8601 with its zone, which the page's script writes; empty is none. Raises RepairRefused."""
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise RepairRefused("This is not a date with a time. Choose both in the calendar.")
    return moment


def _pause(project: Project, person: Actor, reason: str) -> None:
    if not reason:
        raise Refused("Enter a reason. The worker will see it.")
    pause(project=project, worker=person, reason=reason)


def _unblock(project: Project, person: Actor, by: Actor) -> None:
    block = block_of(organisation=project.organisation, actor=person)
    if block is None:
        raise Refused("This worker is not blocked any more. Reload the page.")
    unblock_worker(block=block, by=by)


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
