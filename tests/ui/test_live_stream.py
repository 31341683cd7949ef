"""The live stream delivers every event once and in order, and resyncs when one is missing."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.ui.sheet_site import Site
from tests.ui.studio import until

pytestmark = pytest.mark.browser
START = """async () => {
  const {LiveStream} = await import('/static/workers_ui/lib/live_stream.js');
  window.sockets = []; window.seen = []; window.states = [];
  class Socket extends EventTarget {
    constructor() { super(); this.sent = []; sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() {}
    say(message) { this.dispatchEvent(new MessageEvent('message', {data: JSON.stringify(message)})); }
    drop(code) { this.dispatchEvent(new CloseEvent('close', {code})); }
  }
  window.stream = new LiveStream('ws://unused', {open: () => new Socket(), firstWait: 20});
  stream.addEventListener('snapshot', ({detail}) => seen.push(['snapshot', detail.number]));
  stream.addEventListener('event', ({detail}) => seen.push(detail.kind));
  stream.addEventListener('state', ({detail}) => states.push(detail.state));
  stream.start();
}"""


@pytest.fixture
def live(desk: Page, site: Site) -> Page:
    desk.goto(f"{site.url}/404")
    desk.evaluate(START)
    return desk


def say(page: Page, *messages: dict[str, Any], socket: int = 0) -> None:
    for message in messages:
        page.evaluate("([socket, message]) => sockets[socket].say(message)", [socket, message])


def delta(*numbers: int) -> dict[str, Any]:
    events = [{"kind": f"done {number}", "data": {}} for number in numbers]
    return {"type": "delta", "first": min(numbers), "number": max(numbers), "events": events}


SNAPSHOT = {"type": "snapshot", "number": 5, "data": {}}


def test_deltas_follow_their_snapshot_and_repeats_are_dropped(live: Page) -> None:
    say(live, delta(4), SNAPSHOT, delta(4, 5), delta(6, 7), delta(6, 7))
    assert live.evaluate("seen") == [["snapshot", 5], "done 6", "done 7"]
    assert live.evaluate("states") == ["connecting", "live"]


def test_a_gap_asks_for_a_new_snapshot_once_and_shows_nothing_until_it_comes(live: Page) -> None:
    say(live, SNAPSHOT, delta(7), delta(8))
    assert live.evaluate("sockets[0].sent") == [{"type": "resync"}]
    assert live.evaluate("seen") == [["snapshot", 5]]
    say(live, {"type": "snapshot", "number": 8, "data": {}}, delta(9))
    assert live.evaluate("seen") == [["snapshot", 5], ["snapshot", 8], "done 9"]


def test_a_lost_connection_is_reopened(live: Page) -> None:
    say(live, SNAPSHOT)
    live.evaluate("sockets[0].drop(1006)")
    until(live, "sockets.length === 2")
    say(live, {"type": "snapshot", "number": 9, "data": {}}, socket=1)
    assert live.evaluate("states") == ["connecting", "live", "lost", "live"]


def test_a_refusal_is_not_retried(live: Page) -> None:
    live.evaluate("sockets[0].drop(4403)")
    live.evaluate("window.dispatchEvent(new Event('online'))")
    live.wait_for_timeout(150)
    assert live.evaluate("sockets.length") == 1
    assert live.evaluate("states.at(-1)") == "refused"
