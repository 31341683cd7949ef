"""A worker's own page: how they stand, what they answered and earned, what they have passed."""

import os
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Actor
from kernel.clock import ClockTimestamp, database_now
from projects.models import Project
from tasks.analytics import offer_figures
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch
from tasks.pay.models import EarlyApproval
from tasks.pay.payouts import run_payouts
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.labeled import run_report_jobs
from tests.qualifications import a_qualification, held, required
from tests.rejected import a_rejected_answer
from tests.ui.live import DESK, PHONE, People

pytestmark = pytest.mark.django_db
INTERNAL_WORDS = re.compile(r"\b(gold|posterior|consensus|void|surplus|trust|claim|lease|coached|watched)\w*", re.I)
PAGE = "/work/standing/"


@pytest.fixture
def wren(client: Client) -> Actor:
    client.force_login(factories.a_user("wren"))
    return factories.wren()


def a_project(name: str = "Strays", **policy: Any) -> Project:
    values = {"gold_rate": 0, "hand_size": 4, "price": Decimal("0.05"), **policy}
    project = factories.a_project(name, workers=[factories.wren()], **values)
    factories.some_tasks(project, 8, wanted=30)
    return project


def work(project: Project, worker: Actor, *, seconds: float = 20) -> None:
    hand = worker_actions.take(worker, project)
    Assignment.objects.filter(hand=hand).update(leased_at=ClockTimestamp() - timedelta(minutes=10))
    for lease in worker_actions.leases_of(hand):
        raw = factories.class_answer(1)
        submit_answer(worker=worker, assignment_id=lease.public_id, raw=raw, raw_sha256="0" * 64, seconds=seconds)
    worker_actions.settle(hand)


def text(answer: Any) -> str:
    body = answer.content.decode().split("<main", 1)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_without_projects_it_says_what_to_do(client: Client, wren: Actor) -> None:
    assert "You are not in any projects yet" in text(client.get(PAGE))


def test_answers_pay_and_dates_are_said_in_plain_words(client: Client, wren: Actor) -> None:
    project = a_project(approval_days=7, images_per_day=100)
    work(project, wren)
    hand = worker_actions.take(wren, project)
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    words = text(client.get(PAGE))
    for expected in (
        "New here",
        "You have given fewer than 20 answers here so far.",
        "Answers 5 1 in a set that you have not submitted",
        "0 approved, 5 waiting",
        "$0.25 waiting $0.00 approved $0.00 paid",
        "Approved next",
        "Time measured 80 seconds",
        "92 images left for you today",
    ):
        assert expected in words, (expected, words)
    assert not INTERNAL_WORDS.search(words)


def test_a_pause_says_why_and_who_decides(client: Client, wren: Actor) -> None:
    a_project()
    Standing.objects.update(state="paused", reason="Look at the shadows.", awaits_decision=True)
    words = text(client.get(PAGE))
    assert "Paused" in words
    assert "Look at the shadows. A rule did this, and rules can be wrong: a person at Aviary decides" in words


def test_the_stage_that_follows_from_check_images_is_not_on_the_page(client: Client, wren: Actor) -> None:
    a_project()
    before = text(client.get(PAGE))
    for stage in ("coached", "watched"):
        Standing.objects.update(stage=stage)
        factories.some_evidence(Project.objects.get(), wren, correct=0, incorrect=12)
        assert text(client.get(PAGE)) == before


def test_advice_is_that_of_the_last_set_that_ended_with_it(client: Client, wren: Actor) -> None:
    project = a_project()
    work(project, wren)
    Hand.objects.update(advised=False)
    assert "A tip for the next set" not in text(client.get(PAGE))
    Hand.objects.update(advised=True)
    words = text(client.get(PAGE))
    assert "A tip for the next set" in words
    assert "it is general, and some people get it by chance" in words


def test_an_exam_that_is_missing_comes_first(client: Client, wren: Actor) -> None:
    project = a_project()
    required(project, a_qualification(project))
    assert "An exam comes first: Cats and dogs." in text(client.get(PAGE))


