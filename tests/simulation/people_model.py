"""Who may take a set, as instructions, qualifications and filters say. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

#: Of the exam of the simulation.
IMAGES, RIGHT, ATTEMPTS, MINUTES = 4, 3, 3, 30
#: The least value of the skill with which the filter lets somebody in.
LEAST_SKILL = 0.5


@dataclass(slots=True)
class ModelAttempt:
    """An exam or, without an end by time, practice. answers: {id of an image: whether the answer is right}."""

    worker: int
    expires_at: datetime | None
    answers: dict[int, bool] = field(default_factory=dict)
    state: str = "live"

    @property
    def kind(self) -> str:
        return "practice" if self.expires_at is None else "exam"

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(slots=True)
class PeopleModel:
    """What a project asks of its workers. `unread`: no set without the version `to_confirm` of the instructions."""

    text: int = 0
    version: int = 1
    to_confirm: int = 0
    confirmed: dict[int, int] = field(default_factory=dict)
    required: bool = False
    filtered: bool = False
    holders: set[int] = field(default_factory=set)
    skills: dict[int, float] = field(default_factory=dict)
    attempts: dict[int, ModelAttempt] = field(default_factory=dict)

    def refuse_set(self, worker: int) -> str | None:
        """Return why a worker without a live set gets none."""
        if self.confirmed.get(worker, 0) < self.to_confirm:
            return "instructions_unread"
        if self.required and worker not in self.holders:
            return "not_qualified"
        return "not_let_in" if self.filtered and self.skills.get(worker, 0.0) < LEAST_SKILL else None

    def write_instructions(self, text: int, *, is_important: bool) -> None:
        if text != self.text:
            self.text, self.version = text, self.version + 1
        if is_important:
            self.to_confirm = self.version

    def confirm(self, worker: int, version: int) -> str | None:
        if version != self.version:
            return "instructions_replaced"
        self.confirmed[worker] = max(version, self.confirmed.get(worker, 0))
        return None

    def live(self, worker: int, kind: str) -> int | None:
        found = (pk for pk, row in self.attempts.items() if (row.worker, row.kind, row.state) == (worker, kind, "live"))
        return next(found, None)

    def start(self, worker: int, kind: str, now: datetime) -> str | None:
        """Return why no attempt starts. One whose time is over ends first."""
        pk = self.live(worker, kind)
        if pk is not None and not self.attempts[pk].is_over(now):
            return None
        if pk is not None:
            self.finish(pk)
        if kind == "exam" and worker in self.holders:
            return "qualification_passed"
        return "no_attempts_left" if kind == "exam" and len(self._exams(worker)) >= ATTEMPTS else None

    def add(self, pk: int, worker: int, kind: str, now: datetime) -> None:
        self.attempts[pk] = ModelAttempt(worker, now + timedelta(minutes=MINUTES) if kind == "exam" else None)

    def answer(self, pk: int, image: int, now: datetime, *, is_right: bool) -> str | None:
        """Of practice, the first answer stays; of an exam, the last one before it ends."""
        attempt = self.attempts[pk]
        if attempt.kind == "practice" and image in attempt.answers:
            return None
        if attempt.state != "live" or attempt.is_over(now):
            return "attempt_over"
        attempt.answers[image] = is_right
        return None

    def finish(self, pk: int) -> None:
        """Whoever passes has the qualification; the share that was right is the skill."""
        attempt = self.attempts[pk]
        if attempt.state != "live":
            return
        attempt.state, right = "done", sum(attempt.answers.values())
        if attempt.kind == "exam":
            attempt.state = "passed" if right >= RIGHT else "failed"
            self.skills[attempt.worker] = right / IMAGES
            if right >= RIGHT:
                self.holders.add(attempt.worker)

    def _exams(self, worker: int) -> list[ModelAttempt]:
        return [row for row in self.attempts.values() if (row.worker, row.kind) == (worker, "exam")]

    def view(self) -> dict[str, dict[int, object]]:
        """The same as `tables.people_view`."""
        return {
            "confirmed": {worker: version for worker, version in self.confirmed.items() if version},
            "holders": dict.fromkeys(self.holders, True),
            "skills": dict(self.skills),
            "attempts": {
                pk: (row.worker, row.kind, row.state, None if row.state == "live" else sum(row.answers.values()))
                for pk, row in self.attempts.items()
            },
        }
