"""Several verdicts in one call, by reviewers who send the same labels in other orders, and again: no deadlock."""

from typing import Any

import pytest

from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.review.models import Review
from tests import factories
from tests.api.people import member, with_key
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 12


def some_rejections(project: Project) -> list[dict[str, Any]]:
    """Verdicts that reject labels of three batches, in turn."""
    tasks = factories.some_tasks(project, COUNT, batches=3, wanted=1)
    for task in tasks:
        factories.an_answer(task, factories.finch(), factories.class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])
    hashes = dict(ConsensusLabel.objects.filter(is_current=True).values_list("task_id", "content_hash"))
    return [
        {"task": str(task.public_id), "label_hash": hashes[task.pk], "verdict": "reject", "reason": "A fox."}
        for task in tasks
    ]


def test_reviewers_with_the_same_labels_in_opposite_orders(db: None) -> None:
    project = factories.a_project(answers_min=1, answers_max=1, workers=[factories.finch()])
    rejections = some_rejections(project)
    path = f"/api/v1/projects/{project.public_id}/reviews/"
    rhea, mara = with_key(member("reviewer")), with_key(member("manager"))

    def send(client: Any, reviews: list[dict[str, Any]], key: str) -> Any:
        return client.post(path, {"reviews": reviews}, headers={"Idempotency-Key": key})

    answers = together(
        lambda: send(rhea, rejections, "a"),
        lambda: send(mara, rejections[::-1], "b"),
        lambda: send(rhea, rejections, "a"),
    )
    assert [answer.status_code for answer in answers] == [200] * 3
    first, other, again = (answer.json()["reviews"] for answer in answers)
    assert first == again
    done = [row["task"] for rows in (first, other) for row in rows if row["status"] == 200]
    assert sorted(done) == sorted(row["task"] for row in rejections)
    assert {row["problem"]["type"] for row in other if row["problem"]} <= {"/problems/not_answered/"}
    assert Review.objects.filter(verdict="reject").count() == COUNT
    assert set(Task.objects.values_list("state", "round")) == {("open", 2)}
    assert sum(Batch.objects.values_list("wanted", flat=True)) == COUNT
