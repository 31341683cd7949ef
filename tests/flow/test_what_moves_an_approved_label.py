"""Approved labels: new estimates only propose changes, ties change nothing, and a manager decides the rest."""

from collections.abc import Sequence
from typing import Any

import pytest

from kernel.models import Event
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.errors import ProposalsChanged
from tasks.consensus.label_proposals import keep_labels, open_proposals, proposals_token, send_to_review
from tasks.consensus.models import ConsensusLabel, ConsensusState, LabelProposal, Posterior
from tasks.consensus.refit import refit
from tasks.flow.model_predictions import add_predictions
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.review.models import Review
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.snapshots.services import create_snapshot
from tasks.standing.models import Standing
from tasks.standing.services import pause, record_gold_results, resume
from tests.approved_crowd import CAT, DOG, ApprovedCrowd, run_updates
from tests.crowd import class_vote, write_answers
from tests.factories import a_gold, a_project, a_worker, ada, box_answer, class_answer, some_tasks

pytestmark = pytest.mark.django_db

REAL = (CAT, 10.0, 10.0, 100.0, 80.0)


def pks(tasks: Sequence[Task]) -> set[int]:
    return {task.pk for task in tasks}


@pytest.fixture
def crowd() -> ApprovedCrowd:
    # So many tied images that each class labels some, wherever the hash of a task breaks its tie.
    return ApprovedCrowd(tied=24)


