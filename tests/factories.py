"""Factories for tests: ada the manager, wren and finch the workers, and the objects that they work on.

Everything is inserted row by row, without the services, so that a test of one stage does not depend on another. The
counters (`wanted` and `taken` of batches, `images_count` of projects) are kept correct.
"""

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

from django.db.models import F

from accounts.models import Actor, Membership, Organisation, Role, User
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.clock import utc_now
from projects.models import Dataset, Instructions, LabelClass, LabelSchema, Project
from storage.models import Blob
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tasks.workers.models import WorkerEvidence

COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
_numbers = itertools.count(1)


def a_user(name: str) -> User:
    """Return the person with this name, created on first use; the password is the name."""
    email = f"{name}@example.org"
    return User.objects.filter(email=email).first() or User.objects.create_user(email, name, name=name.capitalize())


def ada() -> Actor:
    """Return the manager, who owns the organization."""
    actor = a_user("ada").actor
    Membership.objects.get_or_create(organisation=an_organisation(), actor=actor, defaults={"role": Role.OWNER})
    return actor


def wren() -> Actor:
    return a_user("wren").actor


def finch() -> Actor:
    return a_user("finch").actor


def a_worker(name: str) -> Actor:
    return a_user(name).actor


def an_organisation(name: str = "Aviary") -> Organisation:
    return Organisation.objects.filter(name=name).first() or Organisation.objects.create(name=name)


def a_schema_body(classes: Sequence[str] = ("cat", "dog"), tools: Sequence[str] = ("class",)) -> dict[str, Any]:
    """Return a schema body; classes are numbered from 1 in the given order."""
    rows = [{"number": n, "name": name, "color": COLORS[n % len(COLORS)]} for n, name in enumerate(classes, start=1)]
    return {"classes": rows, "tools": list(tools), "attributes": []}


def a_project(
    name: str = "Strays",
    *,
    classes: Sequence[str] = ("cat", "dog"),
    tools: Sequence[str] = ("class",),
    state: str = "open",
    workers: Sequence[Actor] = (),
    **policy: Any,
) -> Project:
    """Create an open project of ada's with schema and instructions, and admit `workers`. Policies as on the model."""
    by = ada()
    organisation = an_organisation()
    dataset = Dataset.objects.create(organisation=organisation, name=f"Images of {name}")
    project = Project.objects.create(
        organisation=organisation, dataset=dataset, name=name, state=state, created_by=by, **policy
    )
    body = a_schema_body(classes, tools)
    project.schema = LabelSchema.objects.create(project=project, version=1, body=body, created_by=by)
    project.instructions = Instructions.objects.create(project=project, version=1, body="Look closely.", created_by=by)
    project.save(update_fields=["schema", "instructions"])
    LabelClass.objects.bulk_create(LabelClass(project=project, **row) for row in body["classes"])
    for worker in workers:
        admitted(project, worker)
    return project


def admitted(project: Project, worker: Actor, *, gold: tuple[int, int] = (0, 0), **fields: Any) -> Standing:
    """Make the worker a member of the organization with an active standing in the project.

    gold: how many check images they have answered correctly, and how many not.
    """
    Membership.objects.get_or_create(organisation=project.organisation, actor=worker, defaults={"role": Role.WORKER})
    if any(gold):
        some_evidence(project, worker, correct=gold[0], incorrect=gold[1])
    return Standing.objects.create(project=project, worker=worker, **fields)


def some_evidence(
    project: Project,
    worker: Actor,
    *,
    correct: int = 0,
    incorrect: int = 0,
    source: str = WorkerEvidence.Source.GOLD,
) -> WorkerEvidence:
    """Set the worker's counts since the last reset, as if this many answers had been compared."""
    row, _ = WorkerEvidence.objects.update_or_create(
        project=project,
        worker=worker,
        source=source,
        is_current=True,
        defaults={"correct": correct, "incorrect": incorrect},
    )
    return row


def gold_seen(worker: Actor, project: Project | None = None) -> tuple[int, int]:
    """Return how many check images the worker has answered, and how many of them correctly, in one or all projects."""
    rows = WorkerEvidence.objects.filter(worker=worker, source=WorkerEvidence.Source.GOLD)
    counts = [(row.correct, row.incorrect) for row in rows if project in (None, row.project)]
    return sum(right + wrong for right, wrong in counts), sum(right for right, _ in counts)


def a_blob(content: bytes | None = None, *, content_type: str = "image/webp") -> Blob:
    """Create the row of a ready blob, without its file."""
    body = content if content is not None else f"blob {next(_numbers)}".encode()
    return Blob.objects.create(
        sha256=hashlib.sha256(body).hexdigest(), size=len(body), content_type=content_type, state=Blob.State.READY
    )


