"""A bot that answers late, gives back or lets expire is judged like any other worker, or stopped."""

import random
from typing import Any

import pytest
from django.db import connection

from projects.models import Project
from tasks.batching.models import Task
from tasks.flow.gold_images import make_gold_image
from tasks.gold.models import Gold
from tests import factories, worker_actions
from tests.crowd import class_vote, write_answers
from tests.seeded import seed_services
from tests.simulation.gold_bots import TRICKS, Bot, class_of_image
from tests.simulation.gold_projects import CLASSES

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TASKS, GOLD = 240, 60
#: What a bot may be paid for, per account and project, before it is stopped.
MOST_PAID = 60
#: How much an honest worker is paid for until the gold is counted, and the least share of that gold.
LONG, LEAST_SHARE = 120, 0.6
GUESSING, HONEST = 1 / len(CLASSES), 0.95


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_services(monkeypatch, random.Random(7))
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.7)")


def some_projects(bot: type[Bot], *, answered: bool) -> list[Project]:
    """Projects with gold, and with images that two honest workers have answered or that are new."""
    return [a_project(number, answered=answered) for number in range(3 if bot is TRICKS["asks any project"] else 1)]


def a_project(number: int, *, answered: bool) -> Project:
    honest = [factories.a_worker(f"honest{each}") for each in range(2)]
    policy: dict[str, Any] = {"answers_min": 3, "answers_max": 3, "gold_rate": 0.2, "hand_size": 10}
    project = factories.a_project(f"Project {number}", classes=CLASSES, workers=honest, **policy)
    tasks = factories.some_tasks(project, TASKS + GOLD, batches=8)
    for task in tasks[::5]:
        answer = {"image": {"class": class_of_image(task.image_id)}, "verdict": "labels"}
        make_gold_image(project=project, image=task.image, raw=answer, by=factories.ada())
    work: dict[Task | Gold, Any] = {
        task: class_vote(class_of_image(task.image_id)) for task in tasks if task not in tasks[::5]
    }
    if answered:
        write_answers(project, dict.fromkeys(honest, work))
    return project


def work_on(bot: Bot, *, until: int) -> None:
    """Let the bot work until it is stopped, has been paid for so many answers, or finds nothing to do."""
    while not bot.is_stopped and bot.paid < until and bot.turn():
        worker_actions.run_label_jobs()


@pytest.mark.parametrize("trick", [Bot, *TRICKS.values()], ids=["works", *TRICKS])
def test_a_bot_that_guesses_is_stopped_whatever_it_does_with_its_sets(trick: type[Bot]) -> None:
    projects = some_projects(trick, answered=True)
    bot = trick(projects, GUESSING, 1)
    most = MOST_PAID * len(bot.accounts) * len(projects)
    work_on(bot, until=most + 1)
    print(f"paid for {bot.paid} answers, judged by {bot.judged} check images")
    assert bot.is_stopped, f"not stopped after {bot.paid} paid answers; judged by {bot.judged} check images"


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_whatever_it_does_with_its_sets_it_is_judged_by_as_much_gold_as_others(trick: type[Bot]) -> None:
    projects = some_projects(trick, answered=False)
    honest, bot = Bot(projects[:1], HONEST, 1), trick(projects, HONEST, 2)
    work_on(honest, until=LONG)
    work_on(bot, until=LONG)
    shares = [each.judged / each.paid for each in (honest, bot) if each.paid]
    print(f"judged by gold per paid answer: {shares}, {'paused' if bot.is_stopped else 'not paused'}")
    assert bot.is_stopped or shares[1] >= LEAST_SHARE * shares[0], (
        f"judged by {bot.judged} check images in {bot.paid} paid answers; an honest worker by {shares[0]:.2f} of them"
    )
