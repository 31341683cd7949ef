"""Payouts of an organization: what is to be paid, runs with their files, what each worker earned in a period."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Organisation, Role
from accounts.selectors import display_names, organisations_of
from kernel.clock import database_now
from kernel.errors import AnnotaryError, NotFound
from tasks.pay.errors import PayoutRefused
from tasks.pay.payouts import payable, run_payouts, runs_of, totals_of
from tasks.pay.statements import Period, paid_workers, sums_by_worker
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate

RUNS_PER_PAGE = 12
WORKERS_PER_PAGE = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payouts(request: HttpRequest) -> HttpResponse:
    """POST pays what was approved until the end of a day. GET shows the page, with the organization in the query."""
    managed = list(organisations_of(actor=actor_of(request), role=Role.MANAGER))
    asked = request.POST.get("organisation") or request.GET.get("organisation") or ""
    chosen = next((each for each in managed if asked in ("", str(each.public_id))), None)
    if chosen is None:
        raise NotFound
    if request.method == "POST":
        return _pay(request, chosen)
    return render(request, "workers_ui/manage/payouts.html", _context(request, chosen, managed))


def _pay(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    day, now = _day(request.POST.get("until", "")), database_now()
    # Today is not over, so it is what is approved by now; a later day is refused.
    until = None if day is None or day == now.date() else _end_of(day)
    try:
        if day is None:
            raise PayoutRefused("Choose the day until whose end you pay what was approved.")
        run = run_payouts(organisation=organisation, by=actor_of(request), until=until)
    except AnnotaryError as error:
        messages.error(request, error.detail)
    else:
        workers = sum(each.workers for each in totals_of(runs=[run])[run.pk])
        people = "1 payout" if workers == 1 else f"{workers:,} payouts"
        messages.success(request, f"{people} marked as paid. Download the file and pay by it.")
    return redirect(f"{reverse('workers_ui:payouts')}?{urlencode({'organisation': organisation.public_id})}")


def _context(request: HttpRequest, organisation: Organisation, managed: list[Organisation]) -> dict[str, Any]:
    since, until = (_day(request.GET.get(name, "")) for name in ("since", "until"))
    start = None if since is None else datetime.combine(since, time.min, UTC)
    period = Period(start, None if until is None else _end_of(until))
    runs, runs_pager = paginate(request, Paginator(runs_of(organisation=organisation), RUNS_PER_PAGE), "runs")
    workers, pager = paginate(request, Paginator(paid_workers(organisation=organisation), WORKERS_PER_PAGE))
    people = [*(worker.public_id for worker in workers), *(run.created_by.public_id for run in runs)]
    names, totals = display_names(actors=people), totals_of(runs=list(runs))
    sums = sums_by_worker(organisation=organisation, workers=list(workers), period=period)
    dates = {"since": since.isoformat() if since else "", "until": until.isoformat() if until else ""}
    times = {"since": period.since and period.since.isoformat(), "until": period.until and period.until.isoformat()}
    query = {"organisation": organisation.public_id, **dates}
    return {
        "organisation": organisation,
        "managed": managed,
        "payable": payable(organisation=organisation),
        "today": database_now().date(),
        "runs": [{"run": run, "by": names[str(run.created_by.public_id)], "totals": totals[run.pk]} for run in runs],
        "runs_page": runs_pager,
        "people": [(names[str(worker.public_id)], each) for worker in workers for each in sums[worker.pk]],
        "page": pager,
        "dates": dates,
        "query": f"&{urlencode(query)}",
        "table_query": urlencode({name: value for name, value in times.items() if value}),
        "everybody": pager["count"],
    }


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _end_of(day: date) -> datetime:
    """Return the end of a day in UTC; days until 9998 have one."""
    return datetime.combine(day if day.year < 9999 else date(9998, 12, 31), time.min, UTC) + timedelta(days=1)
