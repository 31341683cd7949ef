"""Payouts and bonuses of managers, terms of pay, and what workers read of them."""

import os
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Actor, Organisation
from kernel.clock import ClockTimestamp, database_now
from projects.models import Project
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment
from tasks.pay.models import LedgerEntry, Payout, PayoutRun
from tests import factories, worker_actions
from tests.ui.live import DESK, PHONE, People

pytestmark = pytest.mark.django_db


def a_project(name: str = "Strays", **policy: Any) -> Project:
    values = {"gold_rate": 0, "hand_size": 4, "price": Decimal("0.05"), **policy}
    project = factories.a_project(name, workers=[factories.wren(), factories.finch()], **values)
    factories.some_tasks(project, 8)
    return project


def work(project: Project, worker: Actor, *, seconds: float = 20) -> None:
    """A set that was taken ten minutes ago, answered and submitted."""
    hand = worker_actions.take(worker, project)
    Assignment.objects.filter(hand=hand).update(leased_at=ClockTimestamp() - timedelta(minutes=10))
    for lease in worker_actions.leases_of(hand):
        submit_answer(
            worker=worker,
            assignment_id=lease.public_id,
            raw=factories.class_answer(1),
            raw_sha256="0" * 64,
            seconds=seconds,
        )
    worker_actions.settle(hand)


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def ada() -> Client:
    return signed_in(factories.ada())


def test_a_payout_on_the_page_is_made_once_and_can_be_downloaded_again(ada: Client) -> None:
    project = a_project()
    work(project, factories.wren())
    assert "1 worker $0.20" in text_of(ada.get("/payouts/"))
    sent = {"organisation": str(project.organisation.public_id), "until": f"{database_now():%Y-%m-%d}"}
    assert "1 payout marked as paid" in text_of(ada.post("/payouts/", sent, follow=True))
    again = text_of(ada.post("/payouts/", sent, follow=True))
    assert "Nothing that was approved until then is still to be paid." in again
    run = PayoutRun.objects.get()
    link = f"/api/v1/organisations/{project.organisation.public_id}/payouts/{run.public_id}/file"
    assert link in ada.get("/payouts/").content.decode()
    files = [b"".join(ada.get(link)) for _ in range(2)]
    assert files[0] == files[1]
    assert b"Wren" in files[0]


@pytest.mark.parametrize("day", ["", "banana", "2999-01-01", "2027-02-31", "9999-12-31"])
def test_a_day_that_makes_no_sense_pays_nothing(ada: Client, day: str) -> None:
    project = a_project()
    work(project, factories.wren())
    ada.post("/payouts/", {"organisation": str(project.organisation.public_id), "until": day})
    assert not PayoutRun.objects.exists()


def test_the_page_is_for_managers_of_the_organization(ada: Client) -> None:
    a_project()
    other = Organisation.objects.create(name="Rookery")
    assert ada.get(f"/payouts/?organisation={other.public_id}").status_code == 404
    assert signed_in(factories.wren()).get("/payouts/").status_code == 404
    assert "/payouts/" not in signed_in(factories.wren()).get("/work/").content.decode()


def test_a_bonus_that_is_sent_twice_is_given_once(ada: Client) -> None:
    project, wren = a_project(), factories.wren()
    path = f"/projects/{project.public_id}/workers/{wren.public_id}/"
    key = re.search(r'name="key" value="([^"]+)"', ada.get(path).content.decode())
    assert key is not None
    sent = {"step": "bonus", "amount": "5,50", "reason": "Careful work.", "key": key[1]}
    for _ in range(2):
        assert "Wren gets the bonus." in text_of(ada.post(path, sent, follow=True))
    assert LedgerEntry.objects.get().amount == Decimal("5.50")
    assert "A bonus is an amount from 0.01" in text_of(ada.post(path, sent | {"amount": "x"}, follow=True))
    shown = text_of(signed_in(wren).get("/work/earnings/"))
    assert "Bonus Careful work." in shown
    assert "$5.50 with the next payout" in shown


