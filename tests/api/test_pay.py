"""Statements, payouts and bonuses through the API."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Actor, User
from projects.models import Project
from tasks.api import pay
from tasks.pay.models import LedgerEntry
from tasks.pay.payouts import payout_file
from tests import factories, worker_actions
from tests.api.people import member, with_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren() -> Actor:
    return member("worker")


@pytest.fixture
def ada() -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def project(wren: Actor) -> Project:
    project = factories.a_project(workers=[wren], gold_rate=0, hand_size=3, price=Decimal("0.05"))
    factories.some_tasks(project, 3)
    return project


def settle_a_set(project: Project, worker: Actor) -> None:
    hand = worker_actions.take(worker, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)


def url(project: Project, rest: str) -> str:
    return f"/api/v1/organisations/{project.organisation.public_id}/{rest}"


def lines(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_a_payout_from_the_settled_set_to_the_file(project: Project, wren: Actor, ada: APIClient) -> None:
    settle_a_set(project, wren)
    run = ada.post(url(project, "payouts/"), {}, format="json")
    assert run.status_code == 201, run.content
    assert run.json()["totals"] == [{"currency": "USD", "workers": 1, "amount": "0.150000"}]
    files: list[Any] = [ada.get(run.json()["file"]) for _ in range(2)]
    first, second = (b"".join(file.streaming_content) for file in files)
    assert first == second
    (line,) = csv.DictReader(io.StringIO(first.decode()))
    assert (line["name"], line["amount"], line["entries"]) == ("Wren", "0.15", "3")
    assert ada.get(url(project, "payouts/")).json()["results"] == [run.json()]
    assert ada.get(url(project, f"payouts/{run.json()['id']}/")).json() == run.json()
    again = ada.post(url(project, "payouts/"), {}, format="json")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/nothing_to_pay/")


def test_both_sides_read_the_same_sums(project: Project, wren: Actor, ada: APIClient) -> None:
    settle_a_set(project, wren)
    path = f"/api/v1/projects/{project.public_id}/workers/{wren.public_id}/bonuses/"
    given = ada.post(path, {"amount": "5.00", "reason": "Careful work."}, format="json")
    assert given.status_code == 201, given.content
    (mine,) = with_key(wren).get("/api/v1/ledger/statement/").json()["projects"]
    (theirs,) = ada.get(url(project, "pay/")).json()["results"]
    assert theirs["name"] == "Wren"
    assert [{"project": "Strays", **sums} for sums in theirs["sums"]] == [mine]
    assert (mine["answers"], mine["earned"], mine["bonuses"]) == (3, "5.150000", "5.000000")
    assert ada.get(url(project, "pay/?until=2020-01-01T00:00:00Z")).json()["results"][0]["sums"] == []
    table = lines(ada.get(url(project, "pay.csv")))
    assert [(row["name"], Decimal(row["earned"])) for row in table] == [("Wren", Decimal("5.15"))]


def test_a_bonus_as_a_number_is_refused(project: Project, wren: Actor, ada: APIClient) -> None:
    path = f"/api/v1/projects/{project.public_id}/workers/{wren.public_id}/bonuses/"
    refused = ada.post(path, {"amount": 5.5, "reason": "Careful work."}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/bonus_refused/")
    assert not LedgerEntry.objects.exists()


def test_a_workers_table_has_a_line_for_each_set_and_no_formula(project: Project, wren: Actor, ada: APIClient) -> None:
    settle_a_set(project, wren)
    path = f"/api/v1/projects/{project.public_id}/workers/{wren.public_id}/bonuses/"
    ada.post(path, {"amount": "5.00", "reason": "=HYPERLINK(1)"}, format="json")
    rows = lines(with_key(wren).get("/api/v1/ledger/statement.csv"))
    assert [(row["entry"], row["state"], row["reason"]) for row in rows] == [
        ("bonus", "approved", "'=HYPERLINK(1)"),
        ("credit", "approved", ""),
    ]
    assert rows[1]["answers"] == "3"


def test_a_name_in_the_managers_table_is_not_run_as_a_formula(project: Project, wren: Actor, ada: APIClient) -> None:
    User.objects.filter(actor=wren).update(name="@SUM(A1:A9)")
    settle_a_set(project, wren)
    (row,) = lines(ada.get(url(project, "pay.csv")))
    assert row["name"] == "'@SUM(A1:A9)"


def test_pay_by_the_hour_is_offered_and_kept_in_the_set(wren: Actor, ada: APIClient) -> None:
    project = factories.a_project(workers=[wren], gold_rate=0, hand_size=1)
    factories.some_tasks(project, 1)
    path = f"/api/v1/projects/{project.public_id}/"
    changed = ada.patch(path, {"pay_by": "hour", "price": "12", "paid_seconds": 90}, format="json")
    assert changed.status_code == 200, changed.content
    assert (changed.json()["pay_by"], changed.json()["price"], changed.json()["hourly_floor"]) == (
        "hour",
        "12.000000",
        None,
    )
    worker = with_key(wren)
    (offer,) = worker.get("/api/v1/work/").json()["projects"]
    hand = worker.post(f"{path}hands/").json()
    for shown in (offer, hand):
        assert (shown["pay_by"], Decimal(shown["price"]), shown["paid_seconds"]) == ("hour", Decimal(12), 90)
    ada.patch(path, {"pay_by": "answer", "price": "0.01"}, format="json")
    assert worker.get(f"/api/v1/hands/{hand['id']}/").json()["pay_by"] == "hour"


def break_reading(name: str, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function that makes the rows of a file fail once it has made some."""
    plain = getattr(pay, name)

    def rows(*args: Any) -> Iterator[Any]:
        yield from islice(plain(*args), after)
        raise RuntimeError("broken")

    monkeypatch.setattr(pay, name, rows)
    monkeypatch.setattr(pay, "ROWS_AT_ONCE", 1)


