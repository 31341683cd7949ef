"""With an Idempotency-Key, every POST that makes something does it once, whatever it makes."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern
from rest_framework.test import APIClient

from accounts.models import ApiToken, Membership, Role
from accounts.services import invite
from kernel.clock import utc_now
from kernel.models import IdempotencyRecord
from projects.models import Project
from tasks.api.urls import urlpatterns
from tasks.consensus.label_proposals import proposals_token
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.ingest.models import Import
from tasks.pay.models import LedgerEntry
from tasks.repair.change_models import ClassChange
from tasks.review.services import fix_label
from tests import factories
from tests.api.api_fixtures import World, some_pixels, with_rejected_answers
from tests.api.documented import COMMITTED, Operation, caller_of, operations
from tests.api.people import member, with_key
from tests.concurrency_helpers import together

NEW = {"name": "Birds", "classes": [{"name": "tit"}], "tools": ["class"]}
API_DOCUMENT = COMMITTED.parent / "api.md"
RENAMED = {"kind": "rename", "classes": [1], "name": "kit"}
KEY = {"Idempotency-Key": "k"}
SECRETS = {"/api/v1/tokens/": "key", "/api/v1/projects/{project_id}/invitations/": "token"}


@pytest.fixture
def world(world: World) -> World:
    return with_rejected_answers(world)


def declared_posts() -> dict[str, Any]:
    """What each POST declares, by its path in the OpenAPI document."""
    found: dict[str, Any] = {}
    for row in urlpatterns:
        assert isinstance(row, URLPattern)
        post = getattr(row.callback.view_class, "post", None)  # type: ignore[attr-defined]  # the stubs do not know it
        if post is not None:
            path = str(row.pattern)
            for part in path.split("<")[1:]:
                kind, _, name = part.partition(">")[0].partition(":")
                path = path.replace(f"<{kind}:{name}>", f"{{{name}}}")
            found[f"/api/v1/{path}"] = post.declared
    return found


def repeatable() -> set[str]:
    return {path for path, declared in declared_posts().items() if declared.repeatable}


def bodies(world: World) -> dict[str, dict[str, Any]]:
    """A body for every POST that honors a key."""
    image = factories.an_image(world.project)
    factories.a_task(world.project, image=image)
    _, link = invite(organisation=world.project.organisation, by=member("owner"), project_id=world.project.pk)
    Import.objects.filter(public_id=world.ids["import_id"]).update(state=Import.State.WORKING)
    label = ConsensusLabel.objects.get(task__public_id=world.ids["task_id"], is_current=True)
    named = {"task": str(label.task.public_id), "label_hash": label.content_hash}
    answer = {"image": {"class": 1}, "verdict": "labels"}
    probabilities = {"image": str(image.public_id), "probabilities": {"1": 0.9, "2": 0.1}}
    project = "/api/v1/projects/{project_id}/"
    factories.an_answer(factories.a_task(world.project), member("worker"), factories.class_answer(1))
    # A label that can become a check image: one more person may see its image.
    type(world.project).objects.filter(pk=world.project.pk).update(answers_max=2)
    fixed = factories.a_task(world.project, wanted=1)
    factories.an_answer(fixed, member("worker"), factories.class_answer(1))
    update_labels(task_ids=[fixed.pk])
    seen = fixed.labels.get(is_current=True).content_hash
    fix_label(reviewer=factories.ada(), task=fixed, label_hash=seen, raw=factories.class_answer(2))
    owed = {"kind": "correction", "amount": 3, "currency": "USD", "cause": "another recount"}
    LedgerEntry.objects.create(project=world.project, worker=factories.finch(), **owed)
    waits = {**owed, "cause": "a later recount", "approved_at": utc_now() + timedelta(days=7)}
    LedgerEntry.objects.create(project=world.project, worker=factories.finch(), **waits)
    aviary = str(world.project.organisation.public_id)  # ada soon owns a second one
    return {
        "/api/v1/organisations/": {"name": "Second aviary"},
        "/api/v1/tokens/": {"name": "pipeline", "scopes": ["read"], "organisation": aviary},
        "/api/v1/invitations/accept/": {"token": link},
        "/api/v1/imports/{import_id}/resume/": {},
        "/api/v1/batches/{batch_id}/{step}/": {},
        "/api/v1/tasks/{task_id}/review/": {"label_hash": label.content_hash, "verdict": "approve"},
        "/api/v1/releases/{release_id}/exports/": {"format": "coco"},
        "/api/v1/releases/{release_id}/retract/": {"reason": "Wrong dogs."},
        "/api/v1/projects/": {**NEW, "organisation": aviary},
        f"{project}{{step}}/": {},
        f"{project}batches/open/": {},
        f"{project}class-changes/": {**RENAMED, "version": 1, "reason": "Clearer."},
        f"{project}class-changes/{{change_id}}/undo/": {"reason": "The wrong class."},
        f"{project}golds/": {"image": str(image.public_id), "answer": answer},
        f"{project}golds/promote/": {"count": 1},
        "/api/v1/organisations/{organisation_id}/skills/": {
            "csv": f"worker,skill,value\n{world.ids['worker_id']},cats,0.5\n"
        },
        "/api/v1/organisations/{organisation_id}/teams/": {"name": "Quay"},
        f"{project}people/invite/": {"csv": "email\njo@example.org\n"},
        f"{project}applications/{{application_id}}/{{step}}/": {"reason": "Welcome."},
        f"{project}qualifications/": {"name": "Birds of prey"},
        "/api/v1/qualifications/{qualification_id}/images/": {
            "image": str(factories.a_task(world.project).image.public_id),
            "use": "exam",
            "answer": answer,
        },
        f"{project}imports/": {"files": SimpleUploadedFile("a.jpg", some_pixels("red")), "paths": "a.jpg"},
        f"{project}invitations/": {"max_uses": 3},
        f"{project}predictions/": {"model": "m", "predictions": [probabilities]},
        f"{project}proposed-changes/{{step}}/": {"token": proposals_token(project=world.project)},
        f"{project}releases/": {},
        f"{project}class-checks/": {"class": 1, "labels": [named]},
        f"{project}explanations/{{draft_id}}/": {"reason": "It is a fox."},
        "/api/v1/questions/{question_id}/answers/": {"text": "No, toys are no cats.", "messages": 1},
        "/api/v1/questions/{question_id}/rule/": {"text": "Toys are no cats."},
        f"{project}reviews/": {"reviews": [{**named, "verdict": "approve"}]},
        "/api/v1/organisations/{organisation_id}/blocks/": {
            "worker": str(factories.finch().public_id),
            "reason": "A script.",
        },
        "/api/v1/organisations/{organisation_id}/payouts/": {},
        f"{project}workers/{{worker_id}}/bonuses/": {"amount": "5.00", "reason": "Careful work."},
        f"{project}early-approvals/": {"worker": str(factories.finch().public_id)},
        "/api/v1/organisations/{organisation_id}/repairs/": {
            "worker": str(factories.finch().public_id),
            "reason": "Random answers.",
        },
        f"{project}repairs/{{repair_id}}/undo/": {"reason": "The wrong worker."},
        f"{project}workers/{{worker_id}}/repairs/": {"reason": "Random answers."},
        f"{project}workers/{{worker_id}}/{{step}}/": {"reason": "Holiday"},
    }


def coco(*names: str) -> bytes:
    images = [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 10, 12]} for n in range(len(names))]
    return orjson.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]})


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def sender(operation: Operation, world: World) -> Callable[[dict[str, Any]], Any]:
    client = APIClient()
    accepting = operation.path.endswith("/accept/")
    client.force_login(member("worker" if accepting else caller_of(operation)).user)
    kind = "multipart" if operation.path.endswith("/imports/") else "json"

    def send(body: dict[str, Any]) -> Any:
        for value in body.values():
            if isinstance(value, SimpleUploadedFile):
                value.seek(0)
        return client.post(operation.url(world.ids), body, format=kind, headers=KEY)

    return send


def honoring(world: World) -> Iterator[tuple[Operation, dict[str, Any]]]:
    named = bodies(world)
    honored = {operation.path: operation for operation in operations("post") if operation.path not in repeatable()}
    assert set(honored) == set(named), "a new POST needs a body here, or a reason why it can be repeated"
    # The newest change of the classes can be undone alone, and the next one waits for that.
    for path, operation in sorted(honored.items(), key=lambda each: not each[0].endswith("{change_id}/undo/")):
        yield operation, named[path]
        if "class-changes/" in path:
            ClassChange.objects.update(state=ClassChange.State.RESTORED)


def test_every_post_honors_a_key_or_says_why_it_can_be_repeated() -> None:
    documented = {post.path: {each["name"] for each in post.body.get("parameters", [])} for post in operations("post")}
    declared = declared_posts()
    assert set(declared) == set(documented)
    for path, names in documented.items():
        assert ("Idempotency-Key" in names) == (not declared[path].repeatable), path
    assert all(len(each.repeatable.split()) > 4 for each in declared.values() if each.repeatable)
    assert len(repeatable()) == 35


def test_a_retry_makes_nothing_and_gets_the_same_bytes(world: World) -> None:
    for operation, body in honoring(world):
        send = sender(operation, world)
        first = send(body)
        assert first.status_code < 300, (operation.name, first.content)
        made = rows()
        again = send(body)
        if operation.path in SECRETS:
            problem = again.json()
            assert (again.status_code, problem["id"]) == (409, first.json()["id"]), operation.name
            assert problem["type"].endswith("/secret_shown_once/")
        else:
            assert (again.status_code, again.content) == (first.status_code, first.content), operation.name
            assert again["Idempotency-Replayed"] == "true", operation.name
            assert "Idempotency-Replayed" not in first
        assert rows() == made, operation.name


def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    for operation, body in honoring(world):
        send = sender(operation, world)
        if not body:
            continue
        assert send(body).status_code < 300, operation.name
        made = rows()
        other = {name: "other" if isinstance(value, str) else value for name, value in body.items()} | {"more": "1"}
        answer = send({"paths": "other.jpg", "files": body["files"]} if "files" in body else other)
        assert answer.status_code == 422, (operation.name, answer.content)
        assert answer.json()["type"].endswith("/idempotency_key_reused/"), operation.name
        assert rows() == made, operation.name


def test_the_documentation_names_those_that_can_be_repeated() -> None:
    text = API_DOCUMENT.read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `POST ([^`]+)` \|", text, re.MULTILINE))
    paths = {path.removeprefix("/api/v1/") for path in repeatable()}
    assert named == {re.sub(r"{\w+_id}", "{id}", path) for path in paths}


# What belongs to no project, or to a project that the URL does not name.
WITHOUT_PROJECT = {f"/api/v1/{path}/" for path in ("organisations", "tokens", "invitations/accept", "projects")}


@pytest.mark.parametrize(("role", "status"), [(None, 404), (Role.WORKER, 403)])
def test_who_has_lost_access_to_a_project_gets_no_stored_response(world: World, role: Role | None, status: int) -> None:
    membership = Membership.objects.get(actor=member("owner"), organisation=world.project.organisation)
    for operation, body in honoring(world):
        if operation.path in WITHOUT_PROJECT:
            continue
        send = sender(operation, world)
        assert send(body).status_code < 300, operation.name
        lost = Membership.objects.filter(pk=membership.pk)
        lost.update(role=role) if role else lost.delete()
        answer = send(body)
        assert (answer.status_code, "Idempotency-Replayed" in answer) == (status, False), operation.name
        lost.delete()
        membership.save(force_insert=True)
        assert send(body).status_code in ({409} if operation.path in SECRETS else {200, 201, 202, 204}), operation.name


def test_who_has_lost_access_to_what_a_call_made_gets_no_stored_response(world: World) -> None:
    """The URL names nothing that access depends on, so what was made decides."""
    seen = set()
    for operation, body in honoring(world):
        if operation.path not in WITHOUT_PROJECT:
            continue
        seen.add(operation.path)
        send = sender(operation, world)
        assert send(body).status_code < 300, operation.name
        kept = {409} if operation.path in SECRETS else {200, 201}
        assert send(body).status_code in kept, operation.name
        actor = member("worker" if operation.path.endswith("/accept/") else caller_of(operation))
        memberships = list(Membership.objects.filter(actor=actor))
        Membership.objects.filter(actor=actor).delete()
        answer = send(body)
        assert (answer.status_code, "Idempotency-Replayed" in answer) == (404, False), operation.name
        assert "id" not in answer.json(), operation.name
        Membership.objects.bulk_create(memberships)
        assert send(body).status_code in kept, operation.name
    assert seen == WITHOUT_PROJECT


def test_a_deleted_project_is_not_told_again(world: World) -> None:
    ada = with_key(member("owner"))
    made = ada.post("/api/v1/projects/", NEW, headers=KEY).json()
    deletion = f"/api/v1/projects/{made['id']}/deletion/"
    assert ada.post(deletion, {"confirm": made["name"]}).status_code == 202
    answer = ada.post("/api/v1/projects/", NEW, headers=KEY)
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (404, False)


def test_known_labels_take_no_key_and_a_retry_makes_no_more_check_images(world: World) -> None:
    boxes = factories.a_project("Boxes", tools=("box",))
    images = [factories.an_image(boxes, name=f"{n}.jpg", width=64, height=48) for n in range(2)]
    ada = with_key(member("owner"))
    url = f"/api/v1/projects/{boxes.public_id}/truth/"
    golds = []
    for _ in range(2):
        file = SimpleUploadedFile("t.json", coco(*(image.source_key for image in images)))
        answer = ada.post(url, {"file": file, "as_gold": "0.5"}, format="multipart", headers=KEY)
        assert (answer.status_code, "Idempotency-Replayed" in answer) == (200, False), answer.content
        golds.append(answer.json()["golds"])
    assert (golds, IdempotencyRecord.objects.count()) == ([1, 0], 0)


def test_without_a_key_a_call_is_done_again(world: World) -> None:
    ada = with_key(member("owner"))
    ids = {ada.post("/api/v1/projects/", NEW).json()["id"] for _ in range(2)}
    assert len(ids) == 2


def test_the_order_of_fields_does_not_matter(world: World) -> None:
    ada = with_key(member("owner"))
    first = ada.post("/api/v1/projects/", NEW, headers=KEY)
    again = ada.post("/api/v1/projects/", dict(reversed(NEW.items())), headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)


def test_a_failed_call_does_not_use_up_its_key(world: World) -> None:
    ada = with_key(member("owner"))
    assert ada.post("/api/v1/projects/", {**NEW, "tools": ["lasso"]}, headers=KEY).status_code == 422
    answer = ada.post("/api/v1/projects/", NEW, headers=KEY)
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (201, False)


def test_an_invalid_key_is_refused(world: World) -> None:
    ada = with_key(member("owner"))
    for key in ("k" * 201, ""):
        answer = ada.post("/api/v1/projects/", NEW, headers={"Idempotency-Key": key})
        assert answer.status_code == 400, answer.content


def test_secrets_are_not_stored_for_a_retry(world: World) -> None:
    ada = with_key(member("owner"))
    key = ada.post("/api/v1/tokens/", {"name": "pipeline", "scopes": ["read"]}, headers=KEY).json()["key"]
    link = ada.post(f"/api/v1/projects/{world.project.public_id}/invitations/", {}, headers=KEY).json()["token"]
    stored = str(list(IdempotencyRecord.objects.values()))
    assert IdempotencyRecord.objects.count() == 2
    assert key not in stored
    assert link not in stored


def test_a_key_of_another_organization_gets_no_response_of_this_one(world: World) -> None:
    elsewhere = factories.an_organisation("Owen's own")
    Membership.objects.create(organisation=elsewhere, actor=member("owner"), role=Role.OWNER)
    url = "/api/v1/projects/"
    first = with_key(member("owner")).post(url, NEW, headers=KEY).json()
    other = with_key(member("owner"), organisation=elsewhere).post(url, NEW, headers=KEY).json()
    assert first["organisation"] != other["organisation"]


@pytest.mark.django_db(transaction=True)
def test_two_calls_at_once_make_one_project(storage_folder: Any) -> None:
    owner = member("owner")
    clients = [with_key(owner, scopes=ApiToken.Scope.values) for _ in range(2)]
    calls = [lambda client=client: client.post("/api/v1/projects/", NEW, headers=KEY) for client in clients]
    answers = together(*calls)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert sum("Idempotency-Replayed" in answer for answer in answers) == 1
    assert Project.objects.count() == 1