def test_a_worker_reads_the_terms_before_taking_anything_and_the_time_after_the_set() -> None:
    project, wren = a_project(pay_by="hour", price=Decimal(18), approval_days=5), factories.wren()
    client = signed_in(wren)
    assert "$18.00 per hour" in text_of(client.get("/work/"))
    intro = text_of(client.get(f"/work/{project.public_id}/"))
    assert "Per hour $18.00 for the time you work on images, at most 60 seconds per image" in intro
    work(project, wren)
    hand = Assignment.objects.filter(worker=wren).first()
    assert hand is not None
    done = text_of(client.get(f"/work/{project.public_id}/handed-in/{hand.hand.public_id}/"))
    assert "$0.40 for 4 answers and 80 seconds of work" in done
    assert "Waiting approved within 5 days of" in done
    earnings = text_of(client.get("/work/earnings/"))
    assert "$0.40 waiting, approved from" in earnings
    assert "4 answers in 80 seconds" in earnings


def test_a_worker_sees_the_floor_and_the_top_up() -> None:
    project, wren = a_project(hourly_floor=Decimal(18)), factories.wren()
    client = signed_in(wren)
    assert "at least $18.00 per hour" in text_of(client.get("/work/"))
    assert "At least per hour $18.00" in text_of(client.get(f"/work/{project.public_id}/"))
    work(project, wren)
    hand = Assignment.objects.filter(worker=wren).first()
    assert hand is not None
    done = text_of(client.get(f"/work/{project.public_id}/handed-in/{hand.hand.public_id}/"))
    assert "$0.20 of it tops the set up to the least pay of an hour." in done
    assert "Top-up to the least pay of an hour" in text_of(client.get("/work/earnings/"))


def test_a_manager_sets_the_terms_of_pay_and_other_fields_stay(ada: Client) -> None:
    project = a_project()
    path = f"/projects/{project.public_id}/settings/"
    form = ada.get(path).context["form"]
    fields = {name: form.initial[name] for name in form.fields} | {"form": "policy"}
    terms = {"pay_by": "hour", "price": "18", "paid_seconds": "90", "approval_days": "7", "hourly_floor": ""}
    assert ada.post(path, fields | terms).status_code == 302
    project.refresh_from_db()
    assert (project.pay_by, project.price, project.paid_seconds, project.approval_days) == ("hour", Decimal(18), 90, 7)
    # A page from before these fields keeps them.
    old = {name: value for name, value in fields.items() if name not in (*terms, "paid_objects")}
    assert ada.post(path, old | {"price": "20"}).status_code == 302
    project.refresh_from_db()
    assert (project.pay_by, project.price, project.approval_days) == ("hour", Decimal(20), 7)
    refused = ada.post(path, fields | terms | {"hourly_floor": "12"})
    assert refused.status_code == 422
    assert "Leave out the least pay of an hour" in text_of(refused)


def photograph(page: Page, name: str) -> None:
    """Keep a picture if a folder for it is named."""
    if folder := os.environ.get("ANNOTARY_SHOTS"):
        for scheme in ("light", "dark"):
            page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
class TestInTheBrowser:
    @pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
    def test_a_manager_pays_out_and_the_worker_sees_it(self, people: People, device: dict[str, Any]) -> None:
        name = "phone" if device is PHONE else "desk"
        project, hourly = a_project(), a_project("Streets", pay_by="hour", price=Decimal(18), approval_days=7)
        for worker in (factories.wren(), factories.finch()):
            work(project, worker)
            work(hourly, worker)
        page = people.signed_in(factories.ada(), **device)
        page.goto("/payouts/")
        assert fits(page)
        photograph(page, f"payouts-before-{name}")
        page.get_by_role("button", name="Pay out").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("This cannot be undone.")
        dialog.get_by_role("button", name="Mark as paid").click()
        expect(page.get_by_text("2 payouts marked as paid.")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile("Download the file")).first.click()
        assert download.value.suggested_filename.startswith("payout-")
        assert Payout.objects.count() == 2
        assert fits(page)
        photograph(page, f"payouts-after-{name}")
        mine = people.signed_in(factories.wren(), **device)
        mine.goto("/work/earnings/")
        expect(mine.get_by_text("Paid out", exact=True)).to_be_visible()
        expect(mine.get_by_text("waiting, approved from")).to_be_visible()
        assert fits(mine)
        photograph(mine, f"earnings-{name}")
        mine.goto(f"/work/{hourly.public_id}/")
        assert fits(mine)
        photograph(mine, f"terms-{name}")
        page.goto(f"/projects/{hourly.public_id}/settings/")
        page.get_by_text("Pay: by object or hour").click()
        assert fits(page)
        photograph(page, f"settings-{name}")
        page.goto(f"/projects/{hourly.public_id}/workers/{factories.wren().public_id}/")
        assert fits(page)
        photograph(page, f"worker-{name}")


def fits(page: Page) -> bool:
    width: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return width
