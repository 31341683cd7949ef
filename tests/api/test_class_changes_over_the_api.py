"""Changes of classes over the API: previewed, made, read and undone."""

from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from projects.models import Project
from tasks.flow.class_change import run_class_change
from tasks.repair.change_models import ClassChange
from tests import factories, repairs
from tests.api.people import with_key
from tests.class_changes import CAT, DOG, FOX, a_project, class_of, labeled

pytestmark = pytest.mark.django_db
MERGE = {"kind": "merge", "classes": [3], "into": 2}
SPLIT = {
    "kind": "split",
    "classes": [2],
    "new": [{"name": "hound"}, {"name": "terrier", "color": "#0072b2"}],
    "labels": "ask_again",
}


@pytest.fixture
def ada() -> APIClient:
    return with_key(factories.ada())


@pytest.fixture
def project() -> Project:
    return a_project()


def url(project: Project, rest: str = "") -> str:
    return f"/api/v1/projects/{project.public_id}/class-changes/{rest}"


def code_of(answer: Any) -> str:
    return str(answer.json()["type"]).strip("/").rpartition("/")[2]


def finish() -> None:
    for change in ClassChange.objects.all():
        run_class_change(change_id=change.pk)


def preview(ada: APIClient, project: Project, body: Any) -> Any:
    answer = ada.post(url(project, "preview/"), body, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_merge_is_as_previewed(ada: APIClient, project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    task = labeled(project, FOX, DOG, CAT, approved=False)
    labeled(project, CAT, CAT, FOX)
    release = repairs.a_release(project)
    before = class_of(task)
    promised = preview(ada, project, MERGE)
    expected = {"version": 1, "answers": 5, "predictions": 0, "recomputed": 3, "reopened": 0, "missing": 0}
    assert {name: promised[name] for name in expected} == expected
    assert promised["mapping"] == [{"number": 3, "name": "fox", "read_as": 2}]
    assert promised["releases"] == [{"id": str(release.public_id), "number": 1, "labels": 1}]
    assert promised["cost"] == "0.000000"
    made = ada.post(url(project), {**MERGE, "version": 1, "reason": "They overlap."}, format="json")
    assert (made.status_code, made.json()["state"], made.json()["version_after"]) == (202, "applying", 2)
    finish()
    assert class_of(task) == 2
    assert promised["changed"] == (before not in (2, 3))
    row = ada.get(url(project, f"{made.json()['id']}/")).json()
    assert (row["state"], row["images"], row["releases"]) == ("applied", 3, promised["releases"])
    assert ada.get(url(project)).json()["results"] == [row]


def test_a_split_is_as_previewed_and_undone(ada: APIClient, project: Project) -> None:
    task = labeled(project, DOG, DOG, DOG)
    labeled(project, CAT, CAT, CAT)
    promised = preview(ada, project, SPLIT)
    figures = ("labels", "approved", "answers", "reopened", "waiting", "missing", "cost", "recomputed")
    assert [promised[name] for name in figures] == [1, 1, 3, 1, 0, 3, "0.150000", 0]
    made = ada.post(url(project), {**SPLIT, "version": 1, "reason": "Both are needed."}, format="json").json()
    finish()
    schema = ada.get(f"/api/v1/projects/{project.public_id}/").json()["schema"]
    assert [row["name"] for row in schema["classes"]] == ["cat", "hound", "terrier", "fox"]
    task.refresh_from_db()
    assert (task.state, task.wanted) == ("open", 3)
    planned = ada.post(url(project, f"{made['id']}/undo-preview/")).json()
    assert planned == {"restored": 1, "recomputed": 0, "surplus": 0, "ended": 0, "releases": []}
    undone = ada.post(url(project, f"{made['id']}/undo/"), {"reason": "A mistake."}, format="json")
    assert (undone.status_code, undone.json()["state"]) == (202, "restoring")
    finish()
    assert class_of(task) == 2
    again = ada.post(url(project, f"{made['id']}/undo/"), {"reason": "A mistake."}, format="json")
    assert (again.status_code, code_of(again)) == (409, "class_change_undone")


def test_two_managers_do_not_change_what_the_other_has_changed(ada: APIClient, project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    first = ada.post(url(project), {**MERGE, "version": 1, "reason": "Why."}, format="json")
    busy = ada.post(url(project), {**SPLIT, "version": 1, "reason": "Why."}, format="json")
    assert (first.status_code, busy.status_code, code_of(busy)) == (202, 409, "class_change_in_progress")
    finish()
    late = ada.post(url(project), {**SPLIT, "version": 1, "reason": "Why."}, format="json")
    assert (late.status_code, code_of(late)) == (409, "classes_outdated")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "merge"},
        {"kind": "merge", "classes": []},
        {"kind": "merge", "classes": [3], "into": 3},
        {"kind": "merge", "classes": [2**31], "into": 1},
        {"kind": "split", "classes": [3], "new": [{"name": "a"}]},
        {"kind": "rename", "classes": [3], "name": "dog"},
        {"kind": "retire", "classes": [1, 2, 3]},
        {"kind": "dissolve", "classes": [1]},
    ],
)
def test_a_bad_request_says_what_is_wrong(ada: APIClient, project: Project, body: Any) -> None:
    for rest, more in (("preview/", {}), ("", {"version": 1, "reason": "Why."})):
        answer = ada.post(url(project, rest), body | more, format="json")
        assert answer.status_code in (400, 422), answer.content
    assert not ClassChange.objects.exists()


def test_the_file_of_all_labels_is_from_before_or_after_a_change(ada: APIClient, project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    files = [f"/api/v1/projects/{project.public_id}/labels.{suffix}" for suffix in ("jsonl", "csv")]
    ada.post(url(project), {**MERGE, "version": 1, "reason": "They overlap."}, format="json")
    for file in files:
        answer = ada.get(file)
        assert (answer.status_code, code_of(answer)) == (409, "class_change_in_progress")
        assert answer["Retry-After"] == "5"
    finish()
    lines, table = (ada.get(file).getvalue() for file in files)
    assert orjson.loads(lines)["answer"]["image"]["class"] == 2
    assert table.count(b"\n") == 2


def test_a_release_is_marked_when_its_classes_are_changed(ada: APIClient, project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    release = repairs.a_release(project)
    made = ada.post(url(project), {**MERGE, "version": 1, "reason": "They overlap."}, format="json").json()
    finish()
    (mark,) = ada.get(f"/api/v1/releases/{release.public_id}/").json()["class_changes"]
    assert (mark["change"], mark["labels"]) == (made["id"], 1)
