"""Caps a worker: sets in progress in an organization, images a day and a share of the images in a project.

An image counts once, when a claim first gives it to the worker, work and gold alike: see
docs/decisions/0027-caps-count-images-once.md. The counts are two numbers on the standing. Claims alone write them, and
those of a worker in a project take turns at the live hand, so what a claim reads is current when it writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from accounts.models import Actor
from kernel.locks import lock_claims
from kernel.statements import run_prepared
from projects.models import Project
from tasks.assignment.errors import ImagesTodayUsed, LiveSetsReached, ShareReached
from tasks.batching.models import Task

CapReached = ImagesTodayUsed | LiveSetsReached | ShareReached

TODAY = "(clock_timestamp() AT TIME ZONE 'UTC')::date"

#: A share that is not exact in binary must not lose an image: 29% of 100 is 29. One image is always allowed.
SHARE = "greatest(1, floor(round((p.share_per_worker * p.images_count)::numeric, 6)))::int"

#: The columns of `Caps`, of a standing `s`, its project `p` and the organization `o`. The history is counted once, in a
#: standing from before the counter.
CAPS_COLUMNS = f"""
    p.images_per_day AS per_day, CASE WHEN s.images_day = {TODAY} THEN s.images_today ELSE 0 END AS today,
    CASE WHEN p.share_per_worker < 1 THEN {SHARE} END AS share,
    CASE WHEN p.share_per_worker < 1 THEN coalesce(s.images, (
        SELECT count(*) FROM tasks_assignment had WHERE had.worker_id = s.worker_id AND had.project_id = s.project_id))
    END AS images,
    o.live_sets
"""  # noqa: S608

#: Part of the statement that writes assignments. It reads `exposed` to lock the gold first: standings come last.
COUNT_IMAGES = f"""
    UPDATE tasks_standing s
    SET images = coalesce(s.images, %(had)s::int) + %(fresh)s, images_day = t.today,
        images_today = %(fresh)s + CASE WHEN s.images_day = t.today THEN s.images_today ELSE 0 END
    FROM (SELECT {TODAY} AS today) t
    WHERE s.project_id = %(project)s AND s.worker_id = %(worker)s AND %(fresh)s > 0
      AND (SELECT count(*) FROM exposed) >= 0
"""  # noqa: S608

#: What a reviewer sent back waits for its worker, from the day on which the worker can read why. Found by the rejected
#: answers, whose index of these has few rows.
KEPT = """SELECT r.correction_id FROM tasks_rejectedanswer r
        WHERE r.worker_id = {worker} AND r.project_id = {project} AND r.is_kept AND r.shown_from <= clock_timestamp()"""

#: A correction that no set has taken yet.
IS_WAITING = "a.state = 'leased' AND a.position = 0"

HAS_KEPT = f"""EXISTS (
        SELECT 1 FROM tasks_assignment a LEFT JOIN tasks_gold g ON g.id = a.gold_id
        WHERE a.id = ANY(ARRAY({KEPT})) AND {IS_WAITING} AND coalesce(g.state, 'active') = 'active')"""  # noqa: S608

#: Images that were given back wait for the worker, and use no cap. Retired and suspended gold does not come back.
HAS_GIVEN_BACK = """EXISTS (
        SELECT 1 FROM tasks_assignment a LEFT JOIN tasks_gold g ON g.id = a.gold_id
        WHERE a.worker_id = {worker} AND a.project_id = {project} AND a.returned AND a.state IN ('released', 'expired')
        AND coalesce(g.state, 'active') = 'active')"""
HAS_RETURNED = f"({HAS_GIVEN_BACK} OR {HAS_KEPT})"

#: A set whose time is over ends with the next sweep or claim.
IN_PROGRESS = "h.state = 'live' AND h.expires_at > clock_timestamp()"

OTHER_SETS = f"""
SELECT count(*) FROM tasks_hand h JOIN projects_project p ON p.id = h.project_id
WHERE h.worker_id = %(worker)s AND {IN_PROGRESS} AND h.project_id <> %(project)s
  AND p.organisation_id = (SELECT organisation_id FROM projects_project WHERE id = %(project)s)
"""  # noqa: S608

SELECT_ALLOWANCES = f"""
SELECT s.project_id, {HAS_RETURNED.format(worker="s.worker_id", project="s.project_id")},
    CASE WHEN o.live_sets > 0 THEN (
        SELECT count(*) FROM tasks_hand h JOIN projects_project at ON at.id = h.project_id
        WHERE h.worker_id = s.worker_id AND {IN_PROGRESS} AND h.project_id <> p.id AND at.organisation_id = o.id)
    ELSE 0 END,
    {CAPS_COLUMNS}
