"""Two plain Django views that send the statements of a claim and a submission, and return the same responses.

This is the cost of a hand-written Django view: it sends the statements of the API for the same call, prepared and in
the same transactions, without services, serializers, validation, scopes, limits or problem details. It identifies the
worker as Django does.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from accounts.models import User
from kernel.events import INSERT as EVENT
from kernel.idempotency import ANSWERED, RESERVE
from kernel.ids import new_public_id
from kernel.statements import run_prepared
from projects.selectors import PROJECT_TO_CLAIM
from tasks.annotation.services import INSERT_ANNOTATION, SUBMIT_LEASED
from tasks.assignment import assigning, claim_policy, claiming
from tasks.assignment.selectors import SELECT_SHOWN_HAND
from tasks.flow.claim_next_hand import EXPIRED_HAND

ASSIGNMENT = """
SELECT a.id, a.project_id, a.task_id, a.schema_id, s.body FROM tasks_assignment a
JOIN projects_labelschema s ON s.id = a.schema_id WHERE a.public_id = %(id)s AND a.worker_id = %(worker)s
"""

NO_GOLD = asdict(claiming.GoldPlaces())


def claim(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    worker = cast(User, request.user).actor
    project, public_id, _, currency, *_ = run_prepared(PROJECT_TO_CLAIM, {"id": project_id})[0]
    run_prepared(EXPIRED_HAND, {"project": project, "worker": worker.pk})
    with transaction.atomic():
        hand = _claim(project, worker.pk)
    rows = run_prepared(SELECT_SHOWN_HAND, {"hand": hand[0]})
    return JsonResponse(_hand_body(hand, public_id, currency, rows), status=201)


def _claim(project: int, worker_id: int) -> Any:
    who = {"project": project, "worker": worker_id}
    hand = run_prepared(claiming.INSERT_HAND, who)[0]
    policy = claim_policy.load_claim_policy(project_id=project, worker_id=worker_id)
    assert policy is not None
    claimed: Sequence[Any] = [(None, None, None)]
    while claimed[0][2] is None:  # others had taken what it chose
        claimed = run_prepared(
            claiming.CLAIM_FROM_BATCH,
            {**who, "count": policy.hand_size, "most": 150, "chosen": [], "golds": [], **NO_GOLD},
        )
    rows = {
        "tasks": [row[2] for row in claimed],
        "golds": [None] * len(claimed),
        "gold_ids": [],
        "rounds": [row[3] for row in claimed],
        "widths": [row[4] for row in claimed],
        "heights": [row[5] for row in claimed],
        "renditions": [row[6] for row in claimed],
    }
    versions = {
        "schema": policy.schema_id,
        "instructions": policy.instructions_id,
        "price": policy.pay_terms.most_per_answer,
        "terms": None,
    }
    counts = {"fresh": len(claimed), "had": None}
    run_prepared(
        assigning.WRITE_ASSIGNMENTS, {**who, "hand": hand[0], "size": len(claimed), **counts, **rows, **versions}
    )
    _record(project, "hand.claimed", {"leased": len(claimed)})
    return hand


def _record(project: int, kind: str, delta: dict[str, int]) -> None:
    run_prepared(EVENT, {"project": project, "kind": kind, "data": "{}", "delta": json.dumps(delta)})


def _hand_body(hand: Any, public_id: uuid.UUID, currency: str, rows: Any) -> dict[str, Any]:
    price, version, schema, instructions = rows[0][7:]
    return {
        "id": str(hand[1]),
        "project": str(public_id),
        "state": "live",
        "expires_at": hand[3].isoformat(),
        "size": len(rows),
        "price": str(price),
        "currency": currency,
        "schema": {"version": version, **json.loads(schema)},
        "instructions": instructions,
        "assignments": [
            {
                "id": str(row[0]),
                "position": row[1],
                "state": row[2],
                "width": row[3],
                "height": row[4],
                "image": f"/api/v1/assignments/{row[0]}/image",
                "answer": json.loads(row[6]) if row[6] else None,
                "correction": None,
            }
            for row in rows
        ],
    }


def submit(request: HttpRequest, assignment_id: uuid.UUID) -> HttpResponse:
    worker = cast(User, request.user).actor
    raw_sha256 = hashlib.sha256(request.body).hexdigest()
    data = json.loads(request.body)
    key = {"operation": f"answer:{assignment_id}", "key": request.headers["Idempotency-Key"]}
    with transaction.atomic():
        ((record,),) = run_prepared(RESERVE, {"actor": worker.pk, **key, "body_sha256": raw_sha256})
        _submit(worker.pk, assignment_id, data, raw_sha256)
        answer = {"id": str(assignment_id), "state": "submitted", "revision": 1, "message": "Saved."}
        run_prepared(ANSWERED, [200, json.dumps(json.dumps(answer)), record])
    return JsonResponse(answer)


def _submit(worker_id: int, assignment_id: uuid.UUID, data: Any, raw_sha256: str) -> None:
    assignment, project, task, schema, _ = run_prepared(ASSIGNMENT, {"id": assignment_id, "worker": worker_id})[0]
    run_prepared(SUBMIT_LEASED, {"assignment": assignment})
    body = json.dumps(data["answer"])
    row = {
        "public_id": new_public_id(),
        "project": project,
        "assignment": assignment,
        "task": task,
        "gold": None,
        "actor": worker_id,
        "schema": schema,
        "revision": 1,
        "body": body,
        "body_sha256": hashlib.sha256(body.encode()).hexdigest(),
        "raw_sha256": raw_sha256,
        "seconds": data["seconds"],
    }
    run_prepared(INSERT_ANNOTATION, row)
    _record(project, "answer.submitted", {"leased": -1, "submitted": 1})


urlpatterns = [
    path("healthz", lambda request: HttpResponse("ok")),
    path("api/v1/projects/<uuid:project_id>/hands/", claim),
    path("api/v1/assignments/<uuid:assignment_id>/answer/", submit),
]