def cells_of(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))


@pytest.mark.parametrize(
    ("rows", "who", "path"),
    [("_statement_rows", "worker", "/api/v1/ledger/statement.csv"), ("_worker_rows", "owner", "pay.csv")],
)
def test_a_file_that_breaks_off_says_so_in_its_last_line(
    rows: str, who: str, path: str, project: Project, wren: Actor, ada: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web server ends it as if it were complete, and the status was sent long ago."""
    settle_a_set(project, wren)
    client = with_key(wren) if who == "worker" else ada
    address = path if who == "worker" else url(project, path)
    whole = cells_of(client.get(address))
    assert {len(row) for row in whole} == {len(whole[0])}
    break_reading(rows, 1, monkeypatch)
    broken = cells_of(client.get(address))
    assert [len(row) for row in broken] == [len(whole[0]), len(whole[0]) + 2]
    assert broken[-1][1] == "/problems/unexpected/"


def test_a_file_whose_first_rows_cannot_be_read_is_a_problem(
    project: Project, wren: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_a_set(project, wren)
    break_reading("_statement_rows", 0, monkeypatch)
    answer = with_key(wren).get("/api/v1/ledger/statement.csv")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")


def test_a_file_of_a_run_that_breaks_off_says_so_too(
    project: Project, wren: Actor, ada: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_a_set(project, wren)
    link = ada.post(url(project, "payouts/"), {}, format="json").json()["file"]

    def broken(**options: Any) -> Iterator[bytes]:
        yield from payout_file(**options)
        raise RuntimeError("broken")

    monkeypatch.setattr(pay, "payout_file", broken)
    rows = cells_of(ada.get(link))
    assert [len(row) for row in rows] == [8, 8, 10]


def test_pay_is_approved_before_its_date_once(wren: Actor, ada: APIClient) -> None:
    project = factories.a_project(workers=[wren], gold_rate=0, hand_size=3, price=Decimal("0.05"), approval_days=7)
    factories.some_tasks(project, 3)
    settle_a_set(project, wren)
    path = f"/api/v1/projects/{project.public_id}/early-approvals/"
    sent = {"worker": str(wren.public_id)}
    given = ada.post(path, sent, format="json", headers={"Idempotency-Key": "a"})
    assert given.status_code == 201, given.content
    assert (given.json()["answers"], given.json()["amount"]) == (3, "0.150000")
    assert (given.json()["worker"], given.json()["batch_number"]) == (str(wren.public_id), None)
    again = ada.post(path, sent, format="json", headers={"Idempotency-Key": "a"})
    assert again.json() == given.json()
    refused = ada.post(path, {"batch": str(project.batches.get().public_id)}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/nothing_to_approve/")
    assert ada.post(path, {}, format="json").json()["type"] == "/problems/approval_refused/"
    assert ada.get(path).json()["results"] == [given.json()]
    (mine,) = with_key(wren).get("/api/v1/ledger/statement/").json()["projects"]
    assert (mine["waiting"], mine["next_approval"]) == ("0.000000", None)
