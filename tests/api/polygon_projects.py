"""A project whose workers draw polygons, through the API."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Membership, Role
from annotary_core.labels.answer import Answer
from annotary_core.labels.matching import Comparison
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import LabelClass, Schema
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.flow.relabel import relabel
from tests import factories
from tests.api.api_fixtures import a_stored_image
from tests.api.people import member, with_key

Json = dict[str, Any]

NEW = {
    "name": "Leaves",
    "classes": [{"name": "leaf"}, {"name": "stone"}],
    "tools": ["polygon"],
    "policy": {"answers_min": 3, "answers_max": 3, "price": "0.05", "gold_rate": 0},
}
#: A leaf with a hole, in an image of 64 x 48 pixels.
OUTLINE = [[10, 10], [40, 8], [50, 30], [30, 42], [12, 30]]
HOLE = [[24, 18], [32, 18], [32, 26], [24, 26]]


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json() if answer.content else None


def polygon(*parts: Any, number: int = 1, name: str = "a") -> Json:
    return {"id": name, "class": number, "tool": "polygon", "geom": {"parts": [*parts]}}


def answer_of(*objects: Json) -> Json:
    return {"verdict": "labels", "objects": [*objects]}


def moved(ring: Sequence[Sequence[float]], by: float) -> list[list[float]]:
    return [[x + by, y + by / 2] for x, y in ring]


def similarity(one: Json, other: Json) -> float:
    """The IoU of the only object of each answer, as stored."""
    objects = [Answer.from_json(each).objects for each in (one, other)]
    return float(Comparison.of(*objects).similarity.item())


def stored(answer: Json) -> Json:
    schema = Schema(classes=(LabelClass(1, "leaf"), LabelClass(2, "stone")), tools=("polygon",))
    return parse_answer(answer, schema=schema, width=64, height=48).to_json()


@pytest.fixture
def ada(db: None, storage_folder: Path) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def address(ada: APIClient) -> str:
    """The open project, with two images of 64 x 48 pixels."""
    url = a_project(ada)
    project = Project.objects.get()
    for color in ("teal", "navy"):
        factories.a_task(project, image=a_stored_image(project, color))
    ok(ada.post(f"{url}open/"))
    return url


def a_project(ada: APIClient) -> str:
    made = ok(ada.post("/api/v1/projects/", NEW), 201)
    assert made["schema"]["tools"] == ["polygon"]
    return f"/api/v1/projects/{made['id']}/"


def a_worker(ada: APIClient, address: str, name: str) -> APIClient:
    """A worker who has joined the project by a link."""
    link = ok(ada.post(f"{address}invitations/", {}), 201)
    actor = factories.a_worker(name)
    organisation = factories.an_organisation()
    Membership.objects.get_or_create(organisation=organisation, actor=actor, defaults={"role": Role.WORKER})
    worker = with_key(actor)
    ok(worker.post("/api/v1/invitations/accept/", {"token": link["token"]}))
    return worker


def put(worker: APIClient, assignment: str, answer: Any, key: str = "") -> Any:
    url = f"/api/v1/assignments/{assignment}/answer/"
    return worker.put(url, {"answer": answer}, headers={"Idempotency-Key": key or assignment})


def answer_set(worker: APIClient, address: str, answer: Json) -> None:
    hand = ok(worker.post(f"{address}hands/"), 201)
    for row in hand["assignments"]:
        ok(put(worker, row["id"], answer))
    ok(worker.post(f"/api/v1/hands/{hand['id']}/settle/"))


def update_labels() -> None:
    relabel(task_ids=list(Annotation.objects.values_list("task_id", flat=True).distinct()))


def answered(ada: APIClient, address: str, offsets: Sequence[float] = (0, 0.8, 1.6)) -> list[Json]:
    """The labels to review, after three workers have drawn the leaf, each off by so many pixels."""
    for off, name in zip(offsets, ("wren", "finch", "robin"), strict=True):
        drawn = answer_of(polygon([moved(OUTLINE, off), moved(HOLE, off)]))
        answer_set(a_worker(ada, address, name), address, drawn)
    update_labels()
    rows: list[Json] = ok(ada.get(f"{address}labels/", {"review": "to_review"}))["results"]
    return rows
