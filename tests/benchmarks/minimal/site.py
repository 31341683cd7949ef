"""Two plain Django views that send the statements of a claim and a submission, and return the same responses.

This is the cost of a hand-written Django view: it sends the statements of the API for the same call, in the same
transactions, without services, serializers, event queries or problem details.
"""

import hashlib
import json
import uuid
from typing import Any, cast

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from accounts.models import User
from kernel.idempotency import ANSWERED
from tasks.annotation.services import SUBMIT_LEASED
from tasks.assignment import claiming
from tests.benchmarks.raw_pair import ANNOTATION, EVENT

PROJECT = "SELECT id, public_id, currency FROM projects_project WHERE public_id = %s"
LIVE = """
SELECT id, public_id, expires_at <= clock_timestamp() FROM tasks_hand
WHERE project_id = %s AND worker_id = %s AND state = 'live'
"""
TERMS = """
SELECT s.state, p.id, p.state, p.schema_id, p.price, p.hand_size, p.gold_rate, p.lease_seconds, p.instructions_id
FROM tasks_standing s JOIN projects_project p ON p.id = s.project_id WHERE p.public_id = %s AND s.worker_id = %s
"""
ASSIGNMENTS = """
SELECT a.public_id, a.position, a.state, a.width, a.height, a.price, s.version, s.body, i.body, n.body
FROM tasks_assignment a JOIN projects_labelschema s ON s.id = a.schema_id
LEFT JOIN projects_instructions i ON i.id = a.instructions_id
LEFT JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current
WHERE a.hand_id = %s ORDER BY a.position
"""
ASSIGNMENT = """
SELECT a.id, a.project_id, a.task_id, a.schema_id, s.body FROM tasks_assignment a
JOIN projects_labelschema s ON s.id = a.schema_id WHERE a.public_id = %s AND a.worker_id = %s
"""
ONCE = """
INSERT INTO kernel_idempotencyrecord (actor_id, operation, key, body_sha256, created_at)
VALUES (%s, %s, %s, %s, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING id
"""


def claim(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    worker = cast(User, request.user).actor
    with connection.cursor() as cursor:
        cursor.execute(PROJECT, [project_id])
        known = cursor.fetchone()
        cursor.execute(LIVE, [known[0], worker.pk])
        with transaction.atomic():
            hand = _claim(cursor, project_id, worker.pk)
        cursor.execute(ASSIGNMENTS, [hand[0]])
        rows = cursor.fetchall()
    return JsonResponse(_hand_body(hand, known[1:], rows), status=201)


def _claim(cursor: Any, project_id: uuid.UUID, worker_id: int) -> Any:
    cursor.execute(TERMS, [project_id, worker_id])
    _, project, _, schema_id, price, size, _, seconds, instructions_id = cursor.fetchone()
    who = {"project": project, "worker": worker_id}
    cursor.execute(claiming.INSERT_HAND, {**who, "seconds": seconds})
    hand = cursor.fetchone()
    cursor.execute(claiming.CLAIM_FROM_BATCH, {**who, "count": size})
    claimed = cursor.fetchall()
    rows = {
        "tasks": [row[2] for row in claimed],
        "golds": [None] * len(claimed),
        "gold_ids": [],
        "rounds": [row[3] for row in claimed],
        "widths": [row[4] for row in claimed],
        "heights": [row[5] for row in claimed],
        "renditions": [row[6] for row in claimed],
    }
    pinned = {"schema": schema_id, "instructions": instructions_id, "price": price}
    cursor.execute(claiming.WRITE_ASSIGNMENTS, {**who, "hand": hand[0], "size": len(claimed), **rows, **pinned})
    cursor.execute(EVENT, [project, "hand.claimed", json.dumps({"leased": len(claimed)})])
    return hand


def _hand_body(hand: Any, named: Any, rows: list[Any]) -> dict[str, Any]:
    return {
        "id": str(hand[1]),
        "project": str(named[0]),
        "expires_at": hand[3].isoformat(),
        "size": len(rows),
        "price": str(rows[0][5]),
        "currency": named[1],
        "schema": {"version": rows[0][6], **_json(rows[0][7])},
        "instructions": rows[0][8] or "",
        "assignments": [
            {
                "id": str(row[0]),
                "position": row[1],
                "state": row[2],
                "width": row[3],
                "height": row[4],
                "image": f"/api/v1/assignments/{row[0]}/image",
                "answer": _json(row[9]),
            }
            for row in rows
        ],
    }


def submit(request: HttpRequest, assignment_id: uuid.UUID) -> HttpResponse:
    worker = cast(User, request.user).actor
    raw_sha256 = hashlib.sha256(request.body).hexdigest()
    body = json.dumps(json.loads(request.body)["answer"])
    answer = {"id": str(assignment_id), "state": "submitted", "revision": 1, "message": "Saved."}
    with connection.cursor() as cursor, transaction.atomic():
        operation, key = f"answer:{assignment_id}", request.headers["Idempotency-Key"]
        cursor.execute(ONCE, [worker.pk, operation, key, raw_sha256])
        record = cursor.fetchone()
        with transaction.atomic():
            cursor.execute(ASSIGNMENT, [assignment_id, worker.pk])
            assignment, project, task, schema_id, _ = cursor.fetchone()
            cursor.execute(SUBMIT_LEASED, [assignment])
            ids = [project, assignment, task, worker.pk, schema_id]
            body_sha256 = hashlib.sha256(body.encode()).hexdigest()
            cursor.execute(ANNOTATION, [*ids, body, body_sha256, raw_sha256])
            cursor.execute(EVENT, [project, "answer.submitted", '{"leased": -1, "submitted": 1}'])
        cursor.execute(ANSWERED, [200, json.dumps(answer), record[0]])
    return JsonResponse(answer)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


urlpatterns = [
    path("healthz", lambda request: HttpResponse("ok")),
    path("api/v1/projects/<uuid:project_id>/hands/", claim),
    path("api/v1/assignments/<uuid:assignment_id>/answer/", submit),
]
