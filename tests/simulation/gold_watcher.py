"""A worker's browser, which works through the API and keeps what it is shown: bodies, headers, sizes, times."""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from accounts.models import Actor

#: Differ from response to response, whatever it is about.
NOISE = frozenset({"X-Request-ID", "RateLimit"})
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. `look` is what is left of status, headers and body without ids, times and the content of an image;
    seconds and `statements` are those of the server.
    """

    status: int
    body: Any
    look: str
    size: int
    seconds: float
    statements: int


@dataclass(frozen=True, slots=True)
class Placement:
    """An image as it stood in a set: the moment of the claim, the number of the worker's set, and the set's images."""

    moment: int
    number: int
    position: int
    mates: tuple[str, ...]


@dataclass
class Shown:
    """All that one worker was shown of an image. `replies` are by call: row, image, answer, skip, late, history."""

    assignment: str
    picture: str = ""
    placements: list[Placement] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    answers: list[tuple[int, int]] = field(default_factory=list)  # moment, class
    width: int = 0

    def keep(self, call: str, reply: Reply) -> Reply:
        self.replies.setdefault(call, []).append(reply)
        return reply


class Watcher:
    """One account. `moment` is the time as everybody sees it: the crowd advances it with each turn."""

    def __init__(self, worker: Actor, project_id: Any) -> None:
        self.worker, self.project_id = worker, project_id
        self.client = APIClient()
        self.client.force_login(worker.user, backend=BACKEND)
        self.shown: dict[str, Shown] = {}
        self.sets: list[str] = []
        self.looks: dict[str, list[Reply]] = {}
        self.settled: dict[str, Reply] = {}

    def claim(self, moment: int, *, anywhere: bool = False) -> list[Shown]:
        """Take a set and load its images; empty if there is none."""
        url = "/api/v1/work/hands/" if anywhere else f"/api/v1/projects/{self.project_id}/hands/"
        reply = self.call("post", url)
        self.looks.setdefault("claim", []).append(reply)
        if reply.status not in (200, 201):
            return []
        self.sets.append(reply.body["id"])
        rows = reply.body["assignments"]
        images = [self._shown(row) for row in rows]
        mates = tuple(image.picture for image in images)
        for row, image in zip(rows, images, strict=True):
            image.placements.append(Placement(moment, len(self.sets), row["position"], mates))
            image.keep("row", _reply_of_row(row))
        return images

    def answer(self, image: Shown, number: int, moment: int, *, call: str = "answer") -> Reply:
        body = {"answer": {"image": {"class": number}, "verdict": "labels"}, "seconds": 4.5}
        key = f"{image.assignment}-{len(image.answers)}"
        url = f"/api/v1/assignments/{image.assignment}/answer/"
        image.answers.append((moment, number))
        return image.keep(call, self.call("put", url, body, key=key))

    def answer_together(self, images: list[Shown], numbers: list[int], moment: int) -> None:
        """Send answers in one call, as a browser does that was offline."""
        items = [
            {"assignment": image.assignment, "key": image.assignment, "answer": _answer(number), "seconds": 4.5}
            for image, number in zip(images, numbers, strict=True)
        ]
        reply = self.call("post", f"/api/v1/hands/{self.sets[-1]}/answers/", {"answers": items})
        for image, number, result in zip(images, numbers, reply.body["answers"], strict=True):
            image.answers.append((moment, number))
            image.keep("together", _reply_of_row(result))

    def skip(self, image: Shown) -> Reply:
        return image.keep("skip", self.call("post", f"/api/v1/assignments/{image.assignment}/skip/", {}))

    def settle(self) -> Reply:
        reply = self.call("post", f"/api/v1/hands/{self.sets[-1]}/settle/")
        self.settled[self.sets[-1]] = reply
        self.looks.setdefault("settle", []).append(reply)
        return reply

    def give_back(self) -> Reply:
        return self.call("post", f"/api/v1/hands/{self.sets[-1]}/release/")

    def more_time(self) -> Reply:
        return self.call("post", f"/api/v1/hands/{self.sets[-1]}/extend/")

    def look_around(self) -> None:
        """Read what else there is to read: offers, earnings, their pages, and the sets of the past."""
        for url in ("/api/v1/work/", "/api/v1/ledger/?page_size=100", "/work/", "/work/earnings/", "/work/standing/"):
            self.looks.setdefault(url, []).append(self.call("get", url))
        for hand in self.sets:
            for row in self.call("get", f"/api/v1/hands/{hand}/").body["assignments"]:
                self.shown[row["id"]].keep("history", _reply_of_row(row))

    def call(self, method: str, url: str, body: Any = None, *, key: str = "") -> Reply:
        headers = {"Idempotency-Key": key} if key else {}
        with _counted() as count:
            start = time.perf_counter()
            response = getattr(self.client, method)(url, body, format="json", headers=headers)
            content = response.getvalue()
            seconds = time.perf_counter() - start
        assert response.status_code < 500, content
        is_json = response.headers.get("Content-Type", "").endswith("json")
        parsed = json.loads(content) if is_json and content else None
        return Reply(response.status_code, parsed, _look(response, content), len(content), seconds, count[0])

    def _shown(self, row: dict[str, Any]) -> Shown:
        """What is shown of the image of this row of a set; loads the image the first time, as a browser keeps it."""
        image = self.shown.get(row["id"])
        if image is None:
            image = self.shown[row["id"]] = Shown(row["id"], width=row["width"])
            reply = self.call("get", row["image"])
            assert reply.status == 200, reply
            image.picture = reply.look.rsplit(" ", 1)[-1]
            image.keep("image", Reply(200, None, reply.look.rsplit(" ", 1)[0], *_figures(reply)))
        return image


def _answer(number: int) -> dict[str, Any]:
    return {"image": {"class": number}, "verdict": "labels"}


def _figures(reply: Reply) -> tuple[int, float, int]:
    return reply.size, reply.seconds, reply.statements


def _reply_of_row(row: dict[str, Any]) -> Reply:
    """One image in a response about several."""
    own = {name: value for name, value in row.items() if name not in {"position", "width"}}
    text = _plain(json.dumps(own | {"answer": bool(row.get("answer"))}))
    return Reply(0, None, text, len(json.dumps(own)), 0.0, 0)


def _look(response: Any, content: bytes) -> str:
    headers = {name: value for name, value in response.headers.items() if name not in NOISE}
    if content[:2] == b"\xff\xd8":
        headers.pop("Content-Length", None)
        return _plain(f"{response.status_code} {sorted(headers.items())}") + f" {hashlib.sha256(content).hexdigest()}"
    return _plain(f"{response.status_code} {sorted(headers.items())} {content.decode()}")


def _plain(text: str) -> str:
    return TIME.sub("TIME", UUID.sub("ID", text))


@contextmanager
def _counted() -> Iterator[list[int]]:
    """Count the statements of this thread's connection: what a response time follows, without the noise of a clock."""
    count = [0]

    def execute(run: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        count[0] += 1
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield count
