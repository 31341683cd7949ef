"""Several verdicts in one call: each as if it were given alone, and nothing twice."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.models import IdempotencyRecord
from projects.models import Project
from tasks.api import bulk_review
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow import bulk_review as flow
from tasks.review.models import Review
from tests import factories
from tests.api.people import member, outsider, with_key

DOG = {"image": {"class": 2}, "verdict": "labels"}


@pytest.fixture
def rhea(db: None) -> APIClient:
    return with_key(member("reviewer"), scopes=["read", "review"])


@pytest.fixture
def project(db: None) -> Project:
    return factories.a_project(answers_min=1, answers_max=1, workers=[factories.finch()])


def some_labels(project: Project, count: int, batches: int = 1) -> list[dict[str, Any]]:
    """The verdicts that approve the labels of new tasks."""
    tasks = factories.some_tasks(project, count, batches=batches, wanted=1)
    for task in tasks:
        factories.an_answer(task, factories.finch(), factories.class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])
    hashes = dict(ConsensusLabel.objects.filter(task__in=tasks, is_current=True).values_list("task_id", "content_hash"))
    return [{"task": str(task.public_id), "label_hash": hashes[task.pk], "verdict": "approve"} for task in tasks]


def send(client: APIClient, project: Project, reviews: list[dict[str, Any]], **headers: str) -> Any:
    return client.post(f"/api/v1/projects/{project.public_id}/reviews/", {"reviews": reviews}, headers=headers)


def results(answer: Any) -> list[tuple[int, str]]:
    """The status of each result, with its verdict or the type of its problem."""
    assert answer.status_code == 200, answer.content
    return [
        (row["status"], row["review"]["verdict"] if row["review"] else row["problem"]["type"])
        for row in answer.json()["reviews"]
    ]


def test_each_verdict_has_its_own_result_in_the_order_sent(rhea: APIClient, project: Project) -> None:
    good, stale, fixed, wrong, rejected, decided = some_labels(project, 6, batches=3)
    stale["label_hash"] = "0" * 64
    fixed |= {"verdict": "fix", "answer": DOG}
    wrong |= {"verdict": "fix", "answer": {"image": {"class": 9}, "verdict": "labels"}}
    rejected |= {"verdict": "reject", "reason": "A fox."}
    unknown = {**good, "task": "00000000-0000-4000-8000-000000000000"}
    mara = with_key(member("manager"))
    alone = {name: value for name, value in decided.items() if name != "task"}
    assert mara.post(f"/api/v1/tasks/{decided['task']}/review/", alone).status_code == 200
    decided |= {"verdict": "reject", "reason": "A fox."}

    answer = send(rhea, project, [good, stale, fixed, wrong, rejected, decided, unknown])

    assert results(answer) == [
        (200, "approve"),
        (409, "/problems/label_changed/"),
        (200, "fix"),
        (422, "/problems/fix_refused/"),
        (200, "reject"),
        (409, "/problems/already_reviewed/"),
        (404, "/problems/task_unknown/"),
    ]
    assert [row["task"] for row in answer.json()["reviews"]][:2] == [good["task"], stale["task"]]
    states = dict(Task.objects.values_list("public_id", "state"))
    assert sorted(states.values()) == ["answered", "answered", "approved", "approved", "approved", "open"]
    assert Review.objects.filter(is_current=True).count() == 4


def test_a_refused_verdict_is_refused_in_the_words_of_the_single_call(rhea: APIClient, project: Project) -> None:
    (verdict,) = some_labels(project, 1)
    verdict |= {"verdict": "fix", "answer": {"image": {"class": 9}, "verdict": "labels"}}
    alone = rhea.post(f"/api/v1/tasks/{verdict['task']}/review/", {k: v for k, v in verdict.items() if k != "task"})
    (result,) = send(rhea, project, [verdict]).json()["reviews"]
    assert (result["status"], result["problem"]) == (alone.status_code, alone.json())


def test_a_repeated_call_decides_nothing_twice(rhea: APIClient, project: Project) -> None:
    reviews = some_labels(project, 3)
    first = send(rhea, project, reviews, **{"Idempotency-Key": "k"})
    again = send(rhea, project, reviews, **{"Idempotency-Key": "k"})
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Review.objects.count() == 3


def test_a_key_stands_for_one_body(rhea: APIClient, project: Project) -> None:
    reviews = some_labels(project, 3)
    send(rhea, project, reviews, **{"Idempotency-Key": "k"})
    assert send(rhea, project, reviews[:2], **{"Idempotency-Key": "k"}).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_call_that_broke_off_is_completed_by_its_repetition(
    rhea: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What earlier transactions of the call decided is not decided again, even if it changed since."""
    monkeypatch.setattr(bulk_review, "CHUNK", 2)
    reviews = some_labels(project, 5)
    give, calls = flow.give_verdicts, []

    def fail_third(**arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the server is killed")
        return give(**arguments)

    monkeypatch.setattr(bulk_review, "give_verdicts", fail_third)
    assert send(rhea, project, reviews, **{"Idempotency-Key": "k"}).status_code == 500
    assert Review.objects.count() == 4
    changed = {"label_hash": reviews[0]["label_hash"], "verdict": "reject", "reason": "A fox.", "again": True}
    assert rhea.post(f"/api/v1/tasks/{reviews[0]['task']}/review/", changed).status_code == 200

    completed = send(rhea, project, reviews, **{"Idempotency-Key": "k"})

    assert results(completed) == [(200, "approve")] * 5
    assert "Idempotency-Replayed" not in completed
    assert Task.objects.get(public_id=reviews[0]["task"]).state == "open"
    assert IdempotencyRecord.objects.filter(key="k").count() == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"verdict": "reject"}, "reviews.1.reason"),
        ({"verdict": "fix"}, "reviews.1.answer"),
        ({"verdict": "praise"}, "reviews.1.verdict"),
        ({"nonsense": 1}, "reviews.1.nonsense"),
        ({"task": "1"}, "reviews.1.task"),
    ],
)
def test_a_malformed_verdict_refuses_the_call_before_anything_is_decided(
    rhea: APIClient, project: Project, change: dict[str, Any], field: str
) -> None:
    reviews = some_labels(project, 2)
    answer = send(rhea, project, [reviews[0], reviews[1] | change])
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert Review.objects.count() == 0