def an_image(project: Project, *, name: str | None = None, width: int = 640, height: int = 480, **fields: Any) -> Image:
    """Create an image in the project's dataset; one blob row serves as its original and all of its derivatives."""
    number = next(_numbers)
    blob = a_blob(f"image {number}".encode())
    values: dict[str, Any] = {
        "dataset": project.dataset,
        "sha256": blob.sha256,
        "source_key": name or f"photos/{number:06}.jpg",
        "width": width,
        "height": height,
        "original_width": width,
        "original_height": height,
        "original": blob,
        "release": blob,
        "rendition": blob,
        "thumb": blob,
        "perceptual_hash": number,
    }
    return Image.objects.create(**(values | fields))


def a_batch(project: Project, *, state: str = "open", **fields: Any) -> Batch:
    number = Batch.objects.filter(project=project).count() + 1
    return Batch.objects.create(**({"project": project, "number": number, "state": state} | fields))


def a_task(
    project: Project, *, image: Image | None = None, batch: Batch | None = None, wanted: int | None = None
) -> Task:
    """Create an open task in `batch`, or in the project's last batch, creating one if there is none."""
    batch = batch or Batch.objects.filter(project=project).order_by("number").last() or a_batch(project)
    slots = project.answers_min if wanted is None else wanted
    task = Task.objects.create(project=project, batch=batch, image=image or an_image(project), wanted=slots)
    Batch.objects.filter(pk=batch.pk).update(wanted=F("wanted") + slots)
    Project.objects.filter(pk=project.pk).update(images_count=F("images_count") + 1)
    return task


def some_tasks(project: Project, count: int, *, batches: int = 1, wanted: int | None = None) -> list[Task]:
    """Create `count` tasks, spread over this many new open batches."""
    new_batches = [a_batch(project) for _ in range(batches)]
    return [a_task(project, batch=new_batches[index % batches], wanted=wanted) for index in range(count)]


def a_gold(
    project: Project, *, accepted: Sequence[dict[str, Any]] | None = None, image: Image | None = None, **fields: Any
) -> Gold:
    """Create active gold; its accepted answer defaults to class 1."""
    values: dict[str, Any] = {
        "project": project,
        "image": image or an_image(project),
        "source": Gold.Source.MANAGER,
        "accepted": list(accepted) if accepted is not None else [class_answer(1)],
        "tolerance": {"iou": project.gold_iou},
    }
    return Gold.objects.create(**(values | fields))


def class_answer(number: int) -> dict[str, Any]:
    """Return the canonical body of an answer that gives the image this class."""
    return {"image": {"class": number, "tags": [], "attrs": {}}, "objects": [], "verdict": "labels"}


def box_answer(*boxes: tuple[int, float, float, float, float]) -> dict[str, Any]:
    """Return the canonical body of an answer with these boxes, each (class, x, y, w, h) in pixels; none means empty."""
    objects = [
        {"id": f"o{n}", "class": cls, "tool": "box", "geom": {"x": x, "y": y, "w": w, "h": h}, "attrs": {}}
        for n, (cls, x, y, w, h) in enumerate(boxes, start=1)
    ]
    verdict = "labels" if objects else "empty"
    return {"image": {"class": None, "tags": [], "attrs": {}}, "objects": objects, "verdict": verdict}


def an_answer(
    task: Task, worker: Actor, body: dict[str, Any], *, settled: bool = True, counts: bool = True
) -> Annotation:
    """Create the worker's submitted answer in the task's current round, in its own hand, which is settled or live."""
    now = utc_now()
    task = Task.objects.select_related("project", "image").get(pk=task.pk)
    schema_id = task.project.schema_id
    assert schema_id is not None
    hand = Hand.objects.create(
        project=task.project,
        worker=worker,
        size=1,
        state=Hand.State.SETTLED if settled else Hand.State.LIVE,
        created_at=now,
        expires_at=now,
        settled_at=now if settled else None,
    )
    assignment = Assignment.objects.create(
        project=task.project,
        hand=hand,
        worker=worker,
        task=task,
        round=task.round,
        position=1,
        state=Assignment.State.SUBMITTED,
        counts=counts,
        schema_id=schema_id,
        rendition_id=task.image.rendition_id,
        width=task.image.width,
        height=task.image.height,
        price=task.project.price,
        leased_at=now,
        expires_at=now,
        submitted_at=now,
    )
    if counts:
        Task.objects.filter(pk=task.pk).update(taken=F("taken") + 1)
        Batch.objects.filter(pk=task.batch_id).update(taken=F("taken") + 1)
    content = content_hash(Answer.from_json(body))
    return Annotation.objects.create(
        project=task.project,
        assignment=assignment,
        task=task,
        actor=worker,
        source=Annotation.Source.WORKER,
        schema_id=schema_id,
        body=body,
        body_sha256=content,
        raw_sha256=content,
        created_at=now,
    )


def a_credit(answer: Annotation) -> LedgerEntry:
    """Pay for a settled answer."""
    assignment = answer.assignment
    assert assignment is not None
    return LedgerEntry.objects.create(
        project=assignment.project,
        worker=answer.actor,
        kind=LedgerEntry.Kind.CREDIT,
        assignment=assignment,
        hand=assignment.hand,
        amount=assignment.price,
        currency=assignment.project.currency,
    )
