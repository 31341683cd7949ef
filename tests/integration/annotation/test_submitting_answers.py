"""A worker answers an image and changes the answer."""

import hashlib

import pytest

from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.errors import NotFound
from kernel.models import Event
from tasks.annotation.errors import AnswerRefused, AnswersFinal, ImageGivenBack
from tasks.annotation.models import Annotation
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import skip_assignment
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_set(size: int = 2, *, gold_rate: float = 0) -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=size, gold_rate=gold_rate)
    factories.some_tasks(project, size, wanted=1)
    return worker_actions.take(wren, project)


def test_an_answer_is_kept_with_its_hashes_and_the_assignment_is_submitted() -> None:
    hand = a_set()
    lease = worker_actions.leases_of(hand)[0]
    submission = worker_actions.answer(lease, 2)
    annotation = Annotation.objects.get()
    assert annotation == submission.annotation
    assert annotation.body == factories.class_answer(2)
    assert annotation.body_sha256 == content_hash(Answer.from_json(annotation.body))
    assert (annotation.revision, annotation.is_current, annotation.seconds, annotation.actor) == (
        1,
        True,
        4.5,
        hand.worker,
    )
    assert (annotation.task_id, annotation.schema_id) == (lease.task_id, lease.schema_id)
    assert (submission.late, submission.counts, submission.message) == (False, True, "Saved.")
    lease.refresh_from_db()
    assert lease.state == Assignment.State.SUBMITTED
    assert lease.submitted_at == lease.closed_at == submission.assignment.submitted_at
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_a_changed_answer_in_a_live_hand_is_a_new_revision() -> None:
    hand = a_set()
    lease = worker_actions.leases_of(hand)[0]
    worker_actions.answer(lease, 1)
    worker_actions.answer(lease, 2)
    rows = Annotation.objects.order_by("revision").values_list("revision", "is_current", "body__image__class")
    assert list(rows) == [(1, False, 1), (2, True, 2)]
    assert Event.objects.filter(kind="answer.changed").count() == 1
    worker_actions.assert_stream_matches_tables(hand.project)


def test_repeating_an_answer_creates_no_revision() -> None:
    hand = a_set()
    lease = worker_actions.leases_of(hand)[0]
    first = worker_actions.answer(lease, 1)
    assert worker_actions.answer(lease, 1).annotation == first.annotation
    assert Annotation.objects.count() == 1


def test_a_settled_hand_refuses_changes_but_confirms_existing_answers() -> None:
    hand = a_set()
    lease = worker_actions.leases_of(hand)[0]
    annotation = worker_actions.answer(lease, 1).annotation
    worker_actions.settle(hand)
    assert worker_actions.answer(lease, 1).annotation == annotation
    with pytest.raises(AnswersFinal):
        worker_actions.answer(lease, 2)
    assert Annotation.objects.count() == 1


def test_a_skipped_or_released_image_cannot_be_answered() -> None:
    hand = a_set()
    skipped, released = worker_actions.leases_of(hand)
    skip_assignment(worker=hand.worker, assignment_id=skipped.public_id)
    worker_actions.settle(hand)
    for lease in (skipped, released):
        with pytest.raises(ImageGivenBack):
            worker_actions.answer(lease)
    assert not Annotation.objects.exists()


def test_another_workers_assignment_is_not_found() -> None:
    lease = worker_actions.leases_of(a_set())[0]
    with pytest.raises(NotFound):
        submit_answer(
            worker=factories.finch(), assignment_id=lease.public_id, raw=factories.class_answer(1), raw_sha256="0" * 64
        )


def test_an_invalid_answer_is_refused_with_a_sentence_and_its_path() -> None:
    hand = a_set()
    lease = worker_actions.leases_of(hand)[0]
    with pytest.raises(AnswerRefused) as refused:
        worker_actions.answer(lease, 99)
    assert refused.value.facts["path"] == "image.class"
    assert refused.value.detail
    lease.refresh_from_db()
    assert lease.state == Assignment.State.LEASED


def test_an_answer_is_accepted_despite_a_clock_jump_on_the_device() -> None:
    lease = worker_actions.leases_of(a_set())[0]
    raw = factories.class_answer(1)
    digest = hashlib.sha256(b"{}").hexdigest()
    submission = submit_answer(
        worker=lease.hand.worker, assignment_id=lease.public_id, raw=raw, raw_sha256=digest, seconds=-3e9
    )
    assert submission.annotation.seconds is None


def test_gold_is_answered_like_any_other_image() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0.5)
    factories.some_tasks(project, 2)
    gold = factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    submissions = worker_actions.answer_all(hand)
    assert {(each.late, each.counts, each.message) for each in submissions} == {(False, True, "Saved.")}
    assert Annotation.objects.get(gold=gold).task_id is None
    worker_actions.assert_invariants(project)
