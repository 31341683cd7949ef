"""No list ends in silence: each names its length, and every row of it can be reached."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiToken, Invitation, Membership, Role
from kernel.clock import utc_now
from projects.models import Project
from tasks.flow.relabel import relabel
from tasks.ingest.models import Import, ImportItem
from tests import factories
from workers_ui.views.manage import images, review, settings, workers

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


@pytest.fixture
def project() -> Project:
    return factories.a_project(answers_min=1, answers_max=1, workers=[factories.wren()])


def pages(client: Client, address: str, parameter: str = "page") -> Iterator[str]:
    """The list's pages, by following the links to the next one."""
    while True:
        body = client.get(address).content.decode()
        yield body
        following = re.search(rf'href="(\?{parameter}=[^"]*)" rel="next"', body)
        if following is None:
            return
        address = address.partition("?")[0] + unescape(following[1])


def links(project: Project | None, count: int, role: str) -> None:
    Invitation.objects.bulk_create(
        Invitation(
            organisation=factories.an_organisation(),
            project_id=project.pk if project else None,
            role=role,
            token_sha256=f"{role}{number}".ljust(64, "0"),
            max_uses=1000 + number,
            expires_at=utc_now() + timedelta(days=3),
            created_by=factories.ada(),
        )
        for number in range(count)
    )


def test_every_batch_can_be_chosen_for_review_by_its_number(ada: Client, project: Project) -> None:
    for number in range(1, 504):
        factories.a_batch(project, number=number)
    task = factories.a_task(project, batch=factories.a_batch(project, number=504))
    factories.an_answer(task, factories.wren(), factories.class_answer(1))
    relabel(task_ids=[task.pk])
    address = f"/projects/{project.public_id}/review/"

    assert 'max="504"' in ada.get(address).content.decode()
    assert str(task.public_id) in ada.get(f"{address}?number=504").content.decode()
    assert str(task.public_id) not in ada.get(f"{address}?number=503").content.decode()
    for unknown in ("505", "-1", "x", "9" * 30, "٣"):
        page = ada.get(address, {"number": unknown}).content.decode()
        assert "There is no batch" in page
        assert "from 1 to 504" in page


def test_labels_beyond_the_first_page_can_be_reviewed(
    ada: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "PRELOADED", 3)
    tasks = factories.some_tasks(project, 8)
    for task in tasks:
        factories.an_answer(task, factories.wren(), factories.class_answer(1))
    relabel(task_ids=[task.pk for task in tasks])

    shown = list(pages(ada, f"/projects/{project.public_id}/review/?list=to_review&batch={tasks[0].batch.public_id}"))

    assert "1 to 3 of 8 labels" in shown[0]
    ids = [key for page in shown for key in re.findall(r'"task": "([0-9a-f-]{36})"', page)]
    assert sorted(ids) == sorted(str(task.public_id) for task in tasks)


def test_all_imports_and_all_their_files_are_listed(
    ada: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "FILES_PER_PAGE", 4)
    values: dict[str, Any] = {"project_id": project.pk, "dataset": project.dataset, "created_by": factories.ada()}
    for number in range(10):
        row = Import.objects.create(source="files", state="done", total=100 + number, refused=9, **values)
    for number in range(9):
        ImportItem.objects.create(batch_import=row, name=f"{number}.tif", state="refused", code="x", reason="Not read.")

    shown = list(pages(ada, f"/projects/{project.public_id}/images/", "imports"))
    assert "Earlier imports (10)" in shown[0]
    assert [f">{100 + number}<" in "".join(shown) for number in range(10)] == [True] * 10
    files = list(pages(ada, f"/projects/{project.public_id}/imports/{row.public_id}/"))
    assert "1 to 4 of 9 files" in files[0]
    assert [f"{number}.tif" in "".join(files) for number in range(9)] == [True] * 9


def test_all_links_keys_and_people_are_listed(ada: Client, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((workers, "LINKS"), (settings, "LINKS"), (settings, "KEYS"), (settings, "PEOPLE")):
        monkeypatch.setattr(module, f"{name}_PER_PAGE", 2)
    links(project, 5, Role.WORKER)
    links(None, 5, Role.REVIEWER)
    for number in range(5):
        person = factories.a_worker(f"rook{number}")
        Membership.objects.create(organisation=project.organisation, actor=person, role=Role.REVIEWER)
        ApiToken.objects.create(
            actor=factories.ada(),
            organisation=project.organisation,
            name=f"key {number}.",
            prefix="x",
            token_sha256=f"{number}".ljust(64, "0"),
            scopes=["read"],
            expires_at=utc_now(),
        )

    shown = list(pages(ada, f"/projects/{project.public_id}/workers/", "links"))
    assert "1 to 2 of 5 links" in shown[0]
    assert [f"of {1000 + number:,} joined" in "".join(shown) for number in range(5)] == [True] * 5
    shown = list(pages(ada, "/settings/", "keys"))
    assert "1 to 2 of 5 keys" in shown[0]
    assert [f"key {number}." in "".join(shown) for number in range(5)] == [True] * 5
    shown = list(pages(ada, "/settings/", "team-1"))
    assert "1 to 2 of 6 people" in shown[0]
    assert [f"Rook{number}" in "".join(shown) for number in range(5)] == [True] * 5
    shown = list(pages(ada, "/settings/", "links-1"))
    assert "1 to 2 of 5 unused links" in shown[0]
    assert sum(page.count("Unused link<") for page in shown) == 5
