"""Gives images to a qualification: the owner's answer is right, and the image leaves the work for good.

An image of a qualification is never work and never gold, before or after: workers see its answer in practice, and
compare exams with each other. So what they learn there tells nothing about the images that they get in sets.
"""

from django.db import transaction

from accounts.models import Actor
from kernel.events import record_event
from projects.models import Project
from projects.selectors import require_not_closed
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.flow.errors import ImageBeingLabeled
from tasks.flow.gold_images import lock_unseen, take_from_work
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.qualification.errors import QualificationImageTaken, QualificationNotInProject
from tasks.qualification.models import Qualification, QualificationImage

MAX_EXPLANATION = 1000


@transaction.atomic
def add_qualification_image(
    *, qualification: Qualification, image: Image, use: str, raw: object, explanation: str, by: Actor
) -> QualificationImage:
    """Locks the image's batch, then its task. Give an image with the owner's answer to a qualification.

    Its answer becomes its approved label, so that releases include it. Raises QualificationImageTaken for an image that
    workers have received, that is or was gold in any project, or that is in a qualification; FixRefused for an answer
    that does not match the schema; QualificationNotInProject once the project is deleted; ProjectClosed.
    """
    project = qualification.project
    if project is None:
        raise QualificationNotInProject
    require_not_closed(project_id=project.pk)
    try:
        batch, task, answer = lock_unseen(project=project, image=image, raw=raw)
    except ImageBeingLabeled as error:
        raise QualificationImageTaken from error
    _require_free(project, image)
    row = QualificationImage.objects.create(
        qualification=qualification,
        image=image,
        use=use,
        accepted=[answer.to_json()],
        tolerance={"iou": project.gold_iou},
        explanation=" ".join(explanation.split())[:MAX_EXPLANATION],
        created_by=by,
    )
    record_event(project_id=project.pk, kind="qualification.image_added", tasks=-1 if task.wanted else 0)
    take_from_work(batch=batch, task=task, answer=answer, by=by, source="qualification")
    return row


def _require_free(project: Project, image: Image) -> None:
    """Needs the lock of the image's task. Raise QualificationImageTaken unless the image was never anything else."""
    is_used = (
        QualificationImage.objects.filter(image=image).exists()
        or Gold.objects.filter(image=image).exists()
        or Assignment.objects.filter(task__image=image).exists()
    )
    if is_used:
        raise QualificationImageTaken
    # Other projects with the same images would give it to workers, as work or as gold.
    if Task.objects.filter(image=image).exclude(project=project).exists():
        raise QualificationImageTaken("Another project labels this image too. Choose one that only this project has.")
