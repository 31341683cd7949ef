"""Two hundred slow clients cost the site sockets, and nobody else anything."""

import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets import Origin
from websockets.sync.client import connect

from annotary.runtime import instance
from annotary.runtime.instance import Running
from tests.pictures import a_jpeg
from tests.slow_senders import People, SlowSenders, sign_in

pytestmark = pytest.mark.slow
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
SENDERS, CALLS, MANAGERS = 200, 50, 16
#: A call that waits for a slow sender waits for minutes.
PATIENCE = 15.0


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)
    with instance.start(data=tmp_path / "data") as started:
        yield started


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answered(people: People, chance: random.Random) -> int:
    """Make calls of several kinds until one is not answered in time; return how many were."""
    count = 0
    paths = ["/healthz", "/account/email/", f"/projects/{people.project['id']}/", "/api/v1/me/"]
    for _ in range(CALLS):
        try:
            assert people.browser.get(chance.choice(paths), timeout=PATIENCE).status_code == 200
        except httpx.TransportError:
            break
        count += 1
    return count


def slow_upload(people: People, number: int) -> int:
    """Upload one image as over a bad line, as long as the line lasts; return the status."""
    body = b"".join(
        [
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.jpg"\r\n\r\n' % number,
            *(a_jpeg(number), b"\r\n--x--\r\n"),
        ]
    )

    def pieces() -> Iterator[bytes]:
        size = len(body) // 12 + 1
        for start in range(0, len(body), size):
            yield body[start : start + size]
            time.sleep(0.25)

    headers = {
        "Authorization": f"Bearer {people.key}",
        "Content-Type": "multipart/form-data; boundary=x",
        "Idempotency-Key": f"slow-{number}",
        "Content-Length": str(len(body)),
    }
    with httpx.Client(base_url=people.browser.base_url, timeout=60) as client:
        path = f"/api/v1/projects/{people.project['id']}/imports/"
        return client.post(path, content=pieces(), headers=headers).status_code


def test_two_hundred_slow_senders_stop_nobody(running: Running, fault_seed: int) -> None:
    chance = random.Random(fault_seed)
    with sign_in(running) as people, SlowSenders(running, people, SENDERS, fault_seed) as senders:
        live = f"{running.url.replace('http', 'ws')}/ws/projects/{people.project['id']}/"
        wait_for(senders.all_at_work)
        assert answered(people, chance) == CALLS
        cookie = {"Cookie": people.cookies}
        with connect(live, origin=Origin(running.url), additional_headers=cookie, open_timeout=PATIENCE) as console:
            assert json.loads(console.recv(timeout=PATIENCE))["type"] == "snapshot"
            with ThreadPoolExecutor(MANAGERS) as pool:
                uploads = pool.map(lambda number: slow_upload(people, number), range(MANAGERS))
                assert answered(people, chance) == CALLS
                assert list(uploads) == [202] * MANAGERS
            # The imports are announced over the socket that was opened meanwhile.
            assert json.loads(console.recv(timeout=PATIENCE))["type"] == "delta"
        wait_for(senders.all_at_work)
