"""Proposed changes of approved labels: shown with their reasons before anything happens, then sent or kept."""

import re
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Role
from tasks.consensus.label_proposals import open_proposals
from tasks.consensus.models import LabelProposal
from tests import factories
from tests.api.people import member
from tests.approved_crowd import ApprovedCrowd, run_updates
from tests.ui.live import DESK, PHONE, People, a_scene_image


def address(crowd: ApprovedCrowd) -> str:
    return f"/projects/{crowd.project.public_id}/review/changes/"


def signed_in(actor: Any) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def crowd(db: None) -> ApprovedCrowd:
    crowd = ApprovedCrowd()
    crowd.wren_turns_out_right()
    return crowd


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_a_manager_sees_the_changes_and_sends_them_to_review(people: People, device: dict[str, Any]) -> None:
    crowd = ApprovedCrowd(image=a_scene_image)
    crowd.wren_turns_out_right()
    count = len(crowd.ids())
    page = people.signed_in(factories.ada(), **device)
    page.goto(f"/projects/{crowd.project.public_id}/review/")
    page.get_by_role("link", name="Show the proposed changes").click()
    expect(page.get_by_text(f"would change {count} of 20 approved labels")).to_be_visible()
    card = page.locator(".change").first
    expect(card.locator("figure")).to_contain_text(["dog", "cat"])
    expect(card).to_contain_text("approved by policy")
    expect(page.locator(".change svg image").first).to_have_attribute("href", re.compile("kind=thumb"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    keep_first(page)

    page.get_by_role("button", name="Send to review", exact=True).first.click()
    page.get_by_role("button", name=f"Send {count - 1} to review").click()

    expect(page.get_by_text(f"{count - 1} labels sent back to review.")).to_be_visible()
    expect(page.get_by_text("No changes proposed")).to_be_visible()
    run_updates()
    page.goto(f"/projects/{crowd.project.public_id}/review/")
    expect(page.locator("[data-review-count=to_review]")).to_have_text(str(count - 1))


def keep_first(page: Page) -> None:
    name = page.locator(".change h3").first.inner_text()
    page.get_by_role("button", name=f"Keep the label of {name}").click()
    expect(page.get_by_text("1 label kept as approved.")).to_be_visible()


def test_the_review_page_and_the_overview_name_the_changes(crowd: ApprovedCrowd) -> None:
    ada = signed_in(factories.ada())
    review = f"/projects/{crowd.project.public_id}/review/"
    assert f"would change {len(crowd.ids())} approved labels" in text_of(ada, review)
    overview = f"/projects/{crowd.project.public_id}/"
    assert f"would change {len(crowd.ids())} approved labels. Show the changes" in text_of(ada, overview)
    ada.post(f"{address(crowd)}decide/", {"step": "keep", "token": crowd.token()})
    assert "would change" not in text_of(ada, review) + text_of(ada, overview)
    assert "No changes proposed" in text_of(ada, address(crowd))


def test_the_page_says_whose_accuracy_moved_and_who_is_paused(crowd: ApprovedCrowd) -> None:
    text = text_of(signed_in(factories.ada()), address(crowd))
    assert re.search(r"Finch \d+% \d+% \d+ Paused", text)
    assert re.search(r"Finch \d+% → \d+%", text)


def test_the_evidence_of_an_image_names_the_proposed_label(crowd: ApprovedCrowd) -> None:
    ada = signed_in(factories.ada())
    tasks = f"/projects/{crowd.project.public_id}/tasks/"
    assert re.search(r"support cat \(\d+% sure", text_of(ada, f"{tasks}{crowd.split[0].public_id}/"))
    assert "stays until a manager" not in text_of(ada, f"{tasks}{crowd.agreed[0].public_id}/")


def test_a_list_that_changed_since_it_was_shown_is_not_decided(crowd: ApprovedCrowd) -> None:
    ada, seen = signed_in(factories.ada()), crowd.token()
    first, *others = crowd.ids()
    for body in (
        {"step": "send", "id": str(first)},
        {"step": "send", "token": seen},
        {"step": "send", "id": "x"},
        {"step": "drop", "token": crowd.token()},
        {"token": crowd.token()},
    ):
        ada.post(f"{address(crowd)}decide/", body)
    assert crowd.ids() == others
    assert set(LabelProposal.objects.exclude(state="open").values_list("public_id", "state")) == {(first, "sent")}


def test_reviewers_see_the_changes_and_only_managers_decide(crowd: ApprovedCrowd) -> None:
    reviewer = signed_in(member(Role.REVIEWER))
    assert "Approved dog" in text_of(reviewer, address(crowd))
    assert "Keep the approved labels" not in text_of(reviewer, address(crowd))
    assert reviewer.post(f"{address(crowd)}decide/", {"step": "keep", "token": crowd.token()}).status_code == 403
    assert open_proposals(project=crowd.project).exists()
