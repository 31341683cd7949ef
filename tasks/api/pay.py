"""Pay: a worker's statement, what workers earned in a period, payout runs, bonuses."""

import uuid
from collections.abc import Generator, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Actor, ApiToken, Organisation, Role
from accounts.selectors import display_names
from annotary_core.aggregation.io.encoding import neutralize_formulas
from kernel.clock import rfc3339
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.accounts import organisation_of
from tasks.api.described_pay import (
    BonusSerializer,
    NewBonusSerializer,
    NewPayoutSerializer,
    PayoutSerializer,
    StatementSerializer,
    WorkerSumsSerializer,
)
from tasks.api.filters import PARSERS, created
from tasks.api.negotiation import OCTETS, as_negotiated, file_types
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, ByOldest, listing, page_at_once
from tasks.api.request_bodies import body_of, valid
from tasks.api.row_files import RowFile, csv_lines, csv_problem
from tasks.pay.bonuses import give_bonus
from tasks.pay.models import LedgerEntry, PayoutRun
from tasks.pay.payouts import PayoutTotal, payout_file, run_for, run_payouts, runs_of, totals_of
from tasks.pay.providers import PROVIDERS
from tasks.pay.selectors import LEDGER_DIGITS
from tasks.pay.statements import (
    PaySums,
    Period,
    line_state,
    paid_workers,
    statement_of,
    sums_by_project,
    sums_by_worker,
)
from tasks.standing.selectors import get_worker_standing

CSV = ("text/csv", OCTETS)
PERIOD = [
    OpenApiParameter("since", datetime, description="Entries from this time on; all without it"),
    OpenApiParameter("until", datetime, description="Entries before this time; all without it"),
]
LINES = (
    "at",
    "project",
    "entry",
    "answers",
    "seconds",
    "amount",
    "currency",
    "state",
    "approved_at",
    "paid_at",
    "reason",
)
#: Workers whose sums are computed at a time.
WORKERS_AT_ONCE = 100
SUMS = ("answers", "seconds", "pay", "top_ups", "bonuses", "corrections", "earned", "paid", "unpaid", "waiting")
WORKER_COLUMNS = ("worker", "name", "currency", *SUMS)
#: Rows of a file that are sent at a time.
ROWS_AT_ONCE = 500


class StatementView(View):
    scopes = {"GET": "work"}

    @operation(parameters=PERIOD, responses=StatementSerializer, summary="What I earned, by project")
    def get(self, request: Request) -> Response:
        rows = sums_by_project(worker=actor_of(request), period=_period(request), organisation=_own(request))
        return Response({"projects": [{"project": name, **_shown(sums)} for name, sums in rows]})


class StatementTableView(View):
    scopes = {"GET": "work"}
    produces = CSV

    @operation(parameters=PERIOD, responses=file_types(*CSV), summary="My statement as CSV")
    def get(self, request: Request) -> HttpResponseBase:
        """One line for each set, top-up, bonus, correction and payout, newest first."""
        lines = statement_of(worker=actor_of(request), period=_period(request), organisation=_own(request))
        return _file(request, _statement_rows(lines.iterator(chunk_size=500)), name="statement", columns=len(LINES))


