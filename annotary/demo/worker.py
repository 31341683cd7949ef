"""One simulated person at work: take a set, look, answer, hand in, until nothing is left."""

import hashlib
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from annotary.demo.answer_model import Question, answer, chance
from annotary.demo.browser import Browser, encoded
from annotary.demo.flaky_network import Stopped, code_of, demand, detail_of
from annotary.demo.ground_truth import Knowledge
from annotary.demo.skills import Member

# How long somebody waits before asking again for images; others may still disagree and open places.
FIRST_REST, LONGEST_REST = 0.2, 0.8
# Paused by check images, or the manager closed the project: told to the worker, and the end of the work.
THE_END = frozenset({"worker_paused", "project_not_open"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """An answer that the server acknowledged: to which assignment, as which revision, the SHA-256 of what was sent."""

    assignment: str
    revision: int
    sha256: str


@dataclass
class Record:
    """What one worker did. `answers` is {source key of an image: the answer that stood when the set was handed in}."""

    member: Member
    email: str
    worker: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    sets: int = 0
    skipped: int = 0
    changed: int = 0
    repeats: int = 0
    earned: Decimal = Decimal(0)
    currency: str = ""
    paused: str = ""
    error: str = ""


class Floor(Protocol):
    """What the crowd's members share; the crowd implements it and decides when everything is done."""

    stop: threading.Event

    def busy(self, name: str) -> None: ...
    def idle(self, name: str) -> None: ...
    def answered(self) -> None: ...


@dataclass(frozen=True)
class Job:
    """What every member works on."""

    url: str
    invitation: str
    project: str
    seed: int
    knowledge: Knowledge
    patience: float


class Worker:
    """Raises DemoError from `work` when the server goes against what it promises."""

    def __init__(self, member: Member, job: Job, floor: Floor, record: Record) -> None:
        self.member, self.job, self.floor, self.record = member, job, floor, record
        self.browser = Browser(job.url, patience=job.patience, stop=floor.stop)

    def work(self) -> None:
        try:
            name = self.member.name.replace("-", " ").capitalize()
            self.record.worker = self.browser.join(self.job.invitation, name=name, email=self.record.email)
            self._take_sets()
        except Stopped:
            return
        finally:
            self.record.repeats = self.browser.line.repeats
            self.browser.close()

    def _take_sets(self) -> None:
        rest = FIRST_REST
        while not self.floor.stop.is_set():
            response = self.browser.take_set(self.job.project)
            if response.status_code == 204:
                self.floor.idle(self.member.name)
                self.floor.stop.wait(rest)
                rest = min(LONGEST_REST, rest * 1.5)
                continue
            if code_of(response) in THE_END:
                self.record.paused = detail_of(response) if code_of(response) == "worker_paused" else ""
                return
            self.floor.busy(self.member.name)
            rest = FIRST_REST
            self._do_set(demand(response, "take a set"))

    def _do_set(self, hand: dict[str, Any]) -> None:
        second_thoughts: list[Callable[[], None]] = []
        for assignment in hand["assignments"]:
            if assignment["state"] == "leased":
                self._do_image(assignment, hand["schema"], second_thoughts)
        for think in second_thoughts:
            think()
        settled = self.browser.settle(hand["id"])
        self.record.sets += 1
        self.record.earned += Decimal(settled["earned"])
        self.record.currency = settled["currency"]

    def _do_image(
        self, assignment: Mapping[str, Any], schema: Mapping[str, Any], second_thoughts: list[Callable[[], None]]
    ) -> None:
        name = self.job.knowledge.name_of(self.browser.image(assignment["image"]))
        skill, dice = self.member.skill, chance(self.job.seed, self.member.name, name)
        if dice.random() < skill.skips:
            self.browser.skip(assignment["id"])
            self.record.skipped += 1
            return
        question = Question(
            width=assignment["width"],
            height=assignment["height"],
            tools=schema["tools"],
            classes=[item["number"] for item in schema["classes"]],
            truth=self.job.knowledge.answers.get(name),
        )
        self._send(assignment["id"], name, answer(question, skill, dice), dice)
        if dice.random() < skill.thinks_again:
            again = answer(question, skill, dice)
            second_thoughts.append(lambda: self._change(assignment["id"], name, again, dice))

    def _change(self, assignment: str, name: str, body: dict[str, Any], dice: random.Random) -> None:
        self._send(assignment, name, body, dice)
        self.record.changed += 1

    def _send(self, assignment: str, name: str, body: dict[str, Any], dice: random.Random) -> None:
        raw = encoded(body, seconds=round(dice.uniform(3, 15), 1))
        done = demand(self.browser.answer(assignment, raw, str(uuid.uuid4())), "send an answer")
        if name not in self.record.answers:
            self.floor.answered()
        self.record.answers[name] = body
        self.record.receipts.append(Receipt(assignment, done["revision"], hashlib.sha256(raw).hexdigest()))
