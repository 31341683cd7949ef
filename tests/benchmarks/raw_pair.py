"""The statements that claim one image and submit its answer, prepared as the services send them, and nothing else."""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from kernel.events import INSERT as EVENT
from kernel.statements import run_prepared
from projects.models import Project
from tasks.annotation.services import SUBMIT_LEASED
from tasks.assignment import assigning, claim_policy, claiming

LEASE = """
SELECT a.id, a.public_id, a.task_id, s.body FROM tasks_assignment a JOIN projects_labelschema s ON s.id = a.schema_id
WHERE a.hand_id = %(hand)s
"""
ANNOTATION = """
INSERT INTO tasks_annotation (public_id, project_id, assignment_id, task_id, actor_id, source, schema_id, revision,
    is_current, body, body_sha256, raw_sha256, created_at)
VALUES (gen_random_uuid(), %(project)s, %(assignment)s, %(task)s, %(worker)s, 'worker', %(schema)s, 1, true, %(body)s,
    %(hash)s, %(hash)s, clock_timestamp())
RETURNING id
"""

NO_GOLD = asdict(claiming.GoldPlaces())


class RawPair:
    def __init__(self, *, project: Project, worker: Actor, body: dict[str, Any]) -> None:
        self.project, self.worker, self.body = project, worker, json.dumps(body)
        self.who = {"project": project.pk, "worker": worker.pk}

    def run(self) -> UUID:
        """Claim and submit; return the hand's public id."""
        with transaction.atomic():
            hand_id, public_id = self._claim()
        with transaction.atomic():
            self._submit(hand_id)
        return public_id

    def _claim(self) -> tuple[int, UUID]:
        hand_id, public_id, _, _ = run_prepared(claiming.INSERT_HAND, self.who)[0]
        run_prepared(claim_policy.SELECT_POLICY, self.who)
        task_id = None
        while task_id is None:  # the worker has had every open task of the batch
            (claimed,) = run_prepared(
                claiming.CLAIM_FROM_BATCH, {**self.who, "count": 1, "most": 150, "chosen": [], "golds": [], **NO_GOLD}
            )
            _, _, task_id, round_number, width, height, rendition_id, _, _ = claimed
        row = {"tasks": [task_id], "golds": [None], "gold_ids": [], "rounds": [round_number]}
        size = {
            "size": 1,
            "fresh": 1,
            "had": None,
            "widths": [width],
            "heights": [height],
            "renditions": [rendition_id],
        }
        pinned = {"schema": self.project.schema_id, "instructions": None, "price": self.project.price}
        run_prepared(assigning.WRITE_ASSIGNMENTS, {**self.who, "hand": hand_id, **row, **size, **pinned})
        self._record("hand.claimed", leased=1)
        return hand_id, public_id

    def _submit(self, hand_id: int) -> None:
        assignment_id, _, task_id, _ = run_prepared(LEASE, {"hand": hand_id})[0]
        run_prepared(SUBMIT_LEASED, {"assignment": assignment_id})
        ids = {**self.who, "assignment": assignment_id, "task": task_id, "schema": self.project.schema_id}
        run_prepared(ANNOTATION, {**ids, "body": self.body, "hash": "0" * 64})
        self._record("answer.submitted", leased=-1, submitted=1)

    def _record(self, kind: str, **delta: int) -> None:
        run_prepared(EVENT, {"project": self.project.pk, "kind": kind, "data": "{}", "delta": json.dumps(delta)})
