"""One object of every kind that the API addresses, in ada's project of stray cats and dogs."""

import io
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from PIL import Image as Pixels

from accounts.models import Block
from accounts.services import create_token, invite
from accounts.teams import add_member, create_team, set_lead
from kernel.clock import utc_now
from projects.models import Project
from storage.models import Blob
from storage.services import store_blob
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch, Task
from tasks.consensus.services import update_labels
from tasks.exports.models import Export
from tasks.gold.models import Gold
from tasks.ingest.models import Image, Import
from tasks.pay.models import LedgerEntry
from tasks.pay.payouts import run_payouts
from tasks.qualification.services import start_attempt
from tasks.questions.services import ask
from tasks.repair.change_models import ClassChange
from tasks.repair.models import Repair
from tasks.review.models import RejectedAnswer
from tasks.snapshots.models import Snapshot
from tasks.standing.models import Application
from tests import factories
from tests.api.people import MEMBERS, member
from tests.qualifications import a_qualification, an_exam_image, held
from tests.rejected import a_wrong_gold_answer


@dataclass(frozen=True)
class World:
    """`ids` are the URL parameters, by the names used in the routes."""

    project: Project
    hand: Hand
    gold: Gold
    task: Task
    ids: dict[str, Any]


def some_pixels(color: str = "teal", kind: str = "JPEG") -> bytes:
    target = io.BytesIO()
    Pixels.new("RGB", (64, 48), color).save(target, kind)
    return target.getvalue()


def a_stored_blob(content: bytes, content_type: str = "image/jpeg") -> Blob:
    return store_blob(source=io.BytesIO(content), content_type=content_type)


def a_stored_image(project: Project, color: str) -> Image:
    """An image whose files are in the storage."""
    blob = a_stored_blob(some_pixels(color))
    blobs: dict[str, Any] = {"original": blob, "release": blob, "rendition": blob, "thumb": blob}
    return factories.an_image(project, sha256=blob.sha256, width=64, height=48, **blobs)


def a_hand(project: Project, *, gold: Gold, task: Task) -> Hand:
    """A live hand of wren, with a gold image before a task."""
    now = utc_now()
    worker = member("worker")
    later = now + timedelta(hours=1)
    assert project.schema is not None
    hand = Hand.objects.create(project=project, worker=worker, size=2, created_at=now, expires_at=later)
    items: list[Gold | Task] = [gold, task]
    for position, row in enumerate(items, start=1):
        Assignment.objects.create(
            project=project,
            hand=hand,
            worker=worker,
            task=row if isinstance(row, Task) else None,
            gold=row if isinstance(row, Gold) else None,
            position=position,
            counts=isinstance(row, Task),
            schema=project.schema,
            instructions=project.instructions,
            rendition=row.image.rendition,
            width=row.image.width,
            height=row.image.height,
            price=project.price,
            leased_at=now,
            expires_at=later,
        )
    Task.objects.filter(pk=task.pk).update(taken=1)
    Batch.objects.filter(pk=task.batch_id).update(taken=1)
    return hand


def a_release(project: Project) -> Export:
    """An empty release that is ready, and its export file: an empty ZIP archive."""
    assert project.schema is not None
    snapshot = Snapshot.objects.create(
        project=project,
        number=1,
        schema=project.schema,
        created_by=project.created_by,
        state=Snapshot.State.READY,
        content_hash="0" * 64,
        ready_at=utc_now(),
    )
    zipped = a_stored_blob(b"PK\5\6" + bytes(18), "application/zip")
    return Export.objects.create(
        project=project,
        snapshot=snapshot,
        format="coco",
        state=Export.State.READY,
        blob=zipped,
        sha256=zipped.sha256,
        size=zipped.size,
        created_by=project.created_by,
    )


