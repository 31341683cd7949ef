"""The activity feed of a project: its live events in words, with similar consecutive events merged into one line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.selectors import display_names
from annotary_core.wording import format_count
from kernel.events import latest_events
from kernel.models import Event
from projects.models import Project
from tasks.batching.selectors import batch_numbers
from tasks.exports.selectors import format_choices
from workers_ui.templatetags.manage import money

MAX_LINES = 30
MAX_EVENTS = 300
MERGE_WINDOW = timedelta(minutes=15)
FORMAT_SENTENCES = {"coco": "A COCO file is ready", "imagenet": "An ImageNet-style file is ready"}


@dataclass(slots=True)
class FeedLine:
    """A line of the feed; `total` sums the deltas of the events merged into it."""

    kind: str
    data: Mapping[str, Any]
    total: dict[str, int]
    at: datetime
    events: int = 1
    words: str = ""
    icon: str = "info"


@dataclass(frozen=True, slots=True)
class DisplayNames:
    """Display names for the ids in events."""

    workers: Mapping[str, str]
    batches: Mapping[str, int]
    currency: str

    def worker(self, data: Mapping[str, Any]) -> str:
        return self.workers.get(str(data.get("worker")), "A worker")

    def batch(self, data: Mapping[str, Any]) -> str:
        return f"Batch {self.batches.get(str(data.get('batch')), '')}".strip()


def activity(*, project: Project) -> list[FeedLine]:
    """Return the lines of the feed, newest first."""
    events = latest_events(project_id=project.pk, limit=MAX_EVENTS)
    lines = [line for line in merge_events(events) if line.kind in LINE_FORMATTERS][: MAX_LINES * 2]
    names = _names(project, lines)
    for line in lines:
        line.icon, describe = LINE_FORMATTERS[line.kind]
        line.words = describe(line, names)
    return [line for line in lines if line.words][:MAX_LINES]


def merge_events(events: Sequence[Event]) -> list[FeedLine]:
    """Merge events, newest first, into lines: neighbors of the same kind and person become one."""
    lines: list[FeedLine] = []
    for event in events:
        last = next((line for line in reversed(lines[-3:]) if _can_merge(line, event)), None)
        if last is None:
            lines.append(FeedLine(event.kind, event.data, dict(event.delta), event.created_at))
            continue
        last.events += 1
        for name, change in event.delta.items():
            last.total[name] = last.total.get(name, 0) + change
    return lines


def _can_merge(line: FeedLine, event: Event) -> bool:
    keys = {"batch", "worker", "number", "format", "import", "reason", "by_policy", "answers"}
    return (
        line.kind == event.kind
        and line.at - event.created_at <= MERGE_WINDOW
        and all(line.data.get(name) == event.data.get(name) for name in keys)
    )


def _names(project: Project, lines: Sequence[FeedLine]) -> DisplayNames:
    workers = {str(line.data["worker"]) for line in lines if "worker" in line.data}
    batches = {str(line.data["batch"]) for line in lines if "batch" in line.data}
    return DisplayNames(
        workers=display_names(actors=sorted(workers)),
        batches=batch_numbers(project=project, public_ids=batches),
        currency=project.currency,
    )


def _counted(name: str, noun: str, what: str) -> Callable[[FeedLine, DisplayNames], str]:
    """Return a formatter for lines such as "12 answers received"; it is empty when the count is zero."""

    def describe(line: FeedLine, names: DisplayNames) -> str:
        count = abs(line.total.get(name, 0))
        return f"{format_count(count, noun)} {what}" if count else ""

    return describe


def _set_taken(line: FeedLine, names: DisplayNames) -> str:
    count = abs(line.total.get("leased", 0))
    sets = "a set" if line.events == 1 else format_count(line.events, "set")
    return f"{names.worker(line.data)} took {sets} of {format_count(count, 'image')}"


def _set_handed_in(line: FeedLine, names: DisplayNames) -> str:
    paid = Decimal(line.total.get("paid_micros", 0)) / 1_000_000
    answers = format_count(line.total.get("settled", 0), "answer")
    return f"{names.worker(line.data)} submitted {answers} and earned {money(paid, names.currency)}"


def _paused(line: FeedLine, names: DisplayNames) -> str:
    return f"{names.worker(line.data)} was paused. {line.data.get('reason', '')}".strip()


def _voided(line: FeedLine, names: DisplayNames) -> str:
    answers = format_count(line.data.get("answers", 0), "answer")
    return f"{answers} of {names.worker(line.data)} voided. {line.data.get('reason', '')}".strip()


def _restored(line: FeedLine, names: DisplayNames) -> str:
    answers = format_count(line.data.get("answers", 0), "answer")
    return f"{answers} of {names.worker(line.data)} count again. {line.data.get('reason', '')}".strip()


def _approved(line: FeedLine, names: DisplayNames) -> str:
    how = "approved with their batch, by policy" if line.data.get("by_policy") else "approved"
    return f"{format_count(line.total.get('approved', 0), 'label')} {how}"


def _more_requested(line: FeedLine, names: DisplayNames) -> str:
    more = line.total.get("places", 0)
    return f"{format_count(more, 'more answer')} requested, where workers disagree" if more > 0 else ""


def _overlap_changed(line: FeedLine, names: DisplayNames) -> str:
    images, answers = line.data.get("images", 0), line.data.get("answers", 0)
    return f"{format_count(images, 'image')} set to {format_count(answers, 'answer')} each"


def _asked_again(line: FeedLine, names: DisplayNames) -> str:
    return f"{format_count(line.data.get('images', 0), 'finished image')} opened for more answers"


def _required(line: FeedLine, names: DisplayNames) -> str:
    required = ", ".join(line.data.get("names", []))
    return f"Workers need: {required}" if required else "Workers need no qualification any more"


def _budget_changed(line: FeedLine, names: DisplayNames) -> str:
    budget = line.data.get("budget")
    return "The budget was removed" if budget is None else f"Budget set to {money(Decimal(budget), names.currency)}"


def _scheduled(line: FeedLine, what: str) -> str:
    """The priority and deadline that something has now; both are in the event, whichever changed."""
    priority, deadline = line.data.get("priority", 0), line.data.get("deadline_at")
    due = f"due {datetime.fromisoformat(deadline):%Y-%m-%d %H:%M} UTC" if deadline else "no deadline"
    return f"{what}: priority {priority}, {due}"


def _exported(line: FeedLine, names: DisplayNames) -> str:
    name = str(line.data.get("format", ""))
    return FORMAT_SENTENCES.get(name) or f"A release is ready to download as {dict(format_choices()).get(name, name)}"


LINE_FORMATTERS: dict[str, tuple[str, Callable[[FeedLine, DisplayNames], str]]] = {
    "project.open": ("play", lambda line, names: "The project was opened"),
    "project.paused": ("pause", lambda line, names: "The project was paused"),
    "project.closed": ("seal", lambda line, names: "The project was closed"),
    "project.archived": ("seal", lambda line, names: "The project was archived"),
    "project.reopened": ("play", lambda line, names: "The project was reopened"),
    "project.scheduled": ("clock", lambda line, names: _scheduled(line, "The project")),
    "import.progress": ("image", _counted("images", "image", "added")),
    "tasks.made": ("plus", _counted("tasks", "image", "ready to label")),
    "places.changed": ("plus", _more_requested),
    "overlap.changed": ("plus", _overlap_changed),
    "task.asked_again": ("plus", _asked_again),
    "budget.changed": ("money", _budget_changed),
    "budget.reached": ("alert", lambda line, names: "The budget is used up. Workers can take no more images"),
    "gold.made": ("flag", lambda line, names: f"{format_count(line.events, 'check image')} made"),
    "qualification.image_added": (
        "flag",
        lambda line, names: f"{format_count(line.events, 'image')} added to a qualification",
    ),
    "qualifications.required": ("seal", _required),
    "workers.filtered": ("user", lambda line, names: "Which workers get sets was changed"),
    "hand.claimed": ("hand", _set_taken),
    "answer.submitted": ("check", _counted("submitted", "answer", "received")),
    "assignment.skipped": ("arrow", _counted("skipped", "image", "skipped")),
    "assignment.expired": ("clock", _counted("expired", "image", "offered again because time ran out")),
    "assignment.released": ("undo", _counted("released", "image", "returned")),
    "label.passed": (
        "seal",
        lambda line, names: f"{format_count(line.events, 'label')} passed a stage of review",
    ),
    "review.stages_changed": ("edit", lambda line, names: "The stages of review were changed"),
    "image.sent_back": ("undo", _counted("leased", "image", "sent back to the same worker")),
    "correction.ended": ("clock", _counted("released", "image", "not corrected in time, offered to others")),
    "hand.settled": ("money", _set_handed_in),
    "worker.joined": ("user", lambda line, names: f"{names.worker(line.data)} joined"),
    "worker.paused": ("pause", _paused),
    "worker.resumed": ("play", lambda line, names: f"{names.worker(line.data)} can work again"),
    "repair.started": ("x", _voided),
    "repair.finished": (
        "check",
        lambda line, names: f"All images of {names.worker(line.data)}'s void answers are done",
    ),
    "repair.undone": ("undo", _restored),
    "classes.changed": ("edit", lambda line, names: "Classes were changed"),
    "classes.restored": ("undo", lambda line, names: "A change of classes was undone"),
    "task.answered": ("eye", _counted("answered", "image", "answered")),
    "task.reopened": ("undo", _counted("answered", "image", "to label again")),
    "task.set_aside": ("pause", _counted("set_aside", "image", "set aside after many workers skipped")),
    "task.offered": ("undo", lambda line, names: f"{format_count(line.events, 'image')} offered again"),
    "task.left_out": ("x", _counted("left_out", "image", "left out")),
    "gold.set_aside": ("pause", lambda line, names: f"{format_count(line.events, 'check image')} set aside"),
    "gold.offered": ("undo", lambda line, names: f"{format_count(line.events, 'check image')} in use again"),
    "label.approved": ("seal", _approved),
    "label.rejected": ("x", _counted("rejected", "label", "rejected")),
    "label.proposed": ("info", _counted("proposed", "change", "of approved labels proposed")),
    "label.sent": ("send", _counted("sent", "approved label", "sent back to review")),
    "label.kept": ("seal", _counted("kept", "label", "kept as approved")),
    "label.changed": ("undo", _counted("approved", "label", "changed and back in review")),
    "batch.opened": ("play", lambda line, names: f"{names.batch(line.data)} was opened"),
    "batch.paused": ("pause", lambda line, names: f"{names.batch(line.data)} was paused"),
    "batch.scheduled": ("clock", lambda line, names: _scheduled(line, names.batch(line.data))),
    "batch.approved": ("seal", lambda line, names: f"{names.batch(line.data)} was approved"),
    "snapshot.ready": ("inbox", lambda line, names: f"Release {line.data.get('number', '')} is ready"),
    "export.ready": ("download", _exported),
}
