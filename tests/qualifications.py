"""Qualifications for tests, inserted row by row, and what workers do in them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from accounts.models import Actor
from kernel.clock import utc_now
from projects.models import Project
from tasks.ingest.models import Image
from tasks.qualification.models import (
    Attempt,
    AttemptItem,
    Qualification,
    QualificationGrant,
    QualificationImage,
    Requirement,
)
from tasks.qualification.services import answer_item, finish_attempt, start_attempt
from tests import factories


def a_qualification(
    project: Project,
    name: str = "Cats and dogs",
    *,
    exam: int = 8,
    practice: int = 0,
    state: str = "open",
    **fields: Any,
) -> Qualification:
    """A qualification with this many images in its pools, cats and dogs in turn; an exam has 4 images."""
    values: dict[str, Any] = {"exam_images": 4, "practice_images": 4, "pass_mark": 0.75, "wait_hours": 0}
    row = Qualification.objects.create(
        organisation=project.organisation,
        project=project,
        name=name,
        state=state,
        created_by=factories.ada(),
        **(values | fields),
    )
    for number in range(exam):
        an_exam_image(row, number % 2 + 1)
    for number in range(practice):
        an_exam_image(row, number % 2 + 1, use="practice", explanation=f"Look at the ears of {number}.")
    return row


def an_exam_image(
    row: Qualification, number: int, *, use: str = "exam", image: Image | None = None, **fields: Any
) -> QualificationImage:
    """An image of the class with this number."""
    assert row.project is not None
    return QualificationImage.objects.create(
        qualification=row,
        image=image or factories.an_image(row.project),
        use=use,
        accepted=[factories.class_answer(number)],
        tolerance={"iou": 0.5},
        created_by=factories.ada(),
        **fields,
    )


def held(row: Qualification, worker: Actor) -> QualificationGrant:
    return QualificationGrant.objects.create(
        qualification=row, worker=worker, source="manager", granted_by=factories.ada(), granted_at=utc_now()
    )


def required(project: Project, *rows: Qualification) -> None:
    for row in rows:
        Requirement.objects.create(project=project, qualification=row, created_by=factories.ada())


def items_of(attempt: Attempt) -> list[AttemptItem]:
    return list(attempt.items.select_related("source").order_by("position"))


def class_of(item: AttemptItem) -> int:
    number: int = item.source.accepted[0]["image"]["class"]
    return number


def answer(worker: Actor, item: AttemptItem, number: int) -> AttemptItem:
    return answer_item(worker=worker, item_id=item.public_id, raw=factories.class_answer(number), seconds=2.5)


def take_exam(worker: Actor, row: Qualification, *, wrong: int = 0) -> Attempt:
    """Start, answer all images, the first `wrong` of them wrongly, and submit."""
    attempt = start_attempt(worker=worker, qualification=row, kind="exam")
    for position, item in enumerate(items_of(attempt)):
        answer(worker, item, 3 - class_of(item) if position < wrong else class_of(item))
    return finish_attempt(worker=worker, attempt_id=attempt.public_id)


def sources_of(attempt: Attempt) -> Sequence[int]:
    return [item.source_id for item in items_of(attempt)]


def over(attempt: Attempt) -> None:
    """Let the time of an exam be over since a minute."""
    Attempt.objects.filter(pk=attempt.pk).update(expires_at=utc_now() - timedelta(minutes=1))
