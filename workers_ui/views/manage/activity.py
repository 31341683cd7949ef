"""The live stream of a project in words: what happened, by whom, how many; like things in a row are one line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kernel.models import Event
from projects.models import Project
from tasks.analytics.listings import names_of
from tasks.batching.models import Batch
from tasks.exports.selectors import format_choices
from workers_ui.templatetags.manage import money

LINES = 30
READ = 300
TOGETHER = timedelta(minutes=15)
FILES = {"coco": "A COCO file is ready", "imagenet": "An ImageNet-style file is ready"}


@dataclass(slots=True)
class Line:
    """A line of the feed; `total` sums the deltas of the events that it stands for."""

    kind: str
    data: Mapping[str, Any]
    total: dict[str, int]
    at: datetime
    events: int = 1
    words: str = ""
    icon: str = "info"


@dataclass(frozen=True, slots=True)
class Names:
    """What ids in events are called."""

    workers: Mapping[str, str]
    batches: Mapping[str, int]
    currency: str

    def worker(self, data: Mapping[str, Any]) -> str:
        return self.workers.get(str(data.get("worker")), "A worker")

    def batch(self, data: Mapping[str, Any]) -> str:
        return f"Batch {self.batches.get(str(data.get('batch')), '')}".strip()


def activity(*, project: Project) -> list[Line]:
    """The newest lines first."""
    events = list(Event.objects.filter(project_id=project.pk, number__isnull=False).order_by("-number")[:READ])
    lines = [line for line in merged(events) if line.kind in WORDS][: LINES * 2]
    names = _names(project, lines)
    for line in lines:
        line.icon, speak = WORDS[line.kind]
        line.words = speak(line, names)
    return [line for line in lines if line.words][:LINES]


def merged(events: Sequence[Event]) -> list[Line]:
    """Events, newest first, with neighbours of one kind and one person made one line."""
    lines: list[Line] = []
    for event in events:
        last = next((line for line in reversed(lines[-3:]) if _belongs(line, event)), None)
        if last is None:
            lines.append(Line(event.kind, event.data, dict(event.delta), event.created_at))
            continue
        last.events += 1
        for name, change in event.delta.items():
            last.total[name] = last.total.get(name, 0) + change
    return lines


def _belongs(line: Line, event: Event) -> bool:
    apart = {"batch", "worker", "number", "format", "import", "reason", "by_policy"}
    return (
        line.kind == event.kind
        and line.at - event.created_at <= TOGETHER
        and all(line.data.get(name) == event.data.get(name) for name in apart)
    )


def _names(project: Project, lines: Sequence[Line]) -> Names:
    workers = {str(line.data["worker"]) for line in lines if "worker" in line.data}
    batches = {str(line.data["batch"]) for line in lines if "batch" in line.data}
    numbers = Batch.objects.filter(project=project, public_id__in=batches).values_list("public_id", "number")
    return Names(
        workers=names_of(actors=sorted(workers)),
        batches={str(public_id): number for public_id, number in numbers},
        currency=project.currency,
    )


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _counted(name: str, one: str, after: str) -> Callable[[Line, Names], str]:
    """Words for "12 answers came in", or none when there were none."""

    def speak(line: Line, names: Names) -> str:
        count = abs(line.total.get(name, 0))
        return f"{_many(count, one)} {after}" if count else ""

    return speak


def _set_taken(line: Line, names: Names) -> str:
    count = abs(line.total.get("leased", 0))
    sets = "a set" if line.events == 1 else f"{line.events} sets"
    return f"{names.worker(line.data)} took {sets} of {_many(count, 'image')}"


def _set_handed_in(line: Line, names: Names) -> str:
    paid = Decimal(line.total.get("paid_micros", 0)) / 1_000_000
    answers = _many(line.total.get("settled", 0), "answer")
    return f"{names.worker(line.data)} handed in {answers} and earned {money(paid, names.currency)}"


def _paused(line: Line, names: Names) -> str:
    return f"{names.worker(line.data)} was paused. {line.data.get('reason', '')}".strip()


def _approved(line: Line, names: Names) -> str:
    how = "approved with their batch, by policy" if line.data.get("by_policy") else "approved"
    return f"{_many(line.total.get('approved', 0), 'label')} {how}"


def _asked_more(line: Line, names: Names) -> str:
    more = line.total.get("places", 0)
    return f"{_many(more, 'more answer')} asked for, where people disagree" if more > 0 else ""


def _exported(line: Line, names: Names) -> str:
    name = str(line.data.get("format", ""))
    return FILES.get(name) or f"A release is ready to download as {dict(format_choices()).get(name, name)}"


WORDS: dict[str, tuple[str, Callable[[Line, Names], str]]] = {
    "project.open": ("play", lambda line, names: "The project was opened"),
    "project.paused": ("pause", lambda line, names: "The project was paused"),
    "project.closed": ("seal", lambda line, names: "The project was closed"),
    "import.progress": ("image", _counted("images", "image", "taken in")),
    "tasks.made": ("plus", _counted("tasks", "image", "ready to be labelled")),
    "places.changed": ("plus", _asked_more),
    "hand.claimed": ("hand", _set_taken),
    "answer.submitted": ("check", _counted("submitted", "answer", "came in")),
    "assignment.skipped": ("arrow", _counted("skipped", "image", "skipped")),
    "assignment.expired": ("clock", _counted("expired", "image", "given out again: the time was over")),
    "assignment.released": ("undo", _counted("released", "image", "given back")),
    "hand.settled": ("money", _set_handed_in),
    "worker.joined": ("user", lambda line, names: f"{names.worker(line.data)} joined"),
    "worker.paused": ("pause", _paused),
    "worker.resumed": ("play", lambda line, names: f"{names.worker(line.data)} may work again"),
    "task.answered": ("eye", _counted("answered", "image", "answered")),
    "task.reopened": ("undo", _counted("answered", "image", "to be labelled again")),
    "label.approved": ("seal", _approved),
    "label.rejected": ("x", _counted("rejected", "label", "rejected")),
    "label.changed": ("undo", _counted("approved", "label", "changed and back in the review")),
    "batch.opened": ("play", lambda line, names: f"{names.batch(line.data)} was opened"),
    "batch.paused": ("pause", lambda line, names: f"{names.batch(line.data)} was paused"),
    "batch.approved": ("seal", lambda line, names: f"{names.batch(line.data)} was approved"),
    "snapshot.ready": ("inbox", lambda line, names: f"Release {line.data.get('number', '')} is ready"),
    "export.ready": ("download", _exported),
}
