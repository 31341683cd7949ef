"""Stages of review over the API: managers set them, and a client decides in theirs and sees nothing else."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Membership, Role
from tasks.batching.models import Task
from tests import factories
from tests.api.api_fixtures import World
from tests.api.people import member, with_key
from tests.rejected import WHY, a_reviewer, an_answered_task, hash_of

pytestmark = pytest.mark.django_db
TWO = [{"name": "Check", "price": "0.02"}, {"name": "Customer", "role": "client", "labels": "share", "share": 1.0}]


@pytest.fixture
def manager() -> APIClient:
    return with_key(member("manager"), scopes=["read", "manage", "review"])


@pytest.fixture
def client_member(world: World) -> APIClient:
    actor = factories.a_user("carla").actor
    Membership.objects.create(organisation=world.project.organisation, actor=actor, role=Role.CLIENT)
    return with_key(actor, scopes=["read", "review"])


def put(client: APIClient, world: World, stages: Any) -> Any:
    return client.put(f"/api/v1/projects/{world.project.public_id}/review-stages/", {"stages": stages})


def approve(client: APIClient, task: Task) -> Any:
    return client.post(f"/api/v1/tasks/{task.public_id}/review/", {"label_hash": hash_of(task), "verdict": "approve"})


def test_a_manager_sets_and_reads_them(world: World, manager: APIClient) -> None:
    assert put(manager, world, TWO).status_code == 200
    url = f"/api/v1/projects/{world.project.public_id}/review-stages/"
    stages = manager.get(url).json()["stages"]
    assert [(each["name"], each["role"], each["price"]) for each in stages] == [
        ("Check", "reviewer", "0.020000"),
        ("Customer", "client", "0.000000"),
    ]
    kept = put(manager, world, [{"id": stages[1]["id"], "name": "Buyer", "role": "client"}]).json()["stages"]
    assert [(each["id"], each["name"]) for each in kept] == [(stages[1]["id"], "Buyer")]
    refused = put(manager, world, [{"name": "Check", "members": [str(uuid.uuid4())]}])
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/stage_refused/")
    assert put(with_key(member("reviewer"), scopes=["manage"]), world, []).status_code == 403


def test_a_client_decides_in_their_stage_alone(world: World, manager: APIClient, client_member: APIClient) -> None:
    task = an_answered_task(world.project, factories.finch())
    assert approve(client_member, task).status_code == 403
    put(manager, world, TWO)
    refused = approve(client_member, task)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not_your_stage/")
    reviewer = with_key(a_reviewer("jay"), scopes=["read", "review"])
    assert approve(reviewer, task).status_code == 200
    assert approve(reviewer, task).json()["verdict"] == "approve"
    evidence = client_member.get(f"/api/v1/tasks/{task.public_id}/evidence/")
    assert evidence.status_code == 403
    assert approve(client_member, task).json()["verdict"] == "approve"
    assert Task.objects.get(pk=task.pk).state == "approved"
    again = {"label_hash": hash_of(task), "verdict": "reject", "reason": WHY, "again": True}
    assert client_member.post(f"/api/v1/tasks/{task.public_id}/review/", again).status_code == 403
