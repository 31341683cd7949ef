"""Conflicts that the code expects leave no error in PostgreSQL's log, where they would hide the unexpected ones."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.errors import EmailTaken
from accounts.services import create_user, invite, use_invitation
from annotary_core.labels.answer import Answer
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.exports.services import request_export
from tasks.gold.errors import GoldExists
from tasks.gold.services import create_gold
from tasks.review.services import approve_label
from tasks.snapshots.services import build_snapshot, create_snapshot
from tasks.standing.services import admit
from tests import factories
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)
TABS = 8


class ServerLog:
    """What the temporary server logs about the connections that made these calls; other tests share the server."""

    def __init__(self, stores: dict[str, str]) -> None:
        self.file = Path(os.environ["ANNOTARY_DATA"]).parent / "logs" / "postgres.log"
        self.start = self.file.stat().st_size
        self.pids: set[int] = set()

    def together(self, call: Callable[[], Any]) -> list[Any]:
        def noted() -> Any:
            connection.ensure_connection()
            self.pids.add(connection.connection.info.backend_pid)
            return call()

        return together(*[noted] * TABS)

    def errors(self) -> list[str]:
        with self.file.open() as file:
            file.seek(self.start)
            return [line for line in file if "ERROR:" in line and any(f"[{pid}]" in line for pid in self.pids)]


@pytest.fixture
def log(stores: dict[str, str]) -> ServerLog:
    return ServerLog(stores)


def test_the_log_shows_what_is_not_expected(log: ServerLog) -> None:
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    assert len([one for one in log.together(fail) if isinstance(one, Exception)]) == TABS
    assert len(log.errors()) == TABS


def test_one_email_signs_up_in_many_tabs(log: ServerLog) -> None:
    results = log.together(lambda: create_user(email="Wren@example.org", password="a long password"))
    assert [type(one) for one in results].count(EmailTaken) == TABS - 1
    assert log.errors() == []


def test_one_person_joins_a_project_in_many_tabs(log: ServerLog) -> None:
    project, wren = factories.a_project(), factories.wren()
    _, first = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    _, second = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    tokens = [first, second] * TABS

    def join() -> Any:
        with transaction.atomic():
            use_invitation(token=tokens.pop(), actor=wren)
            return admit(project=project, worker=wren).pk

    assert len(set(log.together(join))) == 1
    assert log.errors() == []


def test_one_image_becomes_gold_in_many_tabs(log: ServerLog) -> None:
    project = factories.a_project()
    task, answer = factories.a_task(project), Answer.from_json(factories.class_answer(1))
    results = log.together(
        lambda: create_gold(project=project, task=task, accepted=[answer], source="manager", views_wanted=3)
    )
    assert [type(one) for one in results].count(GoldExists) == TABS - 1
    assert log.errors() == []


def test_one_release_is_exported_in_many_tabs(log: ServerLog) -> None:
    by, project = factories.ada(), factories.a_project(answers_min=1, answers_max=1, workers=[factories.wren()])
    task = factories.a_task(project)
    factories.an_answer(task, factories.wren(), factories.class_answer(1))
    update_labels(task_ids=[task.pk])
    approve_label(reviewer=by, task=task, label_hash=ConsensusLabel.objects.get().content_hash)
    snapshot = create_snapshot(project=project, by=by)
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    exports = log.together(lambda: request_export(snapshot=snapshot, format="coco", by=by))
    assert len({export.pk for export in exports}) == 1
    assert log.errors() == []
