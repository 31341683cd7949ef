"""Claims a hand in whichever of a worker's projects should get it: one queue over many projects.

A hand that the worker has in progress comes first. Otherwise the worker's organizations are drawn at random, and the
projects of each follow by priority, then by deadline; among equals each has the same chance in every claim. So no
project waits for any but those that its own organization puts before it. A draw needs no row that all claims write to,
as the time of a project's last claim would.
"""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from accounts.models import Actor
from kernel.locks import lock_claims
from kernel.statements import run_prepared
from projects.models import Project
from projects.selectors import CLAIMED_PROJECT
from tasks.assignment.caps import CAPS_COLUMNS, HAS_RETURNED, IN_PROGRESS
from tasks.assignment.claiming import FIRST_CANDIDATE
from tasks.assignment.errors import (
    ImagesTodayUsed,
    InstructionsUnread,
    LiveSetsReached,
    NoMoneyLeft,
    ProjectNotOpen,
    ShareReached,
    WorkerNotAdmitted,
    WorkerPaused,
)
from tasks.assignment.models import Hand
from tasks.assignment.services import ClaimedHand
from tasks.flow.claim_next_hand import claim
from tasks.qualification.errors import NotLetIn, NotQualified
from tasks.qualification.selectors import is_unqualified
from tasks.standing.access import may_work
from tasks.standing.errors import StaffCannotWork, WorkerRemoved

PASSED_OVER = (
    ImagesTodayUsed,
    InstructionsUnread,
    LiveSetsReached,
    NoMoneyLeft,
    NotLetIn,
    NotQualified,
    ProjectNotOpen,
    ShareReached,
    StaffCannotWork,
    WorkerNotAdmitted,
    WorkerPaused,
    WorkerRemoved,
)

# How many are looked up at a time: nearly always the first one gives a hand.
CANDIDATES = 4

SELECT_IN_PROGRESS = f"""
SELECT h.id FROM tasks_hand h JOIN projects_project p ON p.id = h.project_id
WHERE h.worker_id = %(worker)s AND {IN_PROGRESS} AND h.project_id IS DISTINCT FROM %(besides)s::bigint
  AND p.organisation_id = coalesce(%(organisation_id)s::bigint, p.organisation_id)
  AND {may_work(project="h.project_id", worker="h.worker_id")}
ORDER BY h.expires_at, h.id
LIMIT 1
"""  # noqa: S608

# A live hand is over here, and its images come back once the claim has settled it.
#
# The projects are sorted first, and their batches are looked up in that order until there are enough candidates: OFFSET
# keeps the planner from looking up the batches of all projects, and it sees that no second sort is needed.
SELECT_CANDIDATES = f"""
SELECT c.id, c.public_id, c.organisation_id, c.currency, c.lease_seconds
FROM (
    SELECT p.id, p.public_id, p.organisation_id, p.currency, p.lease_seconds, p.priority, p.deadline_at,
        hashint8extended(p.organisation_id, %(seed)s::bigint) AS organisation_draw,
        hashint8extended(p.id, %(seed)s::bigint) AS draw,
        {CAPS_COLUMNS}
    FROM tasks_standing s
    JOIN projects_project p ON p.id = s.project_id
    JOIN accounts_organisation o ON o.id = p.organisation_id
    JOIN accounts_membership m ON m.organisation_id = p.organisation_id AND m.actor_id = s.worker_id
    WHERE s.worker_id = %(worker)s AND s.state = 'active' AND m.role = 'worker'
      AND p.state = 'open' AND p.schema_id IS NOT NULL AND p.id <> ALL(%(tried)s::bigint[])
      AND s.confirmed_version >= p.version_to_confirm
      AND NOT {is_unqualified(project="p.id", worker="s.worker_id")}
      AND p.organisation_id = coalesce(%(organisation_id)s::bigint, p.organisation_id)
    ORDER BY organisation_draw, p.priority DESC, p.deadline_at, draw
    OFFSET 0
) c
WHERE (
    (c.per_day = 0 OR c.today < c.per_day) AND (c.share IS NULL OR c.images < c.share)
    AND ({FIRST_CANDIDATE.replace("%(project)s", "c.id")}) IS NOT NULL
) OR {HAS_RETURNED.format(project="c.id", worker="%(worker)s")}
OR EXISTS (SELECT FROM tasks_hand h WHERE h.worker_id = %(worker)s AND h.project_id = c.id AND h.state = 'live')
ORDER BY c.organisation_draw, c.priority DESC, c.deadline_at, c.draw
LIMIT {CANDIDATES}
"""  # noqa: S608

_rng = random.SystemRandom()


class _OtherInProgress(Exception):
    """A call at the same time has claimed a hand in another project."""


def claim_any(*, worker: Actor, organisation_id: int | None = None) -> ClaimedHand | None:
    """Waits for other claims like this of the worker. Claim a hand in one of their projects, or find one in progress.

    With `organisation_id` only its projects are considered. Projects that give nothing (paused, capped, or empty since
    they were chosen) are passed over. Returns None if no project has an image for the worker.
    """
    seed, tried = _rng.getrandbits(62), list[int]()
    while True:
        found = _in_progress(worker, organisation_id)
        if found is not None:
            hand = Hand.objects.select_related("project").get(pk=found)
            return ClaimedHand(hand, fresh=False)
        candidates = _candidates(worker, organisation_id, seed=seed, tried=tried)
        if not candidates:
            return None
        try:
            for project in candidates:
                claimed = _claim(worker, project, organisation_id)
                if claimed is not None:
                    return claimed
                tried.append(project.pk)
        except _OtherInProgress:
            continue


def _claim(worker: Actor, project: Project, organisation_id: int | None) -> ClaimedHand | None:
    check = partial(_require_no_other, worker, project, organisation_id)
    try:
        return claim(worker=worker, project=project, check=check)
    except PASSED_OVER:
        return None


def _require_no_other(worker: Actor, project: Project, organisation_id: int | None) -> None:
    """Waits for other claims like this of the worker; the caller must hold no batch. Two tabs get one hand."""
    lock_claims(actor_id=worker.pk)
    if _in_progress(worker, organisation_id, besides=project) is not None:
        raise _OtherInProgress


def _in_progress(worker: Actor, organisation_id: int | None, *, besides: Project | None = None) -> int | None:
    """Return the id of the hand in progress that ends first."""
    params = {"worker": worker.pk, "organisation_id": organisation_id, "besides": besides.pk if besides else None}
    rows = run_prepared(SELECT_IN_PROGRESS, params)
    return rows[0][0] if rows else None


def _candidates(worker: Actor, organisation_id: int | None, *, seed: int, tried: Sequence[int]) -> list[Project]:
    """Return the first projects that probably have an image for the worker, in the order of the queue."""
    params: dict[str, Any] = {
        "worker": worker.pk,
        "organisation_id": organisation_id,
        "seed": seed,
        "tried": list(tried),
    }
    rows = run_prepared(SELECT_CANDIDATES, params)
    return [Project.from_db("default", CLAIMED_PROJECT, row) for row in rows]
