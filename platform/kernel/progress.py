"""How far a long piece of work has come, as resources, events and pages show it."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from kernel.models import Job

IMAGES, FILES = "images", "files"


@dataclass(frozen=True, slots=True)
class Progress:
    """`total` is None while it is not known yet."""

    done: int
    total: int | None
    unit: str = IMAGES

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def progress_of_jobs(*, kind: str, argument: str, project_ids: Iterable[int]) -> dict[int, Progress]:
    """Return the progress of the projects' unfinished jobs of a kind, by an id in their arguments."""
    unfinished = Job.objects.filter(
        kind=kind, project_id__in=set(project_ids), state__in=[Job.State.QUEUED, Job.State.RUNNING]
    )
    rows: Iterator[tuple[int, int, int]] = unfinished.values_list(
        f"args__{argument}", "progress_done", "progress_total"
    ).iterator()
    return {key: Progress(done, total or None) for key, done, total in rows}
