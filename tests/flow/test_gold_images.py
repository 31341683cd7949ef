"""The owner's answer makes an image gold and becomes its approved label."""

import pytest

from kernel.models import Event
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow.errors import ImageBeingLabeled
from tasks.flow.gold_images import make_gold_image
from tasks.flow.rejection import reject_label
from tasks.gold.errors import GoldExists
from tasks.gold.models import Gold
from tasks.gold.services import retire_gold
from tasks.review.errors import FixRefused, IsGold
from tasks.review.models import Review
from tasks.review.services import fix_label
from tests.factories import a_project, a_task, ada, an_answer, an_image, class_answer, wren

pytestmark = pytest.mark.django_db


def test_the_task_closes_and_the_answer_is_an_approved_label() -> None:
    project = a_project(answers_min=3)
    task, other = a_task(project), a_task(project)

    gold = make_gold_image(project=project, image=task.image, raw=class_answer(2), by=ada())

    assert gold.accepted == [class_answer(2)]
    task.refresh_from_db()
    assert (task.state, task.wanted) == ("approved", 0)
    assert Batch.objects.get(pk=other.batch_id).wanted == 3
    label = ConsensusLabel.objects.get(task=task)
    assert (label.method, label.body) == ("gold", class_answer(2))
    assert Review.objects.get(label=label).verdict == "approve"
    totals: dict[str, int] = {}
    for event in Event.objects.all():
        for name, change in event.delta.items():
            totals[name] = totals.get(name, 0) + change
    assert totals == {"places": -3, "tasks": -1}


def test_an_image_without_a_task_gets_one() -> None:
    project = a_project()
    image = an_image(project)

    make_gold_image(project=project, image=image, raw=class_answer(1), by=ada())

    assert Task.objects.get(image=image).state == "approved"


def test_an_image_being_labeled_is_refused() -> None:
    project = a_project(answers_min=2, workers=[wren()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1), settled=False)

    with pytest.raises(ImageBeingLabeled, match=r"being labeled\. Choose another"):
        make_gold_image(project=project, image=task.image, raw=class_answer(1), by=ada())
    assert not Gold.objects.exists()


def test_an_invalid_answer_changes_nothing() -> None:
    project = a_project()
    task = a_task(project)

    with pytest.raises(FixRefused):
        make_gold_image(project=project, image=task.image, raw=class_answer(9), by=ada())
    task.refresh_from_db()
    assert (task.state, task.wanted) == ("open", 3)
    assert not Gold.objects.exists()


def test_gold_can_be_created_again_only_after_it_is_retired() -> None:
    project = a_project()
    task = a_task(project)
    gold = make_gold_image(project=project, image=task.image, raw=class_answer(1), by=ada())

    with pytest.raises(GoldExists):
        make_gold_image(project=project, image=task.image, raw=class_answer(2), by=ada())
    retire_gold(gold=gold)
    make_gold_image(project=project, image=task.image, raw=class_answer(2), by=ada())

    label = ConsensusLabel.objects.get(task=task, is_current=True)
    assert (label.version, label.body) == (2, class_answer(2))
    assert [event.delta["tasks"] for event in Event.objects.filter(kind="gold.made").order_by("pk")] == [-1, 0]


def test_answers_never_overwrite_the_owners_label() -> None:
    project = a_project(answers_min=1, workers=[wren()])
    task = a_task(project)
    make_gold_image(project=project, image=task.image, raw=class_answer(2), by=ada())
    Task.objects.filter(pk=task.pk).update(wanted=1)
    Batch.objects.filter(pk=task.batch_id).update(wanted=1)
    an_answer(task, wren(), class_answer(1))

    assert update_labels(task_ids=[task.pk]) == 0
    assert ConsensusLabel.objects.get(task=task, is_current=True).body == class_answer(2)


def test_a_reviewer_can_change_the_answer_of_gold_only_after_it_is_retired() -> None:
    project = a_project(workers=[wren()])
    task = a_task(project)
    gold = make_gold_image(project=project, image=task.image, raw=class_answer(1), by=ada())
    label_hash = ConsensusLabel.objects.get(task=task).content_hash

    with pytest.raises(IsGold):
        fix_label(reviewer=ada(), task=task, label_hash=label_hash, raw=class_answer(2), again=True)
    retire_gold(gold=gold)
    reject_label(reviewer=ada(), task=task, label_hash=label_hash, reason="It is a dog.", again=True)

    task.refresh_from_db()
    assert (task.state, task.wanted, task.round) == ("open", 3, 2)
