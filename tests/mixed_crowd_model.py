"""A project with a mixed crowd, in memory: sets, check images and the chance test, without services or tables."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import mean, median

from tasks.standing.chance_test import FAST, ChanceTest, ClassAnswer, Evidence, ScoreAnswer, run_chance_test
from tasks.standing.trust import Posterior, posterior
from tests.mixed_crowd import Box, Person, true_boxes

SET = 10
BATCH = 50
NEWEST = 60


@dataclass(slots=True)
class Record:
    person: Person
    tasks: list[int] = field(default_factory=list)
    gold: list[int] = field(default_factory=list)
    answers: dict[int, object] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    stopped_at: int | None = None
    trust: float = 2 / 3
    due: list[int] = field(default_factory=list)

    @property
    def paid(self) -> int:
        return len(self.answers)


@dataclass(slots=True)
class Outcome:
    """stopped: {number of the person: paid answers when stopped}; records by person."""

    records: list[Record]

    def stopped(self, *, bad: bool, by: int | None = None) -> int:
        return sum(
            each.stopped_at is not None and (by is None or each.stopped_at < by + SET)
            for each in self.records
            if each.person.is_bad == bad
        )


def f1_of(answer: list[Box], other: list[Box]) -> float:
    """F1 of boxes matched greedily at IoU 0.5 and of the same class: near enough to the matcher for a simulation."""
    if not answer and not other:
        return 1.0
    left, matched = list(other), 0
    for box in answer:
        best = max(left, key=lambda each: _iou(box, each) * (each[0] == box[0]), default=None)
        if best is not None and best[0] == box[0] and _iou(box, best) >= 0.5:
            left.remove(best)
            matched += 1
    return 2 * matched / (len(answer) + len(other))


def _iou(a: Box, b: Box) -> float:
    w = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    h = min(a[2] + a[4], b[2] + b[4]) - max(a[2], b[2])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a[3] * a[4] + b[3] * b[4] - w * h)


class CrowdModel:
    """Runs the crowd in rounds: each worker who was not stopped takes a set in each round, in random order."""

    def __init__(
        self,
        people: list[Person],
        *,
        images: int,
        classes: int,
        boxes: bool,
        overlap: int,
        seed: int,
        gold_after: float = 0.1,
        watched_gold: float | None = None,
        judge: Callable[[Evidence], ChanceTest] = run_chance_test,
        shares: list[float] | None = None,
    ) -> None:
        self.rng = random.Random(seed)
        self.classes, self.boxes, self.overlap, self.seed = classes, boxes, overlap, seed
        self.gold_after, self.watched_gold, self.judge = gold_after, watched_gold, judge
        names = list(range(classes))
        self.truth = {n: self.rng.choices(names, shares)[0] for n in range(-2000, images)}
        self.left = dict.fromkeys(range(images), overlap)
        self.open = list(range(images))
        self.answered: dict[int, list[int]] = defaultdict(list)
        self.records = [Record(person) for person in people]
        self._scores: dict[tuple[int, int, int], float] = {}

    def run(self, *, rounds: int = 100) -> Outcome:
        for _ in range(rounds):
            order = [each for each in self.records if each.stopped_at is None]
            self.rng.shuffle(order)
            if not [each for each in order if self._take(each)]:
                break
        return Outcome(self.records)

    def _take(self, record: Record) -> bool:
        self._judge(record)  # what others answered since the worker's last set
        if record.stopped_at is not None:
            return False
        share = 0.3 if record.paid < SET else self.gold_after
        if self.watched_gold and record.paid >= SET and self.last.log_ratio > 0.5:
            share = self.watched_gold
        golds = int(share * SET + self.rng.random())
        first = [n for n in self.open[: BATCH * 2] if self.left[n] and n not in record.answers]
        work = self.rng.sample(first[:BATCH], min(SET - golds, len(first[:BATCH])))
        if not work:
            return False
        gold = [-1 - len(record.gold) - number for number in range(golds)]
        for image in work:
            self.left[image] -= 1
        self.open = [n for n in self.open if self.left[n]]
        late = record.person.kind == "late"
        self._settle(record, record.due if late else [*work, *gold])
        if late:
            record.due = [*work, *gold]
        return True

    def _settle(self, record: Record, images: list[int]) -> None:
        person = record.person
        for image in images:
            if self.boxes:
                truth = true_boxes(image, self.classes, seed=self.seed)
                record.answers[image] = person.answer_boxes(image, truth, self.classes)
            else:
                record.answers[image] = person.answer_class(image, self.truth[image], self.classes)
            record.times[image] = person.seconds()
            if image < 0:
                record.gold.append(image)
            else:
                record.tasks.append(image)
                self.answered[image].append(person.number)
        self._judge(record)

    def _judge(self, record: Record) -> None:
        result = self.last = self.judge(self._evidence(record))
        record.trust = self._posterior(result).mean
        if result.is_at_chance and record.stopped_at is None and record.answers:
            record.stopped_at = record.paid

    def _posterior(self, result: ChanceTest) -> Posterior:
        wrong = result.gold_seen - result.gold_right
        return posterior(
            correct=result.gold_right,
            incorrect=wrong,
            agreeing=result.agreeing,
            disagreeing=result.compared - result.agreeing,
        )

    def _evidence(self, record: Record) -> Evidence:
        tasks = record.tasks[-NEWEST:]
        times = [self.records[n].times[t] for t in tasks for n in self.answered[t] if n != record.person.number]
        fast_below = FAST * median(times) if len(times) >= 5 else 0.0
        own = [record.times[image] for image in [*tasks, *record.gold]]
        fast, timed = sum(each < fast_below for each in own), len(own) if fast_below else 0
        if self.boxes:
            scores, mutual = self._box_scores(record, tasks)
            usual = (0.6 * 10 + sum(mutual)) / (10 + len(mutual))
            return Evidence(classes=self.classes, score_answers=scores, usual=usual, fast=fast, timed=timed)
        answers = [ClassAnswer(record.answers[g], accepted=frozenset({self.truth[g]})) for g in record.gold]  # type: ignore[arg-type]
        for task in tasks:
            votes = tuple(
                (self.records[n].answers[task], self.records[n].trust)
                for n in self.answered[task]
                if n != record.person.number
            )
            answers.append(ClassAnswer(record.answers[task], votes=votes))  # type: ignore[arg-type]
        return Evidence(classes=self.classes, class_answers=answers, fast=fast, timed=timed)

    def _box_scores(self, record: Record, tasks: list[int]) -> tuple[list[ScoreAnswer], list[float]]:
        own = record.person.number
        scores = [
            ScoreAnswer(f1_of(record.answers[g], true_boxes(g, self.classes, seed=self.seed)), is_gold=True)  # type: ignore[arg-type]
            for g in record.gold
        ]
        mutual = []
        for task in tasks:
            others = [n for n in self.answered[task] if n != own]
            seen: list[object] = [record.answers[task]]
            independent = []
            for n in others:
                if self.records[n].answers[task] not in seen:
                    seen.append(self.records[n].answers[task])
                    independent.append(n)
            if independent:
                scores.append(ScoreAnswer(mean(self._score(task, own, n) for n in independent), is_gold=False))
            mutual += [self._score(task, a, b) for a in independent for b in independent if a < b]
        return scores, mutual

    def _score(self, task: int, one: int, other: int) -> float:
        key = task, min(one, other), max(one, other)
        if key not in self._scores:
            self._scores[key] = f1_of(self.records[one].answers[task], self.records[other].answers[task])  # type: ignore[arg-type]
        return self._scores[key]
