"""A project is created completely, or refused with what to correct."""

from typing import Any

import pytest

from kernel.errors import AnnotaryError, Forbidden, NotFound
from projects.errors import ClassesRefused, PolicyRefused, ProjectRefused
from projects.models import Dataset, Project
from projects.selectors import schema_of
from projects.services import ClassSpec, create_project
from tests.factories import a_project, ada, admitted, an_organisation, wren

pytestmark = pytest.mark.django_db


def make(**changes: Any) -> Project:
    values: dict[str, Any] = {
        "organisation": an_organisation(),
        "by": ada(),
        "name": "Strays",
        "classes": [ClassSpec("cat"), ClassSpec("dog", "#FF0000")],
        "tools": ["class"],
    }
    return create_project(**(values | changes))


def test_a_project_starts_as_a_draft_with_schema_dataset_and_instructions() -> None:
    project = make(instructions="Look closely.\r\nThen decide.", policy={"answers_min": 2, "price": "0.03"})
    assert project.state == Project.State.DRAFT
    assert project.dataset.name == "Strays"
    assert project.answers_min == 2
    assert project.instructions is not None and project.instructions.body == "Look closely.\nThen decide."
    schema = schema_of(project=Project.objects.get(pk=project.pk))
    assert [(row.number, row.name, row.color) for row in schema.classes] == [
        (1, "cat", "#e69f00"),
        (2, "dog", "#ff0000"),
    ]


def test_only_a_manager_creates_projects() -> None:
    admitted(a_project(), wren())
    with pytest.raises(Forbidden):
        make(by=wren())
    with pytest.raises(NotFound):
        make(organisation=an_organisation("Elsewhere"))


def test_a_dataset_of_another_organisation_is_refused() -> None:
    foreign = Dataset.objects.create(organisation=an_organisation("Elsewhere"), name="Theirs")
    with pytest.raises(ProjectRefused, match="another organization"):
        make(dataset=foreign)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"name": "   "}, ProjectRefused, "no name"),
        ({"name": "x" * 121}, ProjectRefused, "121 characters"),
        ({"classes": []}, ClassesRefused, "at least one class"),
        ({"classes": [ClassSpec("cat"), ClassSpec(" CAT ")]}, ClassesRefused, "“cat” and “CAT” have the same name"),
        ({"classes": [ClassSpec("  ")]}, ClassesRefused, "no name"),
        ({"classes": [ClassSpec("c" * 101)]}, ClassesRefused, "too long"),
        ({"classes": [ClassSpec("cat", "red")]}, ClassesRefused, "color of “cat”"),
        ({"classes": [ClassSpec("cat", number=7)]}, ClassesRefused, "no class with the number 7"),
        ({"tools": []}, ProjectRefused, "class, box"),
        ({"tools": ["mask"]}, ProjectRefused, "mask is not available"),
        ({"tools": ["lasso"]}, ProjectRefused, "tool does not exist"),
        ({"policy": {"answers_min": 9, "answers_max": 5}}, PolicyRefused, "cannot be below"),
    ],
)
def test_errors_are_named_and_nothing_is_created(changes: Any, error: type[AnnotaryError], words: str) -> None:
    with pytest.raises(error, match=words):
        make(**changes)
    assert not Project.objects.exists()