def a_world() -> World:
    for role in MEMBERS:
        member(role)
    owner, worker = member("owner"), member("worker")
    project = factories.a_project(answers_min=1, answers_max=1)
    factories.admitted(project, worker)
    factories.admitted(project, factories.finch())
    task = factories.a_task(project, image=a_stored_image(project, "teal"))
    gold = factories.a_gold(project, image=a_stored_image(project, "navy"))
    hand = a_hand(project, gold=gold, task=task)
    answered = factories.a_task(project, image=a_stored_image(project, "olive"), wanted=1)
    factories.an_answer(answered, factories.finch(), factories.class_answer(1))
    update_labels(task_ids=[answered.pk])
    export = a_release(project)
    batch_import = Import.objects.create(
        dataset=project.dataset, project_id=project.pk, source="files", created_by=owner
    )
    invitation, _ = invite(organisation=project.organisation, by=owner, project_id=project.pk)
    token, _ = create_token(actor=owner, organisation=project.organisation, name="ada's", scopes=["read"])
    repair = Repair.objects.create(
        project=project,
        worker=factories.a_worker("robin"),
        until=utc_now(),
        state=Repair.State.VOIDED,
        reason="Random answers.",
        created_by=owner,
        created_at=utc_now(),
    )
    assert project.schema is not None
    change = ClassChange.objects.create(
        project=project,
        kind=ClassChange.Kind.RENAME,
        state=ClassChange.State.APPLIED,
        before=project.schema,
        after=project.schema,
        reason="A clearer name.",
        created_by=owner,
        created_at=utc_now(),
    )
    block = Block.objects.create(
        organisation=project.organisation, actor=factories.a_worker("robin"), reason="A script.", created_by=owner
    )
    qualification = a_qualification(project, exam_images=1, exam=3)
    held(qualification, factories.finch())
    shown = an_exam_image(qualification, 1, use="practice", image=a_stored_image(project, "gray"))
    attempt = start_attempt(worker=worker, qualification=qualification, kind="practice")
    asked = factories.finch().assignments.get(task=answered)
    question = ask(worker=factories.finch(), assignment_id=asked.public_id, text="Is a toy a cat?")
    earned = {"kind": "correction", "amount": Decimal(3), "currency": project.currency, "cause": "a recount"}
    LedgerEntry.objects.create(project=project, worker=factories.finch(), **earned)
    run = run_payouts(organisation=project.organisation, by=owner)
    team = create_team(organisation=project.organisation, name="Harbor")
    add_member(team=team, worker=worker)
    set_lead(team=team, worker=worker)
    application = Application.objects.create(project=project, worker=factories.a_worker("dove"), created_at=utc_now())
    ids = {
        "application_id": application.public_id,
        "team_id": team.public_id,
        "qualification_id": qualification.public_id,
        "pool_image_id": shown.public_id,
        "attempt_id": attempt.public_id,
        "item_id": attempt.items.get().public_id,
        "payout_run_id": run.public_id,
        "repair_id": repair.public_id,
        "change_id": change.public_id,
        "block_id": block.public_id,
        "project_id": project.public_id,
        "organisation_id": project.organisation.public_id,
        "member_id": worker.public_id,
        "worker_id": worker.public_id,
        "import_id": batch_import.public_id,
        "image_id": task.image.public_id,
        "gold_id": gold.public_id,
        "batch_id": task.batch.public_id,
        "task_id": answered.public_id,
        "hand_id": hand.public_id,
        "assignment_id": hand.assignments.get(task=task).public_id,
        "question_id": question.public_id,
        "release_id": export.snapshot.public_id,
        "export_id": export.public_id,
        "invitation_id": invitation.public_id,
        "token_id": token.public_id,
    }
    return World(project=project, hand=hand, gold=gold, task=task, ids=ids)


def with_rejected_answers(world: World) -> World:
    """The same with a rejected answer of wren's, an appeal of finch's, and a draft of one to a check image."""
    project, reviewer, now = world.project, factories.a_user("rook").actor, utc_now()
    shown: dict[str, Any] = {
        "project": project,
        "reviewer": reviewer,
        "reason": "It is a fox.",
        "shown_from": now - timedelta(days=1),
        "appeal_until": now + timedelta(days=6),
    }
    rows = {}
    workers = (("rejected_id", member("worker"), "coral"), ("appeal_id", factories.finch(), "tan"))
    for name, worker, color in workers:
        answered = factories.a_task(project, image=a_stored_image(project, color), wanted=1)
        answer = factories.an_answer(answered, worker, factories.class_answer(1))
        assert answer.assignment is not None
        rows[name] = RejectedAnswer.objects.create(worker=worker, assignment=answer.assignment, **shown)
    appealed: dict[str, Any] = {"state": RejectedAnswer.State.APPEALED, "appealed_at": now, "statement": "It is a cat."}
    RejectedAnswer.objects.filter(pk=rows["appeal_id"].pk).update(**appealed)
    wrong = a_wrong_gold_answer(project, factories.finch(), gold=world.gold)
    rows["draft_id"] = RejectedAnswer.objects.create(
        project=project, worker=factories.finch(), assignment=wrong, state=RejectedAnswer.State.DRAFT
    )
    return replace(world, ids=world.ids | {name: row.public_id for name, row in rows.items()})
