"""Releases, splits and exports requested twice at the same time."""

import pytest
from django.db import transaction

from projects.models import Project
from projects.services import ClassSpec, change_classes
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.exports.models import Export
from tasks.exports.services import request_export
from tasks.review.services import approve_label
from tasks.snapshots.errors import ReleaseInProgress
from tasks.snapshots.models import GroupSplit, Snapshot, SnapshotItem
from tasks.snapshots.services import build_snapshot, create_snapshot
from tasks.snapshots.splits import assign_splits
from tests.concurrency_helpers import BackgroundCall, together
from tests.factories import a_project, a_task, ada, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    project = a_project(answers_min=1, answers_max=1, workers=[wren(), finch()])
    task: Task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk])
    approve_label(reviewer=ada(), task=task, label_hash=ConsensusLabel.objects.get().content_hash)
    return project


def test_of_two_requests_one_creates_the_release(project: Project) -> None:
    by = ada()

    results = together(*[lambda: create_snapshot(project=project, by=by)] * 2)

    assert sum(isinstance(result, ReleaseInProgress) for result in results) == 1
    assert list(Snapshot.objects.values_list("number", flat=True)) == [1]


def test_a_release_that_waits_for_a_class_change_uses_the_new_classes(project: Project) -> None:
    by = ada()
    with transaction.atomic():
        schema = change_classes(project=project, by=by, classes=[ClassSpec("cat"), ClassSpec("dog"), ClassSpec("owl")])
        making = BackgroundCall(lambda: create_snapshot(project=project, by=by))
        making.wait_until_blocked()

    assert making.wait_for_result().schema_id == schema.pk


def test_concurrent_builders_build_the_release_once(project: Project) -> None:
    snapshot = create_snapshot(project=project, by=ada())

    results = together(*[lambda: build_snapshot(snapshot_id=snapshot.pk)] * 2)

    assert sorted(results) == [False, True]
    assert SnapshotItem.objects.count() == 1


def test_concurrent_splits_of_the_same_groups_agree(project: Project) -> None:
    groups = [f"scene {n}" for n in range(300)]

    first, second = together(
        lambda: assign_splits(project=project, groups=groups),
        lambda: assign_splits(project=project, groups=groups[::-1]),
    )

    assert first == second
    assert GroupSplit.objects.count() == 300


def test_two_requests_for_a_format_create_one_export(project: Project) -> None:
    by = ada()
    snapshot = create_snapshot(project=project, by=by)
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()

    first, second = together(*[lambda: request_export(snapshot=snapshot, format="coco", by=by)] * 2)

    assert first == second
    assert Export.objects.count() == 1
