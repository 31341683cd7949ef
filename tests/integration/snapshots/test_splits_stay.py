"""Splits: a group stays together, and an assigned split never changes."""

import pytest

from projects.models import Project
from tasks.snapshots.models import GroupSplit
from tasks.snapshots.splits import assign_splits, hash_split, split_group_of
from tests.factories import a_project

pytestmark = pytest.mark.django_db


def test_the_split_ratios_are_those_of_the_project() -> None:
    project = a_project(split_train=0.7, split_val=0.2)

    splits = list(assign_splits(project=project, groups=[f"scene {n}" for n in range(2000)]).values())

    assert splits.count("train") == pytest.approx(1400, abs=80)
    assert splits.count("val") == pytest.approx(400, abs=70)
    assert splits.count("test") == pytest.approx(200, abs=60)


def test_new_ratios_and_more_images_do_not_change_assigned_splits() -> None:
    project = a_project(split_train=0.8, split_val=0.1)
    groups = [f"scene {n}" for n in range(50)]
    before = assign_splits(project=project, groups=groups)

    Project.objects.filter(pk=project.pk).update(split_train=0.1, split_val=0.1)
    project.refresh_from_db()
    after = assign_splits(project=project, groups=[*groups, "another scene"])

    assert {group: after[group] for group in groups} == before
    assert GroupSplit.objects.count() == 51


def test_a_groups_split_is_deterministic_and_differs_by_project() -> None:
    one, two = a_project("One"), a_project("Two")
    groups = [f"scene {n}" for n in range(200)]

    assert [hash_split(project=one, group=group) for group in groups] == [
        hash_split(project=one, group=group) for group in groups
    ]
    assert [hash_split(project=one, group=group) for group in groups] != [
        hash_split(project=two, group=group) for group in groups
    ]


def test_an_image_without_a_group_is_its_own_group() -> None:
    assert split_group_of(group_key="", sha256="ab") == "sha256:ab"
    assert split_group_of(group_key="scene 1", sha256="ab") == "scene 1"
