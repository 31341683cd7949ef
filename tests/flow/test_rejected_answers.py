"""What workers see of rejected answers: the same of gold and work, from the next day on, and nothing by default."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Actor
from kernel.clock import database_now, utc_now
from projects.models import Project
from tasks.flow.bulk_review import Verdict, give_verdicts
from tasks.flow.gold_images import retire_gold_image
from tasks.flow.rejection import reject_label
from tasks.review.appeal_lists import (
    AT_ONCE,
    appealable_by_project,
    gold_drafts_of,
    rejected_answers_of,
    rejected_answers_page,
)
from tasks.review.errors import AppealDecided, CheckImageNamed, RegionRefused
from tasks.review.models import RejectedAnswer, Review
from tasks.review.rejected_answers import dismiss_draft, reject_draft
from tasks.review.rejection_text import read_region
from tasks.standing.models import Standing
from tests import factories
from tests.factories import a_project, ada, an_answer, class_answer, finch, wren
from tests.rejected import (
    WHY,
    a_rejected_answer,
    a_reviewer,
    a_wrong_gold_answer,
    an_answered_task,
    hash_of,
    show_now,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren(), finch()], appeal_days=7)


def reject(project: Project, *workers: Actor, **options: Any) -> Review:
    task = an_answered_task(project, *workers)
    return reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), **{"reason": WHY} | options)


def rows() -> list[tuple[str, str]]:
    return list(RejectedAnswer.objects.order_by("pk").values_list("worker__user__name", "state"))


def gets_half_gold(project: Project, worker: Actor) -> None:
    """As many credits for gold as for work: each rejected answer to work drafts one to gold."""
    seen = 50
    factories.some_evidence(project, worker, incorrect=seen)


def test_nothing_is_shown_in_a_project_without_appeals() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    review = reject(project, wren(), reason="This was a check image.", region={"x": 1, "y": 1, "w": 5, "h": 5})
    assert review.region == {"x": 1, "y": 1, "w": 5, "h": 5}
    assert not RejectedAnswer.objects.exists()


def test_those_who_gave_the_rejected_answer_see_it_from_the_next_day_on(project: Project) -> None:
    task = an_answered_task(project, wren(), finch())
    robin = factories.a_worker("robin")
    factories.admitted(project, robin)
    an_answer(task, robin, class_answer(2), counts=False)
    region = {"x": -5, "y": 10, "w": 100, "h": 40}
    reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY, region=region)
    assert rows() == [("Wren", "rejected"), ("Finch", "rejected")]
    assert not rejected_answers_of(worker=wren()).exists()
    row = RejectedAnswer.objects.get(worker=wren())
    assert row.shown_from is not None
    assert row.appeal_until is not None
    now = database_now().astimezone(UTC)
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    assert (row.shown_from, row.appeal_until) == (midnight, midnight + timedelta(days=7))
    assert (row.reason, row.region) == (WHY, {"x": 0, "y": 10, "w": 95, "h": 40})
    show_now()
    assert rejected_answers_of(worker=wren()).get() == row
    until = RejectedAnswer.objects.get(pk=row.pk).appeal_until
    named = {"project": project.public_id, "name": "Strays"}
    assert appealable_by_project(worker=wren()) == [{**named, "count": 1, "until": until}]


def test_an_answer_in_a_set_that_is_not_handed_in_is_not_shown(project: Project) -> None:
    task = an_answered_task(project, wren())
    an_answer(task, finch(), class_answer(1), settled=False, counts=False)
    reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY)
    assert rows() == [("Wren", "rejected")]


def test_a_reason_that_names_check_images_is_refused(project: Project) -> None:
    with pytest.raises(CheckImageNamed):
        reject(project, wren(), reason="It differs from the check image.")


@pytest.mark.parametrize(
    "region",
    [
        [1, 2, 3, 4],
        {"x": 1, "y": 2, "w": 3},
        {"x": 1, "y": 2, "w": 0, "h": 3},
        {"x": float("nan"), "y": 0, "w": 1, "h": 1},
        {"x": 900, "y": 0, "w": 5, "h": 5},
        {"x": True, "y": 0, "w": 5, "h": 5},
        {"x": "1", "y": 0, "w": 5, "h": 5},
        {"x": 1e12, "y": 0, "w": 5, "h": 5},
    ],
)
def test_a_region_is_a_part_of_the_image(region: object) -> None:
    with pytest.raises(RegionRefused):
        read_region(region, width=640, height=480)


def test_wrong_answers_to_gold_are_drafted_as_often_as_the_worker_gets_gold(project: Project) -> None:
    a_wrong_gold_answer(project, wren())
    reject(project, wren())
    assert not gold_drafts_of(project=project).exists(), "a worker who has seen no gold"
    gets_half_gold(project, wren())
    reject(project, wren())
    assert gold_drafts_of(project=project).count() == 1
    reject(project, wren())
    assert gold_drafts_of(project=project).count() == 1, "there is no other"


def test_the_draft_is_the_answer_that_was_given_at_about_the_same_time(project: Project) -> None:
    gets_half_gold(project, wren())
    old, new = a_wrong_gold_answer(project, wren()), a_wrong_gold_answer(project, wren())
    old.submitted_at = utc_now() - timedelta(days=3)
    old.save(update_fields=["submitted_at"])
    reject(project, wren())
    assert gold_drafts_of(project=project).get().assignment == new


def test_retired_gold_is_not_drafted(project: Project) -> None:
    gets_half_gold(project, wren())
    gold = a_wrong_gold_answer(project, wren()).gold
    assert gold is not None
    retire_gold_image(gold=gold)
    gets_half_gold(project, wren())
    reject(project, wren())
    assert not gold_drafts_of(project=project).exists()


def test_gold_is_shown_together_with_work_for_all_who_gave_the_answer(project: Project) -> None:
    gets_half_gold(project, wren())
    gold = a_wrong_gold_answer(project, wren()).gold
    assert gold is not None
    a_wrong_gold_answer(project, finch(), gold=gold)
    robin = factories.a_worker("robin")
    factories.admitted(project, robin)
    a_wrong_gold_answer(project, robin, gold=gold, number=3)
    reject(project, wren())
    draft = gold_drafts_of(project=project).get()
    assert reject_draft(reviewer=a_reviewer(), project=project, public_id=draft.public_id, reason=WHY) == 2
    of_gold = RejectedAnswer.objects.filter(assignment__gold=gold)
    assert {(row.worker, row.reason, row.shown_from) for row in of_gold} == {(wren(), WHY, None), (finch(), WHY, None)}
    with pytest.raises(AppealDecided):
        reject_draft(reviewer=ada(), project=project, public_id=draft.public_id, reason=WHY)
    show_now()
    assert rejected_answers_of(worker=finch()).count() == 0
    reject(project, finch())
    days = set(RejectedAnswer.objects.filter(worker=finch()).values_list("shown_from", "appeal_until"))
    assert len(days) == 1, "on the same day as work"


def test_a_dismissed_draft_shows_nothing_and_does_not_come_again(project: Project) -> None:
    gets_half_gold(project, wren())
    a_wrong_gold_answer(project, wren())
    reject(project, wren())
    draft = gold_drafts_of(project=project).get()
    dismiss_draft(project=project, public_id=draft.public_id)
    reject(project, wren())
    assert not gold_drafts_of(project=project).exists()
    show_now()
    assert rejected_answers_of(worker=wren()).count() == 2


def test_the_order_within_a_day_says_nothing(project: Project) -> None:
    for _ in range(8):
        a_rejected_answer(project, wren())
    shown = list(rejected_answers_of(worker=wren()))
    assert shown == sorted(shown, key=lambda row: row.public_id)
    assert [row.pk for row in shown] != sorted(row.pk for row in shown)


def test_pages_are_whole_days(project: Project) -> None:
    first = a_rejected_answer(project, wren())
    second = a_rejected_answer(project, wren())
    day = timedelta(days=1)
    RejectedAnswer.objects.filter(pk=first.pk).update(shown_from=utc_now() - day, appeal_until=utc_now() + day)
    found, before = rejected_answers_page(rows=rejected_answers_of(worker=wren()))
    assert (found, before) == ([second, first], None)
    assert rejected_answers_page(
        rows=rejected_answers_of(worker=wren()), before=RejectedAnswer.objects.get(pk=second.pk).shown_from
    ) == ([first], None)
    assert AT_ONCE > 2


def test_who_was_removed_sees_nothing_any_more(project: Project) -> None:
    a_rejected_answer(project, wren())
    assert rejected_answers_of(worker=wren()).count() == 1
    Standing.objects.filter(worker=wren()).update(state="removed")
    assert rejected_answers_of(worker=wren()).count() == 0


def test_several_rejections_in_one_call(project: Project) -> None:
    tasks = [an_answered_task(project, wren(), finch()) for _ in range(3)]
    verdicts = [Verdict(task.public_id, hash_of(task), "reject", WHY) for task in tasks]
    results = give_verdicts(reviewer=a_reviewer(), project=project, verdicts=verdicts)
    assert all(isinstance(each, Review) for each in results)
    assert RejectedAnswer.objects.count() == 6
