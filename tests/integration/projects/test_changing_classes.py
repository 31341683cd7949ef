"""Class numbers are stable: assigned once, kept through every change, never reused."""

import pytest

from projects.errors import ClassesRefused
from projects.models import LabelClass, LabelSchema, Project
from projects.services import ClassSpec, change_classes, create_project
from tests.concurrency_helpers import together
from tests.factories import ada, an_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    classes = [ClassSpec("cat"), ClassSpec("dog")]
    return create_project(organisation=an_organisation(), by=ada(), name="Strays", classes=classes, tools=["class"])


def change(project: Project, *specs: ClassSpec | str) -> dict[str, int]:
    classes = [spec if isinstance(spec, ClassSpec) else ClassSpec(spec) for spec in specs]
    schema = change_classes(project=project, by=ada(), classes=classes)
    return {row["name"]: row["number"] for row in schema.body["classes"]}


def test_a_new_class_gets_the_number_after_the_highest_ever_used(project: Project) -> None:
    assert change(project, "cat", "bird") == {"cat": 1, "bird": 3}
    assert change(project, "cat", "fox") == {"cat": 1, "fox": 4}


def test_a_class_that_returns_gets_its_number_back(project: Project) -> None:
    change(project, "cat")
    assert LabelClass.objects.get(project=project, name="dog").retired_at is not None
    assert change(project, "Dog", "cat") == {"Dog": 2, "cat": 1}
    assert LabelClass.objects.get(project=project, number=2).retired_at is None


def test_a_class_is_renamed_by_its_number_and_two_may_swap_names(project: Project) -> None:
    assert change(project, ClassSpec("kitten", number=1), "dog") == {"kitten": 1, "dog": 2}
    assert change(project, ClassSpec("dog", number=1), ClassSpec("kitten", number=2)) == {"dog": 1, "kitten": 2}


def test_duplicate_numbers_and_names_of_retired_classes_are_refused(project: Project) -> None:
    with pytest.raises(ClassesRefused, match="is listed twice"):
        change(project, ClassSpec("a", number=1), ClassSpec("b", number=1))
    with pytest.raises(ClassesRefused, match="retired class is called “dog”"):
        change(project, ClassSpec("dog", number=1))


def test_identical_classes_create_no_new_version_and_changed_ones_do(project: Project) -> None:
    change(project, "cat", "dog")
    assert LabelSchema.objects.filter(project=project).count() == 1
    change(project, "dog", "cat")
    assert list(LabelSchema.objects.filter(project=project).values_list("version", flat=True)) == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_concurrent_managers_never_assign_a_number_twice(project: Project) -> None:
    by = ada()
    calls = [
        lambda name=name: change_classes(project=project, by=by, classes=[ClassSpec("cat"), ClassSpec(name)])
        for name in ("bird", "fox", "owl")
    ]
    results = together(*calls)
    assert [type(result) for result in results] == [LabelSchema] * 3, results
    assert sorted(LabelSchema.objects.filter(project=project).values_list("version", flat=True)) == [1, 2, 3, 4]
    assert sorted(LabelClass.objects.filter(project=project).values_list("number", flat=True)) == [1, 2, 3, 4, 5]