def test_two_verdicts_on_one_task_are_refused(rhea: APIClient, project: Project) -> None:
    (verdict,) = some_labels(project, 1)
    answer = send(rhea, project, [verdict, verdict])
    assert answer.status_code == 400
    assert "twice" in answer.json()["detail"]


@pytest.mark.parametrize("count", [0, 501])
def test_a_call_has_1_to_500_verdicts(rhea: APIClient, project: Project, count: int) -> None:
    row = {"label_hash": "0" * 64, "verdict": "approve"}
    reviews = [{**row, "task": f"00000000-0000-4000-8000-{number:012}"} for number in range(count)]
    assert send(rhea, project, reviews).status_code == 400


def test_tasks_of_other_projects_do_not_exist(rhea: APIClient, project: Project) -> None:
    (foreign,) = some_labels(factories.a_project("Other", answers_min=1, answers_max=1), 1)
    assert results(send(rhea, project, [foreign])) == [(404, "/problems/task_unknown/")]
    assert Review.objects.count() == 0


def test_a_stored_result_is_not_for_those_who_lost_access(project: Project) -> None:
    reviews = some_labels(project, 1)
    mara = with_key(member("manager"))
    assert send(mara, project, reviews, **{"Idempotency-Key": "k"}).status_code == 200
    member("manager").memberships.all().delete()
    assert send(mara, project, reviews, **{"Idempotency-Key": "k"}).status_code in {401, 404}
    elsewhere = factories.an_organisation("Owen's own")
    assert send(with_key(outsider(), organisation=elsewhere), project, reviews).status_code == 404
