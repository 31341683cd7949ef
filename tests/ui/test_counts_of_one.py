"""Pages that count one of everything say "1 worker", not "1 workers"."""

import re

import pytest
from django.test import Client

from accounts.models import Actor
from kernel.events import number_events, record_event
from projects.models import Project
from tasks.consensus.models import ConsensusLabel
from tasks.gold.models import GoldResult
from tasks.review.services import approve_label
from tests import factories
from tests.labeled import a_labeled_task, run_report_jobs

pytestmark = pytest.mark.django_db

#: Words after "1" that end in s and are no plurals.
SINGULAR = {"class", "is", "was", "has", "less", "this", "as", "process", "pass", "bus", "progress", "access", "points"}
PLURAL = re.compile(r"(?<![\d.,:/×-])\b1 ((?:(?!of|to|is|in|has|was)[a-z]+ )?)([a-z]+s)\b")
MANAGER = ("", "images/", "checks/", "workers/", "review/", "review/changes/", "quality/", "what-if/", "releases/")


def wrong_plurals(text: str) -> list[str]:
    return [found.group() for found in PLURAL.finditer(text) if found.group(2) not in SINGULAR]


def read(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    text = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.fixture
def lone() -> tuple[Project, Actor]:
    """One image with one answer of one worker, in a set of one, and one check image that the worker has answered."""
    project = factories.a_project("Strays", answers_min=1, answers_max=1, hand_size=1, batch_size=1, price="0.02")
    task = a_labeled_task(project, [factories.class_answer(1)])
    worker = factories.a_worker("bird1")
    gold = factories.a_gold(project)
    answer = task.annotations.get()
    assert answer.assignment is not None
    GoldResult.objects.create(
        project=project, gold=gold, worker=worker, assignment=answer.assignment, correct=True, score=1, why=""
    )
    factories.some_evidence(project, worker, correct=1)
    factories.a_credit(answer)
    for kind, delta in (("answer.submitted", "submitted"), ("hand.claimed", "leased"), ("hand.settled", "settled")):
        record_event(project_id=project.pk, kind=kind, data={"worker": str(worker.public_id)}, **{delta: 1})
    number_events(project_id=project.pk)
    return project, worker


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def test_pages_of_managers(lone: tuple[Project, Actor]) -> None:
    project, _ = lone
    client = client_of(factories.ada())
    task = project.tasks.get()
    addresses = [f"/projects/{project.public_id}/{page}" for page in MANAGER]
    addresses += ["/projects/", "/settings/", f"/projects/{project.public_id}/tasks/{task.public_id}/"]
    for address in addresses:
        read(client, address)
    run_report_jobs()
    assert {address: found for address in addresses if (found := wrong_plurals(read(client, address)))} == {}
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    assert {address: found for address in addresses if (found := wrong_plurals(read(client, address)))} == {}


def test_pages_of_workers(lone: tuple[Project, Actor]) -> None:
    project, worker = lone
    client = client_of(worker)
    hand = worker.hands.get()
    addresses = ["/work/", "/work/earnings/", "/me/", f"/work/{project.public_id}/"]
    addresses.append(f"/work/{project.public_id}/handed-in/{hand.public_id}/")
    assert {address: found for address in addresses if (found := wrong_plurals(read(client, address)))} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("There are 1 workers here", ["1 workers"]),
        ("and 1 check images", ["1 check images"]),
        ("0 % right of 1 answers", ["1 answers"]),
        ("21 answers, 1 class, 1 image has 2, 1 of 5 labels", []),
    ],
)
def test_what_is_looked_for(text: str, expected: list[str]) -> None:
    assert wrong_plurals(text) == expected
