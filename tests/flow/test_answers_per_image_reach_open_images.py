"""Another number of answers per image reaches images that are in: in drafts at once, open ones after a decision."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.test import Client
from rest_framework.test import APIClient

from kernel.models import Job
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.flow.policy_change import OverlapUndecided, change_project_policy
from tasks.flow.relabel import relabel
from tests import factories, worker_actions
from tests.api.people import member, with_key
from tests.concurrency_helpers import BackgroundCall, together
from tests.labeled import a_crowd, a_labeled_task

pytestmark = pytest.mark.django_db


def a_draft(tasks: int = 3, **policy: Any) -> Project:
    project = factories.a_project(state="draft", **({"answers_min": 1, "answers_max": 1} | policy))
    batch = factories.a_batch(project, state="draft")
    for _ in range(tasks):
        factories.a_task(project, batch=batch)
    return project


def wanted(project: Project) -> list[int]:
    return list(Task.objects.filter(project=project).order_by("id").values_list("wanted", flat=True))


@pytest.mark.parametrize(("before", "to"), [(1, 3), (3, 1), (2, 5)])
def test_images_of_a_draft_follow(before: int, to: int) -> None:
    project = a_draft(answers_min=before, answers_max=max(before, to))
    _, change = change_project_policy(project=project, changes={"answers_min": to})
    assert wanted(project) == [to] * 3
    assert (change.images, change.answers) == (3, 3 * (to - before))
    worker_actions.assert_invariants(project)
    assert worker_actions.stream_totals(project)["places"] == 3 * (to - before)


def test_images_in_a_draft_batch_of_an_open_project_follow_without_a_question() -> None:
    project = a_draft()
    Project.objects.update(state="open")
    change_project_policy(project=project, changes={"answers_min": 3})
    assert wanted(project) == [3] * 3


def test_open_images_raise_a_question_with_their_number_and_cost_and_nothing_is_saved() -> None:
    project = factories.a_project(answers_min=1, answers_max=1, price="0.03")
    factories.some_tasks(project, 4, batches=2)
    with pytest.raises(OverlapUndecided) as undecided:
        change_project_policy(project=project, changes={"answers_min": 3, "price": "0.05"})
    assert dict(undecided.value.facts) == {"images": 4, "answers": 8, "cost": "0.4", "currency": "USD"}
    assert "4 open images would change too: 8 answers more, 0.4 USD." in undecided.value.detail
    assert Project.objects.values_list("answers_min", "price").get() == (1, Decimal("0.03"))
    assert wanted(project) == [1] * 4


def test_new_leaves_open_images_and_all_changes_them() -> None:
    project = factories.a_project(answers_min=1, answers_max=1)
    factories.some_tasks(project, 2)
    change_project_policy(project=project, changes={"answers_min": 2}, apply_to="new")
    assert wanted(project) == [1, 1]
    assert Project.objects.get().answers_min == 2
    # The decision can be made later, too.
    _, change = change_project_policy(project=project, changes={}, apply_to="all")
    assert (wanted(project), change.images) == ([2, 2], 2)
    worker_actions.assert_invariants(project)


def test_a_question_is_asked_only_about_images_that_would_change() -> None:
    project = factories.a_project(answers_min=1, answers_max=5)
    done = a_labeled_task(project, [factories.class_answer(1)])
    assert done.state != Task.State.OPEN
    factories.a_task(project, wanted=5)  # its workers disagree
    change_project_policy(project=project, changes={"answers_min": 3})
    assert wanted(project) == [1, 5]


@pytest.mark.parametrize("state", ["closed", "paused"])
def test_a_closed_project_has_no_open_images_and_a_paused_one_has(state: str) -> None:
    project = factories.a_project(answers_min=1, answers_max=1, state=state)
    factories.some_tasks(project, 2)
    if state == "closed":
        change_project_policy(project=project, changes={"answers_min": 2})
        assert wanted(project) == [1, 1]
    else:
        with pytest.raises(OverlapUndecided):
            change_project_policy(project=project, changes={"answers_min": 2})


def test_workers_who_had_everything_are_offered_the_images_again() -> None:
    wren, finch = a_crowd(factories.a_project("Other"), 2)
    project = factories.a_project(answers_min=1, answers_max=1, gold_rate=0, workers=[wren, finch])
    factories.some_tasks(project, 2)
    hand = worker_actions.take(wren, project)
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    change_project_policy(project=project, changes={"answers_min": 2}, apply_to="all")
    assert len(worker_actions.leases_of(worker_actions.take(finch, project))) == 2
    worker_actions.assert_invariants(project)


def test_lowering_keeps_answers_and_leases_and_completes_what_has_enough() -> None:
    project = factories.a_project(answers_min=3, answers_max=3, gold_rate=0)
    crowd = a_crowd(project, 3)
    answered = a_labeled_task(project, [factories.class_answer(1)] * 2, more=1)
    untouched = factories.a_task(project)
    hand = worker_actions.take(crowd[2], project)  # a lease on both
    with pytest.raises(OverlapUndecided) as undecided:
        change_project_policy(project=project, changes={"answers_min": 1})
    assert undecided.value.facts["answers"] == -2
    assert "2 answers fewer" in undecided.value.detail
    change_project_policy(project=project, changes={"answers_min": 1}, apply_to="all")
    assert wanted(project) == [3, 1]
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    relabel(task_ids=[answered.pk, untouched.pk])
    assert {task.state for task in Task.objects.all()} == {Task.State.ANSWERED}
    assert Batch.objects.values_list("wanted", "taken").get() == (4, 4)


def test_a_label_whose_answers_are_enough_after_lowering_is_queued_to_become_final() -> None:
    project = factories.a_project(answers_min=3, answers_max=3)
    task = a_labeled_task(project, [factories.class_answer(1)] * 2, more=1)
    assert task.state == Task.State.OPEN
    change_project_policy(project=project, changes={"answers_min": 2}, apply_to="all")
    job = Job.objects.get(kind="consensus.update")
    relabel(**job.args)
    assert Task.objects.get().state == Task.State.ANSWERED


def test_check_images_are_not_asked_again() -> None:
    project = factories.a_project(answers_min=1, answers_max=1)
    factories.a_task(project, wanted=0)
    change_project_policy(project=project, changes={"answers_min": 3}, apply_to="all")
    assert wanted(project) == [0]


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_waits_for_the_change_counts_and_wanted_never_falls_below_taken() -> None:
    wren = factories.wren()
    project = factories.a_project(answers_min=3, answers_max=3, gold_rate=0, hand_size=5, workers=[wren])
    factories.some_tasks(project, 5)
    with transaction.atomic():
        change_project_policy(project=project, changes={"answers_min": 1}, apply_to="all")
        claim = BackgroundCall(lambda: worker_actions.take(wren, project))
        claim.wait_until_blocked()
    assert len(worker_actions.leases_of(claim.wait_for_result())) == 5
    assert wanted(project) == [1] * 5
    worker_actions.assert_invariants(project)


@pytest.mark.django_db(transaction=True)
def test_lowering_and_raising_while_a_crowd_claims_and_answers() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(4)]
    project = factories.a_project(answers_min=3, answers_max=6, gold_rate=0, hand_size=3, workers=crowd)
    factories.some_tasks(project, 12, batches=3)

    def work(worker: Any) -> None:
        for _ in range(4):
            hand = worker_actions.take(worker, project)
            worker_actions.answer_all(hand)
            worker_actions.settle(hand)

    def decide() -> None:
        for answers in (1, 4, 2, 5, 3):
            change_project_policy(project=project, changes={"answers_min": answers}, apply_to="all")

    results = together(*[lambda worker=worker: work(worker) for worker in crowd], decide, decide)
    unexpected = [result for result in results if result is not None and not isinstance(result, AssertionError)]
    assert not unexpected, unexpected
    assert not Task.objects.filter(wanted__lt=F("taken")).exists()
    worker_actions.assert_invariants(project)
    totals = worker_actions.stream_totals(project)
    assert totals["places"] + 12 * 3 == sum(wanted(project)) == sum(Batch.objects.values_list("wanted", flat=True))


def test_the_api_asks_and_takes_the_answer(db: None) -> None:
    project = factories.a_project(answers_min=1, answers_max=1, price="0.02")
    factories.some_tasks(project, 3)
    ada = with_key(member("owner"))
    url = f"/api/v1/projects/{project.public_id}/"
    refused = ada.patch(url, {"answers_min": 2}, format="json")
    assert refused.status_code == 409
    body = refused.json()
    assert body["type"].endswith("/overlap_undecided/")
    assert (body["images"], body["answers"], body["cost"], body["currency"]) == (3, 3, "0.06", "USD")
    assert '"apply_to": "open"' in body["detail"]
    assert wrong_choice(ada, url).status_code == 400
    assert ada.patch(url, {"answers_min": 2, "apply_to": "all"}, format="json").json()["answers_min"] == 2
    assert wanted(project) == [2] * 3


def wrong_choice(ada: APIClient, url: str) -> Any:
    return ada.patch(url, {"answers_min": 2, "apply_to": "some"}, format="json")


def test_the_api_changes_a_draft_at_once() -> None:
    project = a_draft()
    ada = with_key(member("owner"))
    answer = ada.patch(f"/api/v1/projects/{project.public_id}/", {"answers_min": 3, "answers_max": 3}, format="json")
    assert (answer.status_code, wanted(project)) == (200, [3] * 3)


def test_the_settings_page_asks_in_the_same_step(client: Client) -> None:
    project = factories.a_project(answers_min=1, answers_max=1, price="0.02")
    factories.some_tasks(project, 3)
    client.force_login(factories.ada().user)
    page = f"/projects/{project.public_id}/settings/"
    form = client.get(page).context["form"]
    fields = {name: form.initial[name] for name in form.fields} | {"form": "policy", "answers_min": "2"}
    asked = client.post(page, fields)
    text = " ".join(asked.content.decode().split())
    assert asked.status_code == 409
    assert "Open images too: 3 more answers, about $0.067" in text
    assert "Finished images too" not in text
    assert wanted(project) == [1] * 3
    saved = client.post(page, fields | {"apply_to": "open"}, follow=True)
    assert "The new number of answers also applies to 3 images." in saved.content.decode()
    assert wanted(project) == [2] * 3
