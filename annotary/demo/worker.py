"""One simulated worker: takes sets, answers every image, hands the sets in, until there is no work left."""

import hashlib
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from annotary.demo.answer_model import Question, answer, seeded_random
from annotary.demo.browser import Browser, encoded
from annotary.demo.flaky_network import Stopped, code_of, detail_of, require_success
from annotary.demo.ground_truth import GroundTruth
from annotary.demo.skills import Member
from annotary_core.labels.geometry import Frame

# Seconds before a worker without work asks again; answers of others may still disagree and open tasks.
FIRST_REST, LONGEST_REST = 0.2, 0.8
# Problem codes that end the work: check images paused the worker, or the manager closed the project.
FINAL_CODES = frozenset({"worker_paused", "project_not_open"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """An acknowledged answer: its assignment, its revision, and the SHA-256 of the request body."""

    assignment: str
    revision: int
    sha256: str


@dataclass
class Record:
    """What one worker did. `answers` is {source key of the image: final answer when the set was handed in}."""

    member: Member
    email: str
    worker: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    sets: int = 0
    skipped: int = 0
    changed: int = 0
    retries: int = 0
    earned: Decimal = Decimal(0)
    currency: str = ""
    paused: str = ""
    error: str = ""


class Coordinator(Protocol):
    """What the workers share; the crowd implements it and decides when the work is done."""

    stop: threading.Event

    def busy(self, name: str) -> None: ...
    def idle(self, name: str) -> None: ...
    def answered(self) -> None: ...


@dataclass(frozen=True)
class Job:
    """The project that all members work on, and how to reach it."""

    url: str
    invitation: str
    project: str
    seed: int
    ground_truth: GroundTruth
    retry_seconds: float


class Worker:
    """Works until the crowd is done. `work` raises DemoError if the server breaks its contract."""

    def __init__(self, member: Member, job: Job, coordinator: Coordinator, record: Record) -> None:
        self.member, self.job, self.coordinator, self.record = member, job, coordinator, record
        self.browser = Browser(job.url, retry_seconds=job.retry_seconds, stop=coordinator.stop)

    def work(self) -> None:
        try:
            name = self.member.name.replace("-", " ").capitalize()
            self.record.worker = self.browser.join(self.job.invitation, name=name, email=self.record.email)
            self._take_sets()
        except Stopped:
            return
        finally:
            self.record.retries = self.browser.client.retries
            self.browser.close()

    def _take_sets(self) -> None:
        rest = FIRST_REST
        while not self.coordinator.stop.is_set():
            response = self.browser.take_set(self.job.project)
            if response.status_code == 204:
                self.coordinator.idle(self.member.name)
                self.coordinator.stop.wait(rest)
                rest = min(LONGEST_REST, rest * 1.5)
                continue
            if code_of(response) in FINAL_CODES:
                self.record.paused = detail_of(response) if code_of(response) == "worker_paused" else ""
                return
            self.coordinator.busy(self.member.name)
            rest = FIRST_REST
            self._do_set(require_success(response, "take a set"))

    def _do_set(self, hand: dict[str, Any]) -> None:
        revisions: list[Callable[[], None]] = []
        for assignment in hand["assignments"]:
            if assignment["state"] == "leased":
                self._do_image(assignment, hand["schema"], revisions)
        for revise in revisions:
            revise()
        settled = self.browser.settle(hand["id"])
        self.record.sets += 1
        self.record.earned += Decimal(settled["earned"])
        self.record.currency = settled["currency"]

    def _do_image(
        self, assignment: Mapping[str, Any], schema: Mapping[str, Any], revisions: list[Callable[[], None]]
    ) -> None:
        name = self.job.ground_truth.name_of(self.browser.image(assignment["image"]))
        skill, rng = self.member.skill, seeded_random(self.job.seed, self.member.name, name)
        if rng.random() < skill.skips:
            self.browser.skip(assignment["id"])
            self.record.skipped += 1
            return
        question = Question(
            frame=Frame(assignment["width"], assignment["height"]),
            tools=schema["tools"],
            classes=[item["number"] for item in schema["classes"]],
            truth=self.job.ground_truth.answers.get(name),
        )
        self._send(assignment["id"], name, answer(question, skill, rng), rng)
        if rng.random() < skill.thinks_again:
            again = answer(question, skill, rng)
            revisions.append(lambda: self._change(assignment["id"], name, again, rng))

    def _change(self, assignment: str, name: str, body: dict[str, Any], rng: random.Random) -> None:
        self._send(assignment, name, body, rng)
        self.record.changed += 1

    def _send(self, assignment: str, name: str, body: dict[str, Any], rng: random.Random) -> None:
        raw = encoded(body, seconds=round(rng.uniform(3, 15), 1))
        done = require_success(self.browser.answer(assignment, raw, str(uuid.uuid4())), "send an answer")
        if name not in self.record.answers:
            self.coordinator.answered()
        self.record.answers[name] = body
        self.record.receipts.append(Receipt(assignment, done["revision"], hashlib.sha256(raw).hexdigest()))
