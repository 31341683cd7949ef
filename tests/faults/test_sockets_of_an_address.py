"""An address that fills its connections with half headers, again and again, stops nobody else."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
from websockets import Origin
from websockets.sync.client import connect

from annotary.runtime import front, instance
from annotary.runtime.instance import Running
from tests.pictures import a_jpeg
from tests.slow_senders import BIG, People, count_open, half_headers, keep_full, open_files, sign_in

pytestmark = pytest.mark.slow
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
#: Both are counted. 127.0.0.1, which is not, is where the tests sign in.
FLOODING, HONEST = "127.0.0.8", "127.0.0.7"
PATIENCE = 10.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch, open_files(2 * flood() + 500):
        for name in CHOSEN_BY_TESTS:
            patch.delenv(name, raising=False)
        with instance.start(data=tmp_path_factory.mktemp("sockets") / "data") as started:
            yield started


@pytest.fixture(scope="module")
def people(running: Running) -> Iterator[People]:
    with sign_in(running) as made:
        yield made


def flood() -> int:
    return front.sockets_of_an_address() + 1000


def honest(running: Running, people: People, **headers: str) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=HONEST)
    headers = {"Authorization": f"Bearer {people.key}", **headers}
    return httpx.Client(base_url=running.url, transport=transport, headers=headers, timeout=PATIENCE)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_answered(running: Running, address: str) -> bool:
    try:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=PATIENCE) as client:
            return client.get(f"{running.url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def flooding(running: Running) -> AbstractContextManager[list[int]]:
    return keep_full(running.state().port, flood(), FLOODING)


def test_an_address_cannot_hold_more_than_its_limit_and_gets_it_back(running: Running) -> None:
    limit = front.sockets_of_an_address()
    sockets = half_headers(running.state().port, flood(), FLOODING)
    try:
        assert is_answered(running, HONEST)
        assert count_open(sockets) == limit
        assert not is_answered(running, FLOODING)
        # The deadline for headers ends them all.
        wait_for(lambda: count_open(sockets) == 0)
        assert is_answered(running, FLOODING)
    finally:
        for one in sockets:
            one.close()
    log = (running.data / "logs" / "front.log").read_text()
    lines = re.findall(rf"refused connections address={FLOODING} limit={limit} one_line_in=100$", log, re.MULTILINE)
    assert 1 <= len(lines) <= 1000 // 100 + 5


def test_everybody_else_works_while_an_address_is_full(running: Running, people: People) -> None:
    path = f"/api/v1/projects/{people.project['id']}/"
    upload = {"files": ("cat.jpg", a_jpeg(), "image/jpeg")}
    live = f"{running.url.replace('http', 'ws')}/ws/projects/{people.project['id']}/"
    with flooding(running) as held, honest(running, people) as client:
        wait_for(lambda: not is_answered(running, FLOODING))
        taken = []
        for _ in range(100):
            start = time.monotonic()
            assert client.get("/healthz").status_code == client.get(path).status_code == 200
            taken.append(time.monotonic() - start)
        assert sorted(taken)[95] < 1.0
        with connect(
            live,
            origin=Origin(running.url),
            additional_headers={"Cookie": people.cookies},
            open_timeout=PATIENCE,
            source_address=(HONEST, 0),
        ) as console:
            assert json.loads(console.recv(timeout=PATIENCE))["type"] == "snapshot"
            imported = client.post(f"{path}imports/", files=upload, headers={"Idempotency-Key": "during-a-flood"})
            assert imported.status_code == 202
            assert json.loads(console.recv(timeout=PATIENCE))["type"] == "delta"
        wait_for(lambda: client.get(f"/api/v1/imports/{imported.json()['id']}/").json()["state"] == "done")
        image = f"/api/v1/images/{client.get(f'{path}images/').json()['results'][0]['id']}/file/"
        whole, part = client.get(image), client.get(image, headers={"Range": "bytes=5-9"})
        assert (whole.status_code, part.status_code, part.content) == (200, 206, whole.content[5:10])
        assert len(client.get(BIG).content) > 100_000
        assert not is_answered(running, FLOODING)
        # It came back at least once.
        wait_for(lambda: len(held) > 1)
    assert max(held) == front.sockets_of_an_address()


def test_a_front_that_is_killed_under_a_flood_comes_back_with_its_limit(running: Running) -> None:
    with flooding(running):
        wait_for(lambda: not is_answered(running, FLOODING))
        killed = running.state().children["front"]
        os.kill(killed.pid, signal.SIGKILL)
        wait_for(lambda: running.state().children.get("front") not in (None, killed))
        wait_for(lambda: is_answered(running, HONEST))
        wait_for(lambda: not is_answered(running, FLOODING))
        assert is_answered(running, HONEST)


def test_callers_on_this_machine_are_not_counted(running: Running) -> None:
    sockets = half_headers(running.state().port, flood(), "127.0.0.1")
    try:
        assert is_answered(running, "127.0.0.1")
        assert count_open(sockets) == flood()
    finally:
        for one in sockets:
            one.close()
