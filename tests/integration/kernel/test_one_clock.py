"""What is compared with the database's clock comes from it. The clock of a process may be hours off."""

import os
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection

from accounts.selectors import unused_invitations
from accounts.services import INVITATION_DAYS, find_invitation, invite
from kernel.clock import database_now
from kernel.events import number_events, record_event
from kernel.jobs import enqueue, resend_lost_jobs
from kernel.models import IdempotencyRecord, Job, OutboxMessage, Stream
from kernel.relay import send_messages
from storage import backends
from storage.models import Blob
from storage.services import sweep_blobs
from tasks.consensus.models import ConsensusState, Posterior
from tasks.consensus.services import update_labels
from tests import factories
from tests.integration.kernel.broker import Broker
from tests.job_kinds import WORK, Work
from tests.own_storage import storage_folder as storage_folder

pytestmark = pytest.mark.django_db
HOURS = [timedelta(hours=-30), timedelta(hours=30)]


@pytest.fixture(params=HOURS, ids=["behind", "ahead"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """The process's clock is off by hours; the database's is not."""
    off: timedelta = request.param
    for name in ("django.utils.timezone.now", "accounts.services.utc_now", "accounts.selectors.utc_now"):
        monkeypatch.setattr(name, lambda: datetime.now(tz=UTC) + off, raising=False)
    return off


def age(model: type[Any], column: str) -> float:
    """The age in seconds of the newest row, by the database's clock."""
    with connection.cursor() as cursor:
        table = model._meta.db_table
        cursor.execute(f"SELECT extract(epoch FROM clock_timestamp() - max({column})) FROM {table}")
        row = cursor.fetchone()
    assert row is not None
    return float(row[0])


@pytest.mark.usefixtures("wrong_clock")
def test_rows_are_as_old_as_the_database_says(storage_folder: object) -> None:
    enqueue(WORK, Work(), project_id=1)
    record_event(project_id=1, kind="answer.submitted", submitted=1)
    number_events(project_id=1)
    factories.a_blob()
    IdempotencyRecord.objects.create(actor_id=1, operation="o", key="k", body_sha256="0" * 64)
    ConsensusState.objects.create(project=factories.a_project(), version=1, header={}, answers=0, fingerprint="")
    columns = [
        (Job, "created_at"),
        (OutboxMessage, "created_at"),
        (Stream, "updated_at"),
        (Blob, "created_at"),
        (Blob, "touched_at"),
        (IdempotencyRecord, "created_at"),
        (ConsensusState, "created_at"),
    ]
    ages = {f"{model.__name__}.{column}": age(model, column) for model, column in columns}
    assert {name: seconds for name, seconds in ages.items() if not 0 <= seconds < 60} == {}


@pytest.mark.usefixtures("wrong_clock")
def test_a_posterior_that_is_written_again_has_the_time_of_the_last_write() -> None:
    project = factories.a_project(answers_min=1, answers_max=3, workers=[factories.wren(), factories.finch()])
    task = factories.a_task(project, wanted=3)
    for worker in (factories.wren(), factories.finch()):
        factories.an_answer(task, worker, factories.class_answer(1))
        update_labels(task_ids=[task.pk])
        assert 0 <= age(Posterior, "updated_at") < 60
        Posterior.objects.update(updated_at="2020-01-01T00:00Z")


@pytest.mark.usefixtures("wrong_clock")
def test_a_job_is_sent_once_and_sent_again_only_when_its_message_is_lost(broker: Broker) -> None:
    enqueue(WORK, Work())
    assert (send_messages(), resend_lost_jobs()) == (1, 0)
    broker.clear()
    assert resend_lost_jobs() == 0
    Job.objects.update(sent_at="2020-01-01T00:00Z")
    assert resend_lost_jobs() == 1


@pytest.mark.usefixtures("wrong_clock")
def test_a_new_blob_is_not_swept_and_an_old_one_is(storage_folder: object) -> None:
    blob = factories.a_blob()
    assert sweep_blobs()[0] == 0
    Blob.objects.filter(pk=blob.pk).update(touched_at="2020-01-01T00:00Z")
    assert sweep_blobs()[0] == 1


def test_a_file_is_as_old_as_the_storage_says(
    wrong_clock: timedelta, storage_folder: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + wrong_clock.total_seconds())
    stored = backends.put(BytesIO(b"without a row"))
    assert sweep_blobs() == (0, 0)
    path = backends.local_path(stored.key)
    assert path is not None
    os.utime(path, (real() - 7200, real() - 7200))
    assert sweep_blobs() == (0, 1)


@pytest.mark.usefixtures("wrong_clock")
def test_a_new_invitation_is_open_and_lasts_as_long_as_the_database_says() -> None:
    _, token = invite(organisation=factories.an_organisation(), by=factories.ada())
    invitation = find_invitation(token=token)
    assert list(unused_invitations(organisation=factories.an_organisation())) == [invitation]
    remaining = invitation.expires_at - database_now()
    assert timedelta(days=INVITATION_DAYS - 1) < remaining <= timedelta(days=INVITATION_DAYS)
