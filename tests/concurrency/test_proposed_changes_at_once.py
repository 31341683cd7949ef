"""Decisions about proposed changes, while others decide, refit and relabel, each on its own connection."""

import pytest
from django.db import transaction

from kernel.models import Job
from tasks.batching.models import Batch, Task
from tasks.consensus.errors import ProposalsChanged
from tasks.consensus.label_proposals import keep_labels, lock_proposals, send_to_review
from tasks.consensus.models import ConsensusLabel, ConsensusState, LabelProposal
from tasks.consensus.refit import refit
from tasks.flow.relabel import relabel
from tasks.review.models import Review
from tasks.snapshots.services import create_snapshot
from tests.approved_crowd import ApprovedCrowd, run_updates
from tests.concurrency_helpers import BackgroundCall, together
from tests.factories import a_user, ada

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def crowd() -> ApprovedCrowd:
    crowd = ApprovedCrowd()
    crowd.wren_turns_out_right()
    return crowd


def test_of_two_managers_who_decide_at_once_one_is_refused(crowd: ApprovedCrowd) -> None:
    seen, count, project, mara = crowd.token(), len(crowd.ids()), crowd.project, a_user("mara").actor
    boss = ada()

    done = together(
        lambda: send_to_review(project=project, by=boss, token=seen),
        lambda: keep_labels(project=project, by=mara, token=seen),
        lambda: send_to_review(project=project, by=mara, token=seen),
    )

    assert [type(result) for result in done if result != count] == [ProposalsChanged] * 2
    assert LabelProposal.objects.values("state", "decided_by").distinct().count() == 1
    assert not crowd.ids()
    assert Job.objects.filter(kind="consensus.update").count() <= 1


def test_a_decision_waits_for_the_update_that_withdraws_a_proposal(crowd: ApprovedCrowd) -> None:
    seen, project, boss = crowd.token(), crowd.project, ada()
    with transaction.atomic():
        [first] = lock_proposals(labels=[ConsensusLabel.objects.get(task=crowd.split[0], is_current=True)]).values()
        LabelProposal.objects.filter(pk=first[0].pk).delete()
        decision = BackgroundCall(lambda: send_to_review(project=project, by=boss, token=seen))
        decision.wait_until_blocked()

    assert isinstance(decision.wait_for_result(), ProposalsChanged)
    assert set(LabelProposal.objects.values_list("state", flat=True)) == {"open"}


def test_an_update_waits_for_a_decision_and_follows_it(crowd: ApprovedCrowd) -> None:
    tasks = sorted(task.pk for task in crowd.split)
    with transaction.atomic():
        send_to_review(project=crowd.project, by=ada(), token=crowd.token())
        update = BackgroundCall(lambda: relabel(task_ids=tasks))
        update.wait_until_blocked()
    assert update.wait_for_result() == len(tasks)
    assert set(Task.objects.filter(pk__in=tasks).values_list("state", flat=True)) == {"answered"}


def test_decisions_among_refits_updates_and_releases(crowd: ApprovedCrowd) -> None:
    project, boss, mara = crowd.project, ada(), a_user("mara").actor
    ids, everything = crowd.ids(), sorted(task.pk for task in crowd.tasks)

    def refits() -> None:
        for number in range(3):
            ConsensusState.objects.update(fingerprint=f"of other answers {number}")
            refit(project_id=project.pk)

    done = together(
        refits,
        lambda: [relabel(task_ids=everything) for _ in range(4)],
        lambda: [relabel(task_ids=everything[::-1]) for _ in range(4)],
        lambda: [send_to_review(project=project, by=boss, ids=[one]) for one in ids[::2]],
        lambda: [keep_labels(project=project, by=mara, ids=[one]) for one in reversed(ids[1::2])],
        lambda: create_snapshot(project=project, by=boss),
    )
    assert [result for result in done if isinstance(result, Exception)] == []

    run_updates()
    sent = set(LabelProposal.objects.filter(state="sent").values_list("task_id", flat=True))
    assert len(sent) == len(ids[::2])
    assert {task for task, version in crowd.labels().items() if version != crowd.before[task]} == sent
    assert set(Task.objects.filter(state="answered").values_list("pk", flat=True)) == sent
    assert set(Review.objects.filter(is_current=True).values_list("task_id", flat=True)) == set(everything) - sent
    assert not crowd.ids()
    open_batches = set(Batch.objects.filter(state="open").values_list("pk", flat=True))
    assert open_batches == set(Task.objects.filter(pk__in=sent).values_list("batch_id", flat=True))