def test_a_manager_approves_the_pay_of_a_worker_and_of_a_batch_and_a_second_tab_is_told(client: Client) -> None:
    project, wren, finch = a_project(approval_days=7), factories.wren(), factories.finch()
    factories.admitted(project, finch)
    work(project, wren)
    work(project, finch)
    ada = Client()
    ada.force_login(factories.ada().user)
    root = f"/projects/{project.public_id}/"
    assert "Approve waiting pay" in ada.get(f"{root}workers/{wren.public_id}/").content.decode()
    shown = ada.get(f"{root}pay/approve/?worker={wren.public_id}")
    assert "Waits for its approval $0.20" in text(shown)
    sent = {"worker": str(wren.public_id), "until": shown.context["until"]}
    assert "The pay of Wren is approved." in text(ada.post(f"{root}pay/approve/", sent, follow=True))
    assert "No pay waits for its approval there any more" in text(ada.post(f"{root}pay/approve/", sent, follow=True))
    batch = Batch.objects.get()
    assert "Approve pay" in ada.get(root).content.decode()
    shown = ada.get(f"{root}pay/approve/?batch={batch.public_id}")
    assert "Waits for its approval $0.20" in text(shown)
    sent = {"batch": str(batch.public_id), "until": shown.context["until"]}
    ada.post(f"{root}pay/approve/", sent)
    assert EarlyApproval.objects.count() == 2
    assert "No pay waits for its approval." in text(ada.get(f"{root}pay/approve/?batch={batch.public_id}"))
    assert ada.get(f"{root}pay/approve/").status_code == 404
    assert "out of date" in text(ada.post(f"{root}pay/approve/", {"batch": str(batch.public_id)}, follow=True))
    client.force_login(wren.user)
    assert client.get(f"{root}pay/approve/?worker={wren.public_id}").status_code == 403


def photograph(page: Page, name: str) -> None:
    """Keep a picture if a folder for it is named."""
    if folder := os.environ.get("ANNOTARY_SHOTS"):
        for scheme in ("light", "dark"):
            page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


def fits(page: Page) -> bool:
    width: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return width


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
class TestInTheBrowser:
    @pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
    def test_from_the_offer_to_the_standing_by_keyboard(
        self, people: People, device: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name, wren = "phone" if device is PHONE else "desk", factories.wren()
        monkeypatch.setattr(offer_figures, "LEAST_ANSWERS", 2)
        cache.clear()
        project = a_project("Strays", approval_days=7, images_per_day=100, appeal_days=5, answers_min=1, answers_max=1)
        for number in range(20):
            bird = factories.a_worker(f"bird{number}")
            factories.admitted(project, bird)
            work(project, bird, seconds=12 + number)
        other = a_project("Streets", hourly_floor=Decimal(18))
        paused = a_project("Leaves")
        Standing.objects.filter(project=paused, worker=wren).update(state="paused", reason="Look at the shadows.")
        work(other, wren)
        run_payouts(organisation=project.organisation, by=factories.ada())
        work(project, wren)
        a_rejected_answer(project, wren)
        held(a_qualification(project), wren)
        skill = Skill.objects.create(organisation=project.organisation, name="cats")
        SkillValue.objects.create(skill=skill, worker=wren, value=0.9, source="exam", created_at=database_now())
        page = people.signed_in(wren, **device)
        page.goto("/work/")
        run_report_jobs()
        page.goto("/work/")
        expect(page.get_by_text("People earn").first).to_be_visible()
        assert fits(page)
        photograph(page, f"offers-{name}")
        page.goto(f"/work/{project.public_id}/")
        expect(page.get_by_text("Data per set")).to_be_visible()
        assert fits(page)
        photograph(page, f"offer-{name}")
        page.get_by_role("link", name="Standing").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Your standing")).to_be_visible()
        assert fits(page)
        photograph(page, f"standing-{name}")
        appeal = page.get_by_role("link", name="1 open to appeal")
        appeal.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Rejected answers")).to_be_visible()
        boss = people.signed_in(factories.ada(), **device)
        boss.goto(f"/projects/{project.public_id}/pay/approve/?worker={wren.public_id}")
        assert fits(boss)
        photograph(boss, f"early-pay-{name}")
        boss.get_by_role("button", name="Approve $0.20").focus()
        boss.keyboard.press("Enter")
        expect(boss.get_by_text("is approved.")).to_be_visible()
