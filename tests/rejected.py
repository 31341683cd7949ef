"""Rejected answers of workers, to work and to gold, visible at once, and who is who in appeals."""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F

from accounts.models import Actor, Membership, Role
from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.gold.models import Gold, GoldResult
from tasks.ingest.models import Image
from tasks.review.models import RejectedAnswer
from tests import factories

WHY = "The tail is that of a dog."


def a_reviewer(name: str = "rook") -> Actor:
    actor = factories.a_user(name).actor
    Membership.objects.get_or_create(
        organisation=factories.an_organisation(), actor=actor, defaults={"role": Role.REVIEWER}
    )
    return actor


def count_reviews() -> None:
    """Verdicts are counted when a transaction commits, which that of a test never does."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def an_answered_task(project: Project, *workers: Actor, number: int = 1, image: Image | None = None) -> Task:
    task = factories.a_task(project, image=image, wanted=len(workers))
    for worker in workers:
        factories.a_credit(factories.an_answer(task, worker, factories.class_answer(number)))
    relabel(task_ids=[task.pk])
    return Task.objects.get(pk=task.pk)


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


def a_rejected_answer(
    project: Project, worker: Actor, *, reviewer: Actor | None = None, image: Image | None = None
) -> RejectedAnswer:
    """Work that the worker answered alone, and that a reviewer rejected on a day before today."""
    task = an_answered_task(project, worker, image=image)
    reject_label(reviewer=reviewer or a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY)
    count_reviews()
    show_now()
    return RejectedAnswer.objects.get(assignment__task=task)


def a_wrong_gold_answer(project: Project, worker: Actor, *, gold: Gold | None = None, number: int = 2) -> Assignment:
    """A settled wrong answer to gold, which is counted."""
    gold = gold or factories.a_gold(project)
    task = Task.objects.filter(project=project, image=gold.image).first() or factories.a_task(project, image=gold.image)
    answer = factories.an_answer(task, worker, factories.class_answer(number), counts=False)
    assert answer.assignment is not None
    Assignment.objects.filter(pk=answer.assignment.pk).update(task=None, gold=gold)
    with transaction.atomic(), connection.cursor() as cursor:  # annotations do not change otherwise
        cursor.execute("SET LOCAL session_replication_role = replica")
        Annotation.objects.filter(pk=answer.pk).update(task=None, gold=gold)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    assignment = Assignment.objects.get(pk=answer.assignment.pk)
    GoldResult.objects.create(
        project=project, gold=gold, worker=worker, assignment=assignment, correct=False, score=0, why="another class"
    )
    return assignment


def show_now() -> None:
    """As if everything had been rejected a day earlier."""
    day = timedelta(days=1)
    RejectedAnswer.objects.filter(shown_from__gt=ClockTimestamp()).update(
        shown_from=F("shown_from") - day, appeal_until=F("appeal_until") - day
    )