class PayView(View):
    scopes = {"GET": "manage"}

    @listing(WorkerSumsSerializer, parameters=PERIOD, summary="What each worker earned in a period")
    def get(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """Everybody who has ever earned something in the organization; without `sums` if not in the period."""
        organisation, period = _organisation(request, organisation_id), _period(request)

        def shape(workers: list[Actor]) -> list[dict[str, Any]]:
            names = display_names(actors=[worker.public_id for worker in workers])
            sums = sums_by_worker(organisation=organisation, workers=workers, period=period)
            return [
                {
                    "worker": str(worker.public_id),
                    "name": names[str(worker.public_id)],
                    "sums": [_shown(each) for each in sums[worker.pk]],
                }
                for worker in workers
            ]

        return page_at_once(request, paid_workers(organisation=organisation).order_by(), shape, order=ByOldest)


class PayTableView(View):
    scopes = {"GET": "manage"}
    produces = CSV

    @operation(parameters=PERIOD, responses=file_types(*CSV), summary="What each worker earned in a period, as CSV")
    def get(self, request: Request, organisation_id: uuid.UUID) -> HttpResponseBase:
        """One line for each worker and currency."""
        organisation, period = _organisation(request, organisation_id), _period(request)
        return _file(request, _worker_rows(organisation, period), name="pay", columns=len(WORKER_COLUMNS))


class PayoutsView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _organisation(request, ids["organisation_id"])

    @listing(PayoutSerializer, filters=[*created()], summary="Payout runs of an organization")
    def get(self, request: Request, organisation_id: uuid.UUID) -> Response:
        organisation = _organisation(request, organisation_id)
        return page_at_once(
            request,
            runs_of(organisation=organisation).order_by(),
            lambda runs: _payouts(organisation, runs),
            order=ByNewest,
        )

    @operation(
        request=NewPayoutSerializer,
        bodies=examples.PAYOUT,
        responses={201: PayoutSerializer},
        summary="Pay everything that is approved",
    )
    def post(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """Marks it as paid; you then pay by the file. What is below the smallest coin stays for the next run.

        Each entry is paid once, however many managers do this at once. 409 `nothing_to_pay` if nothing is left.
        """
        organisation = _organisation(request, organisation_id)
        data = valid(NewPayoutSerializer(data=request.data))
        run = run_payouts(organisation=organisation, by=actor_of(request), until=data["until"])
        return Response(_payouts(organisation, [run])[0], status=status.HTTP_201_CREATED)


class PayoutView(View):
    scopes = {"GET": "manage"}

    @operation(responses=PayoutSerializer, summary="A payout run")
    def get(self, request: Request, organisation_id: uuid.UUID, payout_run_id: uuid.UUID) -> Response:
        organisation = _organisation(request, organisation_id)
        return Response(_payouts(organisation, [run_for(organisation=organisation, public_id=payout_run_id)])[0])


class PayoutFileView(View):
    scopes = {"GET": "manage"}
    produces = CSV

    @operation(responses=file_types(*CSV), summary="The file of a payout run")
    def get(self, request: Request, organisation_id: uuid.UUID, payout_run_id: uuid.UUID) -> HttpResponseBase:
        """A line for each worker and currency: `payout`, `worker`, `name`, `email`, `amount`, `currency`, `entries` and
        `approved_until`. The same bytes each time, whatever has changed since."""
        run = run_for(organisation=_organisation(request, organisation_id), public_id=payout_run_id)
        provider = PROVIDERS[run.provider]
        name = f"payout-{run.created_at:%Y-%m-%d}"
        columns = provider.columns
        return _response(request, payout_file(run=run), name=name, suffix=provider.suffix, columns=columns)


class BonusesView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=NewBonusSerializer, bodies=examples.BONUS, responses={201: BonusSerializer}, summary="Give a bonus"
    )
    def post(self, request: Request, project_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        """Approved at once. It counts against the budget of the project."""
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(NewBonusSerializer(data=request.data))
        worker = get_worker_standing(project=project, public_id=worker_id).worker
        entry = give_bonus(
            project=project,
            worker=worker,
            by=actor_of(request),
            amount=body_of(request).get("amount", data["amount"]),
            reason=data["reason"],
            key=str(uuid.uuid4()),
        )
        return Response(BonusSerializer(entry).data, status=status.HTTP_201_CREATED)


def _organisation(request: Request, organisation_id: uuid.UUID) -> Organisation:
    return organisation_of(request, organisation_id, Role.MANAGER)


def _own(request: Request) -> Organisation | None:
    """A key sees what was earned in its organization, a person everything."""
    return request.auth.organisation if isinstance(request.auth, ApiToken) else None


def _period(request: Request) -> Period:
    parse = PARSERS[datetime]
    since, until = (request.query_params.get(name) for name in ("since", "until"))
    return Period(parse(since) if since else None, parse(until) if until else None)


def _shown(sums: PaySums) -> dict[str, Any]:
    values = {name: getattr(sums, name) for name in SUMS}
    texts = {name: str(value.quantize(LEDGER_DIGITS)) for name, value in values.items() if isinstance(value, Decimal)}
    when = sums.next_approval and rfc3339(sums.next_approval)
    return {"currency": sums.currency, **values, **texts, "next_approval": when}


def _payouts(organisation: Organisation, runs: list[PayoutRun]) -> list[dict[str, Any]]:
    totals = totals_of(runs=runs)
    return [
        {
            "id": str(run.public_id),
            "until": rfc3339(run.until),
            "created_at": rfc3339(run.created_at),
            "created_by": str(run.created_by.public_id),
            "totals": [_total(each) for each in totals[run.pk]],
            "file": f"/api/v1/organisations/{organisation.public_id}/payouts/{run.public_id}/file",
        }
        for run in runs
    ]


def _total(total: PayoutTotal) -> dict[str, Any]:
    return {"currency": total.currency, "workers": total.workers, "amount": str(total.amount.quantize(LEDGER_DIGITS))}


def _statement_rows(lines: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    yield [*LINES]
    for line in lines:
        state = line_state(line)
        is_payout = line["kind"] == LedgerEntry.Kind.PAYOUT
        yield [
            rfc3339(line["at"]),
            *neutralize_formulas([line["project_name"]]),
            line["kind"],
            line["answers"],
            line["time"] or "",
            line["total"],
            line["currency"],
            state,
            "" if is_payout else rfc3339(line["approved"] or line["at"]),
            rfc3339(line["paid_at"]) if line["paid_at"] and not line["unpaid"] else "",
            *neutralize_formulas([line["reason"]]),
        ]


def _worker_rows(organisation: Organisation, period: Period) -> Iterator[list[Any]]:
    yield [*WORKER_COLUMNS]
    last, workers = 0, paid_workers(organisation=organisation)
    while chunk := list(workers.filter(pk__gt=last)[:WORKERS_AT_ONCE]):
        last = chunk[-1].pk
        names = display_names(actors=[worker.public_id for worker in chunk])
        sums = sums_by_worker(organisation=organisation, workers=chunk, period=period)
        for worker in chunk:
            name = neutralize_formulas([names[str(worker.public_id)]])[0]
            for each in sums[worker.pk]:
                yield [worker.public_id, name, each.currency, *(getattr(each, column) for column in SUMS)]


def _file(request: Request, rows: Iterator[list[Any]], *, name: str, columns: int) -> HttpResponseBase:
    return _response(request, _encoded(rows), name=name, suffix="csv", columns=columns)


def _encoded(rows: Iterator[list[Any]]) -> Generator[bytes, None, None]:
    """The first chunk has rows, so that a query that fails does so before anything is sent."""
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        yield csv_lines(chunk)


def _response(
    request: Request, chunks: Generator[bytes, None, None], *, name: str, suffix: str, columns: int
) -> HttpResponseBase:
    response = StreamingHttpResponse(RowFile(chunks, csv_problem(columns)), content_type=CSV[0])
    response["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    response["Cache-Control"] = "private, no-store"
    return as_negotiated(request, response, CSV)
