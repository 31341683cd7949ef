"""The statements that claim one image and submit its answer, without the services around them."""

import json
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.models import Actor
from projects.models import Project
from tasks.annotation.services import SUBMIT_LEASED
from tasks.assignment import claiming

TERMS = """
SELECT s.state, p.state, p.schema_id, p.price, p.hand_size, p.gold_rate, p.lease_seconds
FROM tasks_standing s JOIN projects_project p ON p.id = s.project_id WHERE s.project_id = %s AND s.worker_id = %s
"""
EVENT = "INSERT INTO kernel_event (project_id, kind, data, delta, created_at) VALUES (%s, %s, '{}', %s, now())"
LEASE = """
SELECT a.id, a.public_id, a.task_id, s.body FROM tasks_assignment a JOIN projects_labelschema s ON s.id = a.schema_id
WHERE a.hand_id = %s
"""
ANNOTATION = """
INSERT INTO tasks_annotation (public_id, project_id, assignment_id, task_id, actor_id, source, schema_id, revision,
    is_current, body, body_sha256, raw_sha256, created_at)
VALUES (gen_random_uuid(), %s, %s, %s, %s, 'worker', %s, 1, true, %s, %s, %s, clock_timestamp())
"""


class RawPair:
    def __init__(self, *, project: Project, worker: Actor, body: dict[str, Any]) -> None:
        self.project, self.worker, self.body = project, worker, json.dumps(body)
        self.who = {"project": project.pk, "worker": worker.pk}

    def run(self) -> UUID:
        """Claim and submit; return the hand's public id."""
        with transaction.atomic(), connection.cursor() as cursor:
            hand_id, public_id = self._claim(cursor)
        with transaction.atomic(), connection.cursor() as cursor:
            self._submit(cursor, hand_id)
        return public_id

    def _claim(self, cursor: Any) -> tuple[int, UUID]:
        cursor.execute(TERMS, [self.project.pk, self.worker.pk])
        cursor.fetchone()
        cursor.execute(claiming.INSERT_HAND, {**self.who, "seconds": 1800})
        hand_id, public_id, _, _ = cursor.fetchone()
        task_id = None
        while task_id is None:  # the worker has had every open task of the batch
            cursor.execute(claiming.CLAIM_FROM_BATCH, {**self.who, "count": 1, "chosen": []})
            _, _, task_id, round_number, width, height, rendition_id = cursor.fetchone()
        row = {"tasks": [task_id], "golds": [None], "gold_ids": [], "rounds": [round_number]}
        size = {"size": 1, "widths": [width], "heights": [height], "renditions": [rendition_id]}
        pinned = {"schema": self.project.schema_id, "instructions": None, "price": self.project.price}
        pinned["had_returned"] = False
        cursor.execute(claiming.WRITE_ASSIGNMENTS, {**self.who, "hand": hand_id, **row, **size, **pinned})
        cursor.execute(EVENT, [self.project.pk, "hand.claimed", '{"leased": 1}'])
        return hand_id, public_id

    def _submit(self, cursor: Any, hand_id: int) -> None:
        cursor.execute(LEASE, [hand_id])
        assignment_id, _, task_id, _ = cursor.fetchone()
        cursor.execute(SUBMIT_LEASED, {"assignment": assignment_id})
        ids = [self.project.pk, assignment_id, task_id, self.worker.pk, self.project.schema_id]
        cursor.execute(ANNOTATION, [*ids, self.body, "0" * 64, "0" * 64])
        cursor.execute(EVENT, [self.project.pk, "answer.submitted", '{"leased": -1, "submitted": 1}'])
