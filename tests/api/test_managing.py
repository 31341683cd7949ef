"""A manager's work through the API: from a new project to a release that a client downloads."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.models import Event, Job
from projects.models import Project
from tasks.consensus.services import update_labels
from tasks.exports.services import write_export
from tasks.flow.imports import run_import
from tasks.ingest.models import Import
from tasks.snapshots.services import build_snapshot
from tests import factories
from tests.api.api_fixtures import World, some_pixels
from tests.api.people import member, with_key
from tests.api.uploads import upload

NEW = {
    "name": "Strays",
    "classes": [{"name": "cat", "color": "#e69f00"}, {"name": "dog"}],
    "tools": ["class"],
    "instructions": "Look closely.",
    "policy": {"answers_min": 1, "answers_max": 1, "price": "0.05", "currency": "EUR", "gold_rate": 0},
}


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json() if answer.content else None


def run_jobs() -> None:
    """Run the queued jobs once, but for those whose time has not come."""
    run: dict[str, Callable[..., Any]] = {
        "flow.run_import": run_import,
        "consensus.update": update_labels,
        "snapshots.build": build_snapshot,
        "exports.write": write_export,
    }
    for job in Job.objects.filter(state=Job.State.QUEUED, not_before=None).order_by("id"):
        run[job.kind](**job.args)
        Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)


@pytest.mark.django_db(transaction=True)
def test_from_nothing_to_a_dataset(storage_folder: Any) -> None:
    ada, wren = with_key(member("owner")), with_key(member("worker"))
    made = ok(ada.post("/api/v1/projects/", NEW), 201)
    project = f"/api/v1/projects/{made['id']}/"
    assert (made["state"], made["price"], made["currency"]) == ("draft", "0.050000", "EUR")
    assert [row["number"] for row in made["schema"]["classes"]] == [1, 2]
    assert ada.post(f"{project}open/").status_code == 409  # it has no images to label yet
    upload(ada, Project.objects.get(), {f"{color}.jpg": some_pixels(color) for color in ("teal", "navy")})
    run_import(import_id=Import.objects.get().pk)
    Job.objects.update(state=Job.State.DONE)
    assert ok(ada.post(f"{project}batches/open/"))["opened"] == 1
    assert ok(ada.post(f"{project}open/"))["state"] == "open"
    link = ok(ada.post(f"{project}invitations/", {"max_uses": 5}), 201)
    assert link["url"].endswith(f"/join/{link['token']}/")
    assert ok(wren.post("/api/v1/invitations/accept/", {"token": link["token"]}))["project"] == made["id"]
    work(wren, made["id"])
    run_jobs()
    (batch,) = ok(ada.get(f"{project}batches/"))["results"]
    assert ok(ada.post(f"/api/v1/batches/{batch['id']}/approve/"))["state"] == "approved"
    assert ok(ada.get(f"{project}figures/"))["progress"]["approved"] == 2
    pull(ada, with_key(member("client"), scopes=["read"]), project)


def work(wren: APIClient, project_id: str) -> None:
    hand = ok(wren.post(f"/api/v1/projects/{project_id}/hands/"), 201)
    assert hand["instructions"] == "Look closely."
    for row in hand["assignments"]:
        answer = {"answer": {"image": {"class": 1}, "verdict": "labels"}}
        ok(wren.put(f"/api/v1/assignments/{row['id']}/answer/", answer, headers={"Idempotency-Key": row["id"]}))
    settled = ok(wren.post(f"/api/v1/hands/{hand['id']}/settle/"))
    assert (settled["answers"], settled["earned"], settled["currency"]) == (2, "0.100000", "EUR")


def pull(ada: APIClient, clio: APIClient, project: str) -> None:
    release = ok(ada.post(f"{project}releases/"), 202)
    run_jobs()
    assert ok(clio.get(f"/api/v1/releases/{release['id']}/"))["state"] == "ready"
    assert clio.post(f"/api/v1/releases/{release['id']}/exports/", {"format": "coco"}).status_code == 403
    export = ok(ada.post(f"/api/v1/releases/{release['id']}/exports/", {"format": "coco"}), 202)
    waiting = clio.get(f"/api/v1/exports/{export['id']}/download")
    assert (waiting.status_code, waiting.json()["type"]) == (409, "/problems/export_not_ready/")
    run_jobs()
    ready = ok(clio.get(f"/api/v1/exports/{export['id']}/"))
    assert ready["state"] == "ready"
    body = clio.get(f"/api/v1/exports/{export['id']}/download").getvalue()
    assert len(body) == ready["size"]
    assert body[:2] == b"PK"
    assert ok(ada.post(f"/api/v1/releases/{release['id']}/retract/", {"reason": "Wrong dogs."}))["retracted"] is True


def test_classes_keep_their_numbers_and_new_ones_follow(world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/classes/"
    body = {"classes": [{"name": "dog"}, {"name": "fox"}]}
    rows = ok(with_key(member("owner")).put(url, body))["schema"]["classes"]
    assert [(row["name"], row["number"]) for row in rows] == [("dog", 2), ("fox", 3)]


def test_a_worker_is_paused_resumed_and_removed(world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/"
    ada, worker = with_key(member("owner")), world.ids["worker_id"]
    ok(ada.post(f"{url}workers/{worker}/pause/", {"reason": "Holiday"}), 204)
    rows = {row["worker"]: row for row in ok(ada.get(f"{url}workers/"))["results"]}
    assert (rows[str(worker)]["state"], rows[str(worker)]["reason"]) == ("paused", "Holiday")
    ok(ada.post(f"{url}workers/{worker}/resume/"), 204)
    ok(ada.post(f"{url}workers/{worker}/resume/"), 204)
    ok(ada.post(f"{url}workers/{worker}/remove/"), 204)
    kinds = Event.objects.filter(data__worker=str(worker)).order_by("pk").values_list("kind", flat=True)
    assert [kind for kind in kinds if kind.startswith("worker.")][-3:] == [
        "worker.paused",
        "worker.resumed",
        "worker.removed",
    ]
    assert with_key(member("worker")).post(f"{url}hands/").status_code == 403


def test_an_image_becomes_gold_and_is_retired(world: World) -> None:
    url = f"/api/v1/projects/{world.project.public_id}/golds/"
    ada = with_key(member("owner"))
    image = factories.an_image(world.project)
    factories.a_task(world.project, image=image)
    cat = {"image": {"class": 1}, "verdict": "labels"}
    made = ok(ada.post(url, {"image": str(image.public_id), "answer": cat}), 201)
    assert (made["state"], made["accepted"][0]["image"]["class"]) == ("active", 1)
    assert ada.post(url, {"image": str(image.public_id), "answer": cat}).status_code == 409
    ok(ada.delete(f"/api/v1/golds/{made['id']}/"), 204)
    states = {row["id"]: row["state"] for row in ok(ada.get(url))["results"]}
    assert states[made["id"]] == "retired"


def test_batches_are_ordered_by_priority_within_bounds(world: World) -> None:
    ada, url = with_key(member("owner")), f"/api/v1/batches/{world.ids['batch_id']}/"
    assert ok(ada.patch(url, {"priority": 5}))["priority"] == 5
    for invalid in (1001, "high", None, 10**30):
        assert ada.patch(url, {"priority": invalid}).status_code == 400
    assert ada.patch(url, {}).status_code == 400
