"""The offline queue: an answer is stored on the device before it is sent, and every retry uses the same key."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import until

pytestmark = pytest.mark.browser
PUT = """async ([owner, body, firstWait]) => {
  const {Outbox} = await import('/static/workers_ui/lib/outbox.js');
  window.outcomes = window.outcomes ?? [];
  window.box = new Outbox({owner, firstWait});
  for (const name of ['sent', 'refused']) box.addEventListener(name, ({detail}) => outcomes.push([name, detail]));
  return box.put({url: '/api/answers', body, label: 'Image 3'});
}"""


def put(page: Page, body: Any, owner: str = "wren", first_wait: int = 50) -> str:
    key: str = page.evaluate(PUT, [owner, body, first_wait])
    return key


def test_an_answer_is_sent_with_its_key_and_csrf_token_and_removed_from_the_device(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/404")
    key = put(desk, {"verdict": "empty"})
    until(desk, "outcomes.length === 1")
    assert desk.evaluate("outcomes[0]") == ["sent", {"key": key, "label": "Image 3", "answer": {"ok": True}}]
    (request,) = site.received
    assert request["body"] == {"verdict": "empty"}
    assert request["headers"]["Idempotency-Key"] == key
    assert request["headers"]["X-CSRFToken"] == "test-token"
    assert desk.evaluate("box.entries()") == []


def test_an_offline_answer_survives_a_reload_and_is_sent_when_back_online(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/studio")
    line = desk.locator("[data-outbox-target=line]")
    desk.route("**/api/**", lambda route: route.abort())
    with desk.expect_event("requestfailed"):
        key = put(desk, {"n": 1}, first_wait=60_000)
    desk.reload()
    expect(line).to_have_text("Saved on this device, sends when you are online")
    desk.unroute("**/api/**")
    desk.evaluate("window.dispatchEvent(new Event('online'))")
    expect(line).to_have_text("All sent", timeout=20_000)
    assert [item["headers"]["Idempotency-Key"] for item in site.received] == [key]


def test_a_busy_server_is_retried_with_the_same_key(desk: Page, site: Site) -> None:
    site.answers[:] = [(503, {}), (429, {}), (200, {"ok": True})]
    desk.goto(f"{site.url}/404")
    put(desk, {"n": 1})
    until(desk, "outcomes.length === 1")
    assert len({item["headers"]["Idempotency-Key"] for item in site.received}) == 1
    assert len(site.received) == 3


@pytest.mark.parametrize("status", [409, 410, 422])
def test_a_final_refusal_is_shown_with_its_reason_and_does_not_block_the_next(
    desk: Page, site: Site, status: int
) -> None:
    problem = {"title": "Too late", "detail": "This set ended at 14:20. Take a new one."}
    site.answers[:] = [(status, problem)]
    desk.goto(f"{site.url}/404")
    put(desk, {"n": 1})
    until(desk, "outcomes.length === 1")
    desk.goto(f"{site.url}/studio")
    expect(desk.locator("[data-outbox-target=refused]")).to_contain_text(
        "Image 3: This set ended at 14:20. Take a new one."
    )
    desk.goto(f"{site.url}/404")
    put(desk, {"n": 2})
    until(desk, "outcomes.length === 1 && outcomes[0][0] === 'sent'")
    desk.goto(f"{site.url}/studio")
    desk.get_by_role("button", name="Dismiss").click()
    expect(desk.locator("[data-outbox-target=refused] li")).to_have_count(0)


def test_a_403_about_the_work_is_final_and_one_about_the_session_blocks_until_sign_in(desk: Page, site: Site) -> None:
    removed = {"type": "/problems/worker_removed/", "title": "Removed", "detail": "You no longer work here."}
    site.answers[:] = [(403, removed), (403, {"type": "/problems/permission_denied/"})]
    desk.goto(f"{site.url}/404")
    put(desk, {"n": 1})
    until(desk, "outcomes.length === 1")
    assert desk.evaluate("[outcomes[0][0], outcomes[0][1].problem.detail]") == ["refused", "You no longer work here."]
    put(desk, {"n": 2})
    until(desk, "box.blocked")


def test_what_one_person_saved_is_never_sent_for_another(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/404")
    site.answers[:] = [(401, {})]
    put(desk, {"by": "finch"}, owner="finch")
    until(desk, "box.blocked")
    put(desk, {"by": "wren"}, owner="wren")
    until(desk, "outcomes.length === 1")
    desk.evaluate("box.retryNow()")
    assert [item["body"]["by"] for item in site.received] == ["finch", "wren"]


def test_ids_are_random_uuids_without_a_secure_context(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/404")
    ids = desk.evaluate(
        """async () => { const real = crypto.randomUUID;
        Object.defineProperty(crypto, 'randomUUID', {value: undefined, configurable: true});
        const {newId} = await import('/static/workers_ui/lib/ids.js');
        return [newId(), newId()]; }"""
    )
    assert ids[0] != ids[1]
    for text in ids:
        assert len(text) == 36
        assert text[14] == "4"
        assert text[19] in "89ab"


def test_two_tabs_of_one_person_do_not_send_the_same_answer_twice(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/404")
    desk.route("**/api/**", lambda route: route.abort())
    with desk.expect_event("requestfailed"):
        put(desk, {"n": 1}, first_wait=60_000)
    other = desk.context.new_page()
    other.goto(f"{site.url}/404")
    until(desk, "box.entries().then((all) => all[0].leasedUntil === 0)")
    desk.unroute("**/api/**")
    put(other, {"n": 2}, first_wait=60_000)
    desk.evaluate("box.retryNow()")
    for page in (desk, other):
        until(page, "box.entries().then((all) => all.length === 0)")
    assert sorted(item["body"]["n"] for item in site.received) == [1, 2]


def test_a_tab_learns_of_an_answer_that_another_tab_sent(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}/404")
    put(desk, {"n": 1})
    until(desk, "outcomes.length === 1")
    other = desk.context.new_page()
    other.goto(f"{site.url}/404")
    key = put(other, {"n": 2})
    until(desk, "outcomes.length === 2")
    assert desk.evaluate("outcomes[1][1].key") == key
