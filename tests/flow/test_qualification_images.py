"""Images of a qualification are neither work nor gold, before or after: what is learned there tells nothing."""

import pytest

from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.selectors import current_label
from tasks.flow.errors import NothingToPromote
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.gold_promotion import promote_labels
from tasks.flow.project_deletion import delete_project, erase_project
from tasks.flow.qualification_images import add_qualification_image
from tasks.flow.rejection import reject_label
from tasks.ingest.models import Image
from tasks.qualification.errors import ImageInQualification, QualificationImageTaken, QualificationNotReady
from tasks.qualification.models import Qualification, QualificationGrant, QualificationImage
from tasks.qualification.setup import retire_image
from tests import factories, worker_actions
from tests.qualifications import a_qualification, items_of, required, take_exam

pytestmark = pytest.mark.django_db
CAT = factories.class_answer(1)


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren()], hand_size=4, gold_rate=0)


def added(row: Qualification, image: Image, use: str = "exam") -> QualificationImage:
    return add_qualification_image(
        qualification=row, image=image, use=use, raw=CAT, explanation="  Two\n ears. ", by=factories.ada()
    )


def test_the_image_leaves_the_work_and_its_answer_is_its_label(project: Project) -> None:
    task, other = factories.some_tasks(project, 2, wanted=1)
    row = a_qualification(project)
    image = added(row, task.image)
    assert image.explanation == "Two ears."
    hand = worker_actions.take(factories.wren(), project)
    assert [lease.task_id for lease in worker_actions.leases_of(hand)] == [other.pk]
    label = current_label(task=task)
    assert label is not None and label.body == CAT
    assert Task.objects.get(pk=task.pk).state == "approved"
    assert Batch.objects.get().wanted == 1


def test_it_can_never_be_gold_nor_come_back_as_work(project: Project) -> None:
    task, _ = factories.some_tasks(project, 2)
    image = added(a_qualification(project, state="draft"), task.image)
    retire_image(image=image)
    with pytest.raises(ImageInQualification):
        make_gold_image(project=project, image=task.image, raw=CAT, by=factories.ada())
    with pytest.raises(NothingToPromote):
        promote_labels(project=project, count=5, by=factories.ada())
    label = current_label(task=task)
    assert label is not None
    with pytest.raises(ImageInQualification):
        reject_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash, reason="No.", again=True)


def test_what_was_gold_or_was_seen_cannot_be_in_it(project: Project) -> None:
    first, second, third = factories.some_tasks(project, 3)
    row = a_qualification(project)
    gold = make_gold_image(project=project, image=first.image, raw=CAT, by=factories.ada())
    with pytest.raises(QualificationImageTaken):
        added(row, first.image)
    retire_gold_image(gold=gold)
    with pytest.raises(QualificationImageTaken):
        added(row, first.image)
    hand = worker_actions.take(factories.wren(), project)
    assert worker_actions.leases_of(hand)
    with pytest.raises(QualificationImageTaken):
        added(row, second.image)
    assert not QualificationImage.objects.filter(image__in=[first.image_id, second.image_id, third.image_id]).exists()


def test_an_image_is_in_one_pool_and_in_one_project(project: Project) -> None:
    task, shared = factories.some_tasks(project, 2)
    added(a_qualification(project), task.image, "practice")
    with pytest.raises(QualificationImageTaken):
        added(a_qualification(project, "Boxes"), task.image)
    twin = factories.a_project("Twin")
    twin.dataset = project.dataset
    twin.save(update_fields=["dataset"])
    factories.a_task(twin, image=shared.image)
    with pytest.raises(QualificationImageTaken, match="Another project"):
        added(a_qualification(project, "Third"), shared.image)


def test_an_exam_that_is_open_keeps_enough_images(project: Project) -> None:
    row = a_qualification(project, exam=8)
    image = row.images.first()
    assert image is not None
    with pytest.raises(QualificationNotReady):
        retire_image(image=image)
    image.refresh_from_db()
    assert image.retired_at is None


def test_deleting_the_project_keeps_who_has_passed(project: Project) -> None:
    row = a_qualification(project)
    other = factories.a_project("Birds", workers=[factories.wren()], gold_rate=0)
    factories.some_tasks(other, 2)
    required(other, row)
    required(project, row)
    assert items_of(take_exam(factories.wren(), row))
    delete_project(project=project, by=factories.ada(), confirm=project.name, record={})
    assert erase_project(project_id=project.pk, progress=lambda done, total: None)
    row.refresh_from_db()
    assert (row.project_id, row.state) == (None, "closed")
    assert not QualificationImage.objects.exists()
    assert QualificationGrant.objects.filter(worker=factories.wren()).count() == 1
    assert worker_actions.take(factories.wren(), other) is not None
