"""One image and one task: the fields of their lists and more. Only managers learn which images are check images."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tasks.batching.models import Task
from tasks.ingest.models import Image
from tests import factories
from tests.api.api_fixtures import World
from tests.api.people import member, with_key


def image_url(image: Image) -> str:
    return f"/api/v1/images/{image.public_id}/"


def listed(client: APIClient, world: World, name: str, row_id: Any) -> dict[str, Any]:
    rows = client.get(f"/api/v1/projects/{world.project.public_id}/{name}/").json()["results"]
    found: dict[str, Any] = next(row for row in rows if row.get("id", row.get("task")) == str(row_id))
    return found


def test_an_image_has_the_fields_of_the_list_and_its_task_and_files(world: World) -> None:
    ada = with_key(member("owner"))
    image = world.task.image
    body = ada.get(image_url(image)).json()
    assert body.items() >= listed(ada, world, "images", image.public_id).items()
    assert body["task"] == listed(ada, world, "tasks", world.task.public_id)
    assert body["project"] == str(world.project.public_id)
    for kind, url in body["files"].items():
        assert ada.get(url).getvalue()[:2] == b"\xff\xd8", kind


def test_an_image_that_nobody_labels_has_no_task(world: World) -> None:
    image = factories.an_image(world.project)
    assert with_key(member("owner")).get(image_url(image)).json()["task"] is None


@pytest.mark.parametrize(
    ("role", "scopes", "is_told"),
    [
        ("owner", ["read", "manage"], True),
        ("manager", ["read", "manage"], True),
        ("manager", ["read"], False),
        ("reviewer", ["read", "review", "manage"], False),
        ("client", ["read", "manage"], False),
    ],
)
def test_a_check_image_is_told_to_those_alone_who_may_list_them(
    world: World, role: str, scopes: list[str], is_told: bool
) -> None:
    caller = with_key(member(role), scopes=scopes)
    body = caller.get(image_url(world.gold.image)).json()
    assert body["gold"] == (str(world.gold.public_id) if is_told else None)
    may_list = caller.get(f"/api/v1/projects/{world.project.public_id}/golds/").status_code == 200
    assert may_list == is_told


def test_a_client_sees_no_task(world: World) -> None:
    assert with_key(member("client")).get(image_url(world.task.image)).json()["task"] is None


def test_a_task_has_the_fields_of_the_list_its_label_and_its_answers(world: World) -> None:
    rhea = with_key(member("reviewer"), scopes=["read"])
    task = Task.objects.get(public_id=world.ids["task_id"])
    body = rhea.get(f"/api/v1/tasks/{task.public_id}/").json()
    assert body.items() >= listed(rhea, world, "tasks", task.public_id).items()
    assert body["label"] == listed(rhea, world, "labels", task.public_id)
    (answer,) = body["answers"]
    assert answer["worker"] == str(factories.finch().public_id)
    assert answer["answer"]["image"]["class"] == 1
    assert answer["counts"] is True
    evidence = rhea.get(f"/api/v1/tasks/{task.public_id}/evidence/").json()
    assert [answer["id"]] == [each["annotation"] for each in evidence["answers"]]


def test_a_task_without_answers_has_no_label(world: World) -> None:
    body = with_key(member("owner")).get(f"/api/v1/tasks/{world.task.public_id}/").json()
    assert (body["label"], body["answers"]) == (None, [])


def test_an_answer_to_a_check_image_is_no_answer_of_its_task(world: World) -> None:
    """A check image keeps its task, which does not show what workers answered: those answers only measure them."""
    task = factories.a_task(world.project, image=world.gold.image, wanted=0)
    assignment = world.hand.assignments.get(gold=world.gold)
    wren = with_key(member("worker"))
    sent = wren.put(
        f"/api/v1/assignments/{assignment.public_id}/answer/",
        {"answer": {"image": {"class": 2}, "verdict": "labels"}},
        headers={"Idempotency-Key": "k"},
    )
    assert sent.status_code == 200
    assert with_key(member("reviewer")).get(f"/api/v1/tasks/{task.public_id}/").json()["answers"] == []


@pytest.mark.parametrize("kind", ["image", "task"])
def test_what_has_not_changed_is_not_sent_again(world: World, kind: str) -> None:
    ada = with_key(member("owner"))
    url = f"/api/v1/{kind}s/{world.ids[f'{kind}_id']}/"
    etag = ada.get(url)["ETag"]
    again = ada.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
