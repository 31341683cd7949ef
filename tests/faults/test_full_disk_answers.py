"""The disk runs full while workers send answers: each one that was acknowledged is kept once and unchanged."""

import hashlib
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from annotary.demo.browser import API, Browser, encoded
from annotary.demo.worker import Receipt
from tests.faults.labeling_project import ANSWER, invitation, labeling_project
from tests.faults.small_disk import fill, kept_full, make_room, up_on_a_small_disk, write_until_refused
from tests.faults.test_kill_everything import still_moving
from tests.faults.up_process import UpProcess, eventually
from tests.invariants import violations

pytestmark = pytest.mark.slow
IMAGES, ANSWERS, PEOPLE, SET = 48, 3, 6, 8
PAUSE = 0.05
BACK_WITHIN = 60.0
PATIENCE = 120.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[UpProcess, Path]]:
    with up_on_a_small_disk(tmp_path) as made:
        yield made


class Person(threading.Thread):
    """A worker who answers sets until there is no work left, and repeats what failed under the same key.

    `together` says whether the answers of a set are sent in one call. `refused` counts failed calls, `wrong` lists
    those that failed in another way than a full disk may look like.
    """

    def __init__(self, up: UpProcess, project: str, link: str, number: int) -> None:
        super().__init__(name=f"person-{number}", daemon=True)
        self.project, self.together = project, number % 2 == 0
        self.browser = Browser(up.url, retry_seconds=PATIENCE, stop=threading.Event())
        self.browser.join(link, name=f"Person {number}", email=f"person{number}@example.org")
        self.receipts: list[Receipt] = []
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.over = False
        self.browser.client.http.event_hooks = {"response": [self._note]}

    def _note(self, response: httpx.Response) -> None:
        if response.status_code < 400:
            return
        response.read()
        call = f"{response.request.method} {response.request.url.path}"
        kind = "answers" if call.endswith("/answers/") else "answer" if call.endswith("/answer/") else "other"
        self.refused[kind] += 1
        if not _is_outage(response):
            self.wrong.append(f"{call}: {response.status_code} {dict(response.headers)} {response.text[:300]}")

    def run(self) -> None:
        try:
            while (taken := self.browser.take_set(self.project)).status_code != 204:
                hand = taken.json()
                leased = [one["id"] for one in hand["assignments"] if one["state"] == "leased"]
                if self.together:
                    self._answer_together(hand["id"], leased)
                else:
                    self._answer_one_by_one(leased)
                self.browser.settle(hand["id"])
            self.over = True
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            self.browser.close()

    def _answer_one_by_one(self, assignments: list[str]) -> None:
        for assignment in assignments:
            time.sleep(PAUSE)
            body = encoded(ANSWER, seconds=4)
            done = self.browser.answer(assignment, body, str(uuid.uuid4()))
            assert done.status_code == 200, done.text
            self.receipts.append(Receipt(assignment, done.json()["revision"], hashlib.sha256(body).hexdigest()))

    def _answer_together(self, hand: str, assignments: list[str]) -> None:
        """Send the answers in one call, then again those that had to wait, with their keys."""
        sent = {"answer": ANSWER, "seconds": 4}
        sha256 = hashlib.sha256(orjson.dumps(sent)).hexdigest()
        missing = [{"assignment": assignment, "key": str(uuid.uuid4()), **sent} for assignment in assignments]
        while missing:
            time.sleep(PAUSE)
            results = self._send_together(hand, missing)
            for item, result in zip(list(missing), results, strict=True):
                if result["status"] == 200:
                    self.receipts.append(Receipt(str(item["assignment"]), result["answer"]["revision"], sha256))
                    missing.remove(item)
                    continue
                self.refused["answers"] += 1
                problem = result["problem"]
                if (result["status"], problem["type"]) != (503, "/problems/unavailable/"):
                    self.wrong.append(f"among others: {result}")

    def _send_together(self, hand: str, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        token = self.browser.client.http.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Referer": f"{self.browser.client.url}/", "Content-Type": "application/json"}
        path, body = f"{API}/hands/{hand}/answers/", json.dumps({"answers": answers})
        done = self.browser.client.call("POST", path, content=body, headers=headers)
        assert done.status_code == 200, done.text
        results: list[dict[str, Any]] = done.json()["answers"]
        return results


def _is_outage(response: httpx.Response) -> bool:
    return (
        response.status_code == 503
        and response.headers.get("retry-after", "").isdecimal()
        and response.headers["content-type"].startswith("application/problem+json")
        and response.json()["type"] == "/problems/unavailable/"
    )


def answers_of(crowd: list[Person]) -> int:
    return sum(len(person.receipts) for person in crowd)


def test_answers_survive_a_full_disk(site: tuple[UpProcess, Path], fault_seed: int) -> None:
    chance, (up, disk) = random.Random(fault_seed), site
    up.start_and_wait()
    client = up.client()
    policy = {"answers_min": ANSWERS, "answers_max": ANSWERS, "gold_rate": 0, "hand_size": SET}
    project = labeling_project(client, images=IMAGES, side=48, policy=policy)
    link = invitation(client, project, uses=PEOPLE)
    crowd = [Person(up, project, link, number) for number in range(PEOPLE)]
    database, supervisor, total = up.environment()["DATABASE_URL"], up.state().supervisor, IMAGES * ANSWERS

    fill(disk, leave=chance.randrange(2, 24) * 2**20)
    for person in crowd:
        person.start()
    first = chance.randrange(1, total // 4)
    assert eventually(lambda: answers_of(crowd) >= first), [person.wrong for person in crowd]
    fill(disk)
    write_until_refused(database)
    with kept_full(disk):
        # Some may be between two sets: then taking or handing in a set is what fails.
        assert eventually(lambda: all(person.refused for person in crowd)), [person.refused for person in crowd]
        time.sleep(chance.uniform(0, 5))
    assert answers_of(crowd) < total
    assert up.exit_code() is None, up.printed()

    make_room(disk)
    assert eventually(lambda: up.readiness() == 200, timeout=BACK_WITHIN), up.printed()
    for person in crowd:
        person.join(PATIENCE)
    assert [line for person in crowd for line in person.wrong] == []
    assert all(person.over for person in crowd)
    assert up.state().supervisor == supervisor
    receipts = [receipt for person in crowd for receipt in person.receipts]
    assert len(receipts) == total
    # A job that failed for lack of room is tried again within half a minute.
    assert eventually(lambda: still_moving(database) == []), still_moving(database)
    assert violations(database, receipts=receipts, files=up.paths.data / "files") == []