def test_a_refit_leaves_every_approval_in_place_and_proposes_clear_changes(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()

    assert crowd.labels() == crowd.before
    assert not Task.objects.exclude(state=Task.State.APPROVED).exists()
    assert not Batch.objects.exclude(state=Batch.State.APPROVED).exists()
    assert not Review.objects.filter(is_current=False).exists()
    assert pks(crowd.split) <= crowd.proposed() <= pks(crowd.split) | pks(crowd.tied)
    row = LabelProposal.objects.filter(task=crowd.split[0]).get()
    assert row.body["image"]["class"] == CAT
    assert row.confidence > 0.6 > 0.4 > row.label_confidence
    assert Posterior.objects.get(task=crowd.split[0]).body["class"][str(CAT)] == row.confidence


def test_ties_are_neither_changed_nor_proposed(crowd: ApprovedCrowd) -> None:
    """Finch becomes a little more credible than wren, then wren a little more than finch."""
    for better, extra in ((crowd.finch, 1), (crowd.wren, 2)):
        for worker in crowd.workers:
            right = 50 + (extra if worker == better else 0)
            record_gold_results(project_id=crowd.project.pk, worker_id=worker.pk, seen=60, correct=right)
        crowd.refit()
        relabel(task_ids=sorted(pks(crowd.tasks)))

        assert crowd.labels() == crowd.before
        assert crowd.proposed() == set()


def test_labels_that_are_not_approved_change_as_soon_as_the_estimates_do(crowd: ApprovedCrowd) -> None:
    Review.objects.update(is_current=False)
    Task.objects.update(state=Task.State.ANSWERED)
    crowd.wren_turns_out_right()
    assert {crowd.labels()[task.pk] for task in crowd.split} == {(2, CAT)}
    assert crowd.proposed() == set()


def test_an_approval_between_the_refit_and_the_update_counts(crowd: ApprovedCrowd) -> None:
    Task.objects.filter(pk=crowd.split[0].pk).update(state=Task.State.ANSWERED)
    crowd.answer_gold(right=[crowd.wren])
    refit(project_id=crowd.project.pk)
    label = ConsensusLabel.objects.get(task=crowd.split[0], is_current=True)
    approve_label(reviewer=ada(), task=crowd.split[0], label_hash=label.content_hash)

    run_updates()

    assert crowd.labels() == crowd.before
    assert crowd.split[0].pk in crowd.proposed()


def test_a_model_only_proposes_changes_of_approved_labels(crowd: ApprovedCrowd) -> None:
    golds = [a_gold(crowd.project, accepted=[class_answer(number)]) for number in [CAT, DOG] * 10]
    known = {gold.image.public_id: {gold.accepted[0]["image"]["class"]: 1.0} for gold in golds}
    rows = {task.image.public_id: {CAT: 0.02, DOG: 0.98} for task in crowd.tied}
    add_predictions(project=crowd.project, model="owl-net", rows=known | rows)

    run_updates()
    crowd.refit()

    cats = {task.pk for task in crowd.tied if crowd.before[task.pk][1] == CAT}
    assert 0 < len(cats) < len(crowd.tied)
    assert crowd.labels() == crowd.before
    assert crowd.proposed() == cats
    assert "owl-net" in {model["model"] for model in open_proposals(project=crowd.project)[0].evidence["models"]}


def test_new_answers_of_people_still_return_the_label_to_review(crowd: ApprovedCrowd) -> None:
    task = next(task for task in crowd.tied if crowd.before[task.pk][1] == CAT)
    write_answers(crowd.project, {crowd.robin: {task: class_vote(DOG)}})

    relabel(task_ids=[task.pk])

    assert crowd.labels()[task.pk] == (2, DOG)
    assert Task.objects.get(pk=task.pk).state == Task.State.ANSWERED
    assert crowd.proposed() == set()


def test_answers_that_did_not_move_the_label_do_not_let_a_later_refit_move_it(crowd: ApprovedCrowd) -> None:
    task = next(task for task in crowd.tied if crowd.before[task.pk][1] == DOG)
    write_answers(crowd.project, {crowd.robin: {task: class_vote(DOG)}})
    relabel(task_ids=[task.pk])

    crowd.wren_turns_out_right()

    assert crowd.labels() == crowd.before
    assert task.pk in crowd.proposed()


def test_sent_labels_return_to_review_in_one_step(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    count = len(crowd.ids())

    assert send_to_review(project=crowd.project, by=ada(), token=crowd.token()) == count
    assert crowd.proposed() == set()
    run_updates()

    assert {crowd.labels()[task.pk] for task in crowd.split} == {(2, CAT)}
    returned = Task.objects.filter(state=Task.State.ANSWERED)
    assert returned.count() == count
    assert set(Batch.objects.filter(pk__in=returned.values("batch")).values_list("state", flat=True)) == {"open"}
    assert not Review.objects.filter(task__in=returned, is_current=True).exists()
    assert sum(event.delta["approved"] for event in Event.objects.filter(kind="label.changed")) == -count
    assert Event.objects.get(kind="label.sent").data == {"by": str(ada().public_id)}
    crowd.refit()
    assert crowd.proposed() == set()


def test_kept_labels_are_not_proposed_again_for_the_same_answers(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()

    kept = keep_labels(project=crowd.project, by=ada(), token=crowd.token())

    assert (kept, crowd.proposed()) == (LabelProposal.objects.count(), set())
    for _ in range(2):
        crowd.answer_gold(right=[crowd.wren], images=2)
        crowd.refit()
        relabel(task_ids=sorted(pks(crowd.tasks)))
    assert crowd.labels() == crowd.before
    assert crowd.proposed() == set()


def test_kept_labels_are_proposed_again_for_other_evidence(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    keep_labels(project=crowd.project, by=ada(), token=crowd.token())

    add_predictions(project=crowd.project, model="owl-net", rows={crowd.split[0].image.public_id: {CAT: 0.9, DOG: 0.1}})
    run_updates()

    assert crowd.proposed() == {crowd.split[0].pk}


def test_some_proposals_can_be_decided_and_the_others_stay(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    first, second, *others = crowd.ids()

    assert keep_labels(project=crowd.project, by=ada(), ids=[first]) == 1
    assert send_to_review(project=crowd.project, by=ada(), ids=[second]) == 1
    run_updates()

    assert crowd.ids() == others
    assert Task.objects.filter(state=Task.State.ANSWERED).count() == 1


def test_a_proposal_is_withdrawn_when_the_estimates_return(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    assert crowd.proposed()
    for worker in crowd.workers:
        Standing.objects.filter(worker=worker).update(state=Standing.State.ACTIVE)
        pause(project=crowd.project, worker=worker, reason="A talk.")
        resume(project=crowd.project, worker=worker)

    crowd.refit()

    assert crowd.labels() == crowd.before
    assert not LabelProposal.objects.exists()


def test_a_sent_label_stays_approved_if_no_other_content_is_likelier_by_then(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    send_to_review(project=crowd.project, by=ada(), token=crowd.token())
    for worker in crowd.workers:
        Standing.objects.filter(worker=worker).update(state=Standing.State.ACTIVE)
        pause(project=crowd.project, worker=worker, reason="A talk.")
        resume(project=crowd.project, worker=worker)
    crowd.refit()
    assert crowd.labels() == crowd.before

    crowd.wren_turns_out_right()

    assert crowd.labels() == crowd.before, "the decision was about the earlier estimates"
    assert pks(crowd.split) <= crowd.proposed()


def test_a_decision_about_other_proposals_than_the_shown_ones_is_refused(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    seen, ids = crowd.token(), crowd.ids()
    keep_labels(project=crowd.project, by=ada(), ids=ids[:1])

    for decide in (send_to_review, keep_labels):
        with pytest.raises(ProposalsChanged):
            decide(project=crowd.project, by=ada(), token=seen)
        with pytest.raises(ProposalsChanged):
            decide(project=crowd.project, by=ada(), ids=ids)
    assert crowd.ids() == ids[1:]


def test_proposals_of_another_project_cannot_be_decided(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    other = a_project("Elsewhere")
    with pytest.raises(ProposalsChanged):
        send_to_review(project=other, by=ada(), ids=crowd.ids()[:1])


def test_a_persons_own_decision_takes_the_label_off_the_list(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    fixed, rejected = crowd.split[:2]
    hashes = dict(ConsensusLabel.objects.filter(is_current=True).values_list("task_id", "content_hash"))
    fix_label(reviewer=ada(), task=fixed, label_hash=hashes[fixed.pk], raw=class_answer(CAT), again=True)
    reject_label(reviewer=ada(), task=rejected, label_hash=hashes[rejected.pk], reason="Blurred.", again=True)

    assert pks(crowd.split[2:]) <= crowd.proposed()
    assert not {fixed.pk, rejected.pk} & crowd.proposed()
    send_to_review(project=crowd.project, by=ada(), token=crowd.token())
    run_updates()
    assert ConsensusLabel.objects.get(task=fixed, is_current=True).method == "review"
    assert Task.objects.get(pk=rejected.pk).state == Task.State.OPEN


def test_a_release_holds_the_approved_labels_while_changes_are_proposed(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    assert crowd.proposed()
    project: Project = crowd.project
    snapshot = create_snapshot(project=project, by=ada())
    assert snapshot is not None
    assert crowd.labels() == crowd.before


def test_boxes_that_gold_shows_to_be_false_are_proposed_to_be_removed() -> None:
    """The approved labels contain the boxes that crow alone draws, which gold shows to be false."""
    careful, crow = [a_worker(name) for name in ("wren", "finch", "robin")], a_worker("crow")
    project = a_project(tools=("box",), answers_min=4, answers_max=4, workers=[*careful, crow])
    tasks = some_tasks(project, 40, wanted=4)
    golds = [a_gold(project, accepted=[box_answer(REAL)]) for _ in range(15)]
    seen = box_answer(REAL)
    answers: dict[Any, Any] = {worker: dict.fromkeys([*tasks, *golds], seen) for worker in careful}
    drawn = {task: box_answer(REAL, (DOG, 200.0 + n, 200, 40, 40)) for n, task in enumerate(tasks)}
    answers[crow] = drawn | dict.fromkeys(golds, box_answer(REAL, (DOG, 300, 300, 40, 40)))
    write_answers(project, answers)
    relabel(task_ids=[task.pk for task in tasks])
    approve_batch(reviewer=ada(), batch=tasks[0].batch)
    before = list(ConsensusLabel.objects.order_by("pk").values_list("pk", "is_current"))

    refit(project_id=project.pk)
    run_updates()

    assert list(ConsensusLabel.objects.order_by("pk").values_list("pk", "is_current")) == before
    rows = list(open_proposals(project=project).select_related("label"))
    assert {row.task_id for row in rows} == {task.pk for task in tasks}
    assert {len(row.label.body["objects"]) - len(row.body["objects"]) for row in rows} == {1}
    posterior = Posterior.objects.get(task=tasks[0]).body["objects"]
    assert {item["id"] for item in rows[0].label.body["objects"]} <= set(posterior), "shown under the label's ids"
    assert keep_labels(project=project, by=ada(), token=proposals_token(project=project)) == len(tasks)
    ConsensusState.objects.update(fingerprint="of other answers")
    refit(project_id=project.pk)
    relabel(task_ids=[task.pk for task in tasks])
    assert not open_proposals(project=project).exists()


def test_nothing_is_written_twice_for_the_same_estimates(crowd: ApprovedCrowd) -> None:
    crowd.wren_turns_out_right()
    ids = crowd.ids()
    ConsensusState.objects.update(fingerprint="of other answers")
    crowd.refit()
    relabel(task_ids=sorted(pks(crowd.tasks)))
    assert crowd.ids() == ids
    assert sum(event.delta["proposed"] for event in Event.objects.filter(kind="label.proposed")) == len(ids)