FROM tasks_standing s
JOIN projects_project p ON p.id = s.project_id
JOIN accounts_organisation o ON o.id = p.organisation_id
WHERE s.worker_id = %(worker)s AND s.project_id = ANY(%(projects)s::bigint[])
"""  # noqa: S608

SELECT_SHARES = f"""
SELECT EXISTS (SELECT 1 FROM tasks_standing s WHERE s.project_id = p.id AND s.state = 'active')
    AND NOT EXISTS (
        SELECT 1 FROM tasks_standing s
        WHERE s.project_id = p.id AND s.state = 'active' AND (s.images IS NULL OR s.images < {SHARE}))
FROM projects_project p WHERE p.id = %(project)s
"""  # noqa: S608


class Caps(NamedTuple):
    """The caps of a worker in a project, and what is used of them.

    `per_day` and `live_sets` are 0 without a cap. `share` is how many of the project's images the worker may get, and
    `images` how many they got; both are None without a cap.
    """

    per_day: int
    today: int
    share: int | None
    images: int | None
    live_sets: int

    @property
    def left_today(self) -> int | None:
        return max(0, self.per_day - self.today) if self.per_day else None

    @property
    def left_of_share(self) -> int | None:
        return None if self.share is None or self.images is None else max(0, self.share - self.images)

    def cut(self, images: int) -> int:
        """Return how many of this many new images the worker may get."""
        return min(images, *(left for left in (self.left_today, self.left_of_share, images) if left is not None))

    def refusal(self, *, now: datetime) -> CapReached | None:
        """Return why the worker gets no new image; None while some are left."""
        if self.left_of_share == 0:
            return ShareReached(
                f"You have had {_images(self.images or 0)} of this project, which is as many as one"
                " person may label. Choose another project."
            )
        if self.left_today == 0:
            error = ImagesTodayUsed(
                f"You have had today's {_images(self.per_day)} in this project. More tomorrow at 00:00 UTC."
            )
            error.headers = {"Retry-After": str(seconds_to_midnight(now))}
            return error
        return None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a worker may take in a project now. `has_returned`: images they gave back wait for them, which use no cap.

    `other_sets` is how many sets they have in progress in other projects of the organization, if it has a cap.
    """

    has_returned: bool
    other_sets: int
    caps: Caps

    def refusal(self, *, now: datetime) -> CapReached | None:
        """Return why taking a new set would be refused; None if it would not."""
        if self.caps.live_sets and self.other_sets >= self.caps.live_sets:
            return live_sets_reached(self.other_sets)
        return None if self.has_returned else self.caps.refusal(now=now)


def require_live_sets(*, worker_id: int, project_id: int, caps: Caps) -> None:
    """Waits for claims of the worker in other projects, so the caller must hold no batch. Raises LiveSetsReached.

    Sets that were claimed before the lock are counted; later claims wait until the caller's transaction ends.
    """
    if not caps.live_sets:
        return
    lock_claims(actor_id=worker_id)
    others = run_prepared(OTHER_SETS, {"worker": worker_id, "project": project_id})[0][0]
    if others >= caps.live_sets:
        raise live_sets_reached(others)


def allowances_of(*, worker: Actor, projects: Sequence[Project]) -> dict[int, Allowance]:
    """Return what the worker may take in each of these projects, by row id, if they were ever admitted."""
    params: dict[str, Any] = {"worker": worker.pk, "projects": [project.pk for project in projects]}
    rows = run_prepared(SELECT_ALLOWANCES, params)
    return {row[0]: Allowance(row[1], row[2], Caps(*row[3:])) for row in rows}


def have_all_their_share(*, project: Project) -> bool:
    """Return whether no active worker of the project may get another image because of their share.

    Images that were given back, and a project without active workers, are not considered.
    """
    if project.share_per_worker >= 1:
        return False
    return bool(run_prepared(SELECT_SHARES, {"project": project.pk})[0][0])


def count_images(*, project: Project) -> None:
    """Needs the project's lock. Count the images of a project from before the counter; others have been counted."""
    if project.images_count is None:
        counted = Task.objects.filter(project=project).count()
        Project.objects.filter(pk=project.pk, images_count__isnull=True).update(images_count=counted)


def live_sets_reached(live: int) -> LiveSetsReached:
    sets = (
        "1 set that is not finished. Finish or give it back"
        if live == 1
        else (f"{live:,} sets that are not finished. Finish or give back one of them")
    )
    return LiveSetsReached(f"You have {sets} first.")


def seconds_to_midnight(now: datetime) -> int:
    """Return the whole seconds, rounded up, until the next day begins in UTC; at least 1."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, ceil((today + timedelta(days=1) - now).total_seconds()))


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
