"""Notices by mail, through a real mail server: once each, whatever is run twice, refused or away."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import get_connection

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.models import Job
from projects.models import Project
from tasks.notices import mail
from tasks.notices.mail import SEND, queue_mails, send_due_mails
from tasks.notices.models import Notice
from tasks.notices.services import read_notices, write_notices
from tests import factories
from tests.concurrency_helpers import together
from tests.small_smtp import small_smtp

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays & strangers", workers=[factories.wren(), factories.finch()])


def due(project: Project, *recipients: Actor, count: int = 1, start: int = 0) -> None:
    for number in range(start, start + count):
        write_notices(
            kind=Notice.Kind.QUESTION_ANSWERED,
            project=project,
            recipients=[each.pk for each in recipients or (factories.wren(),)],
            key=f"answer {number}",
            data={"question": "0b6f2c1e-4f3a-4c58-9c1d-2f1f0f7f5a11"},
        )
    Notice.objects.filter(mailed_at=None).update(mail_at=ClockTimestamp())


def waiting() -> int:
    return Notice.objects.filter(mailed_at=None, mail_at__isnull=False).count()


def free(*_: Any) -> None:
    """As if the leases of mails that failed were over."""
    Notice.objects.update(mail_lease_until=None)


def test_what_is_due_is_one_mail(project: Project, settings: Any) -> None:
    settings.ANNOTARY_BASE_URL = "https://label.example.org"
    due(project, count=25)
    with small_smtp(settings) as server:
        assert [send_due_mails(), send_due_mails()] == [1, 0]
    (message,) = server.messages
    assert (str(message["To"]), str(message["Subject"])) == ("wren@example.org", "[Annotary] 25 new notices")
    text = message.get_content()
    assert text.count("Your question in Strays & strangers was answered.") == 20
    assert "And 5 more notices: see Notices." in text
    assert "https://label.example.org/work/questions/#q-0b6f2c1e" in text
    assert "https://label.example.org/me/" in text
    assert waiting() == 0


def test_nothing_is_sent_early_or_of_what_was_read(project: Project, settings: Any) -> None:
    due(project, count=2)
    Notice.objects.filter(key="answer 0").update(mail_at=ClockTimestamp() + timedelta(minutes=1))
    read_notices(recipient=factories.wren(), ids=[Notice.objects.get(key="answer 1").public_id])
    with small_smtp(settings) as server:
        assert send_due_mails() == 0
    assert server.messages == []
    assert waiting() == 1


def test_several_senders_at_once_send_each_mail_once(project: Project, settings: Any) -> None:
    people = [factories.a_worker(f"bird{number}") for number in range(12)]
    due(project, *people, count=3)
    with small_smtp(settings) as server:
        results = together(*(send_due_mails for _ in range(6)))
    assert sum(results) == 12
    assert server.recipients() == sorted(f"bird{number}@example.org" for number in range(12))
    assert waiting() == 0


def test_a_person_whom_the_server_refuses_holds_up_nobody(project: Project, settings: Any) -> None:
    due(project, factories.wren(), factories.finch())
    with small_smtp(settings, refused=["wren@"]) as server:
        assert send_due_mails() == 1
        assert server.recipients() == ["finch@example.org"]
        assert send_due_mails() == 0, "it is tried again when the lease is over"
        free()
        server.refused = []
        assert send_due_mails() == 1
    assert server.recipients() == ["finch@example.org", "wren@example.org"]


def test_a_server_that_is_away_loses_nothing(project: Project, settings: Any) -> None:
    due(project, factories.wren(), factories.finch())
    with small_smtp(settings) as server:
        pass  # its port is closed now
    assert get_connection().port == server.port  # type: ignore[attr-defined]
    assert send_due_mails() == 0
    assert waiting() == 2
    free()
    with small_smtp(settings) as server:
        assert send_due_mails() == 2
    assert server.recipients() == ["finch@example.org", "wren@example.org"]


def test_a_sender_that_died_after_sending_sends_the_same_message_id(project: Project, settings: Any) -> None:
    due(project)
    with small_smtp(settings) as server:
        assert send_due_mails() == 1
        Notice.objects.update(mailed_at=None)
        assert send_due_mails() == 1
    assert len({str(each["Message-ID"]) for each in server.messages}) == 1


def test_what_could_not_be_sent_for_days_is_left(project: Project, settings: Any) -> None:
    due(project)
    Notice.objects.update(mail_at=ClockTimestamp() - mail.GIVEN_UP_AFTER)
    with small_smtp(settings) as server:
        assert send_due_mails() == 0
    assert (server.messages, queue_mails()) == ([], False)


def test_two_beats_queue_one_job(project: Project) -> None:
    assert not queue_mails()
    due(project)
    assert sorted(together(queue_mails, queue_mails, queue_mails)) == [False, False, True]
    assert Job.objects.filter(kind=SEND.name).count() == 1


def test_a_closed_account_gets_no_mail(project: Project, settings: Any) -> None:
    due(project)
    person = factories.wren().user
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    with small_smtp(settings) as server:
        assert send_due_mails() == 0
    assert (server.messages, waiting()) == ([], 0)
