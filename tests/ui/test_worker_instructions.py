"""What workers see of a change of the instructions, and what managers see of its confirmations."""

import re
from typing import Any

import pytest
from django.test import Client

from projects.models import Project
from projects.services import write_instructions
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren(client: Client) -> Any:
    client.force_login(factories.a_user("wren"))
    return factories.wren()


def page(client: Client, url: str) -> str:
    return client.get(url, follow=True).content.decode().split("<body", 1)[1]


def text(client: Client, url: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(client, url)))


def a_changed_project(worker: Any, *, is_important: bool) -> tuple[Project, str]:
    project = factories.a_project("Strays", workers=[worker], gold_rate=0, hand_size=2)
    factories.some_tasks(project, 6)
    worker_actions.settle(worker_actions.take(worker, project))
    write_instructions(project=project, by=factories.ada(), body="Look <b> closely, twice.", is_important=is_important)
    return project, f"/work/{project.public_id}/"


def test_a_worker_reads_what_changed_confirms_it_and_takes_a_set(client: Client, wren: Any) -> None:
    _, url = a_changed_project(wren, is_important=True)
    assert "Read the instructions first" in text(client, url)
    assert "Instructions to read" in text(client, "/work/")
    assert client.post(f"{url}set/").headers["Location"] == f"{url}instructions/"
    shown = page(client, f"{url}instructions/")
    assert "<ins>" in shown
    assert "&lt;b&gt;" in shown.replace("&lt; ", "&lt;").replace(" &gt;", "&gt;")
    assert "What changed in the instructions" in shown
    assert client.post(f"{url}instructions/", {"version": "2"}).headers["Location"] == url
    assert "Read the instructions first" not in text(client, url)
    assert client.post(f"{url}set/").headers["Location"] == f"{url}set/"


def test_what_changed_again_has_to_be_read_again(client: Client, wren: Any) -> None:
    project, url = a_changed_project(wren, is_important=True)
    write_instructions(project=project, by=factories.ada(), body="Look three times.", is_important=True)
    for version in ("2", "", "two", "9" * 40):
        answer = client.post(f"{url}instructions/", {"version": version})
        assert answer.status_code == 409
        assert "have changed again" in answer.content.decode()
    assert client.post(f"{url}set/").headers["Location"] == f"{url}instructions/"


def test_a_set_in_progress_can_be_continued(client: Client, wren: Any) -> None:
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, hand_size=2)
    factories.some_tasks(project, 6)
    worker_actions.take(wren, project)
    write_instructions(project=project, by=factories.ada(), body="Look twice.", is_important=True)
    url = f"/work/{project.public_id}/"
    assert "Continue your set" in text(client, url)
    assert "Your set in progress goes on as before" in text(client, f"{url}instructions/")
    assert client.post(f"{url}set/").headers["Location"] == f"{url}set/"


def test_a_small_change_is_offered_to_read(client: Client, wren: Any) -> None:
    _, url = a_changed_project(wren, is_important=False)
    assert "See what changed since your last set" in text(client, url)
    words = text(client, f"{url}instructions/")
    assert "[new:" in words
    assert "I have read this" not in words


def test_a_manager_writes_an_important_version_and_sees_who_confirmed_it(client: Client) -> None:
    project = factories.a_project("Strays", workers=[factories.wren()])
    client.force_login(factories.a_user("ada"))
    factories.ada()
    url = f"/projects/{project.public_id}/settings/"
    answer = client.post(url, {"form": "instructions", "instructions": "Look twice.", "important": "1"}, follow=True)
    assert "0 of 1 worker confirmed version 2" in re.sub(r"\s+", " ", answer.content.decode())
    assert "What changed in version 2" in answer.content.decode()
    project.refresh_from_db()
    assert project.version_to_confirm == 2
