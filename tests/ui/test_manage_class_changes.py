"""A manager changes classes on the pages: choose, preview, confirm, undo."""

import re
from typing import Any

import pytest
from django.test import Client

from projects.models import Project
from tasks.flow.class_change import run_class_change
from tasks.repair.change_models import ClassChange
from tests import factories, repairs
from tests.class_changes import CAT, DOG, FOX, a_project, class_of, labeled

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(client: Client) -> Project:
    factories.ada()
    client.force_login(factories.a_user("ada"))
    return a_project()


def words(response: Any) -> str:
    html = response.content.decode().split("<body", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def url(project: Project, rest: str = "") -> str:
    return f"/projects/{project.public_id}/classes/{rest}"


def finish() -> ClassChange:
    change = ClassChange.objects.get()
    run_class_change(change_id=change.pk)
    return ClassChange.objects.get()


def test_a_merge_from_preview_to_undo(client: Client, project: Project) -> None:
    task = labeled(project, FOX, FOX, FOX)
    repairs.a_release(project)
    chosen = "change/?kind=merge&class=3&into=2"
    assert "What this does" not in words(client.get(url(project, chosen)))
    seen = words(client.get(url(project, chosen + "&preview=1")))
    for expected in (
        "Earlier answers that say fox are read as dog",
        "Release 1: 1 label",
        "Approved ones among them 1",
    ):
        assert expected in seen
    sent = {"kind": "merge", "class": "3", "into": "2", "version": "1", "reason": "They overlap."}
    made = words(client.post(url(project, "change/"), sent, follow=True))
    assert "fox became part of dog" in made
    assert "In progress" in made
    change = finish()
    assert class_of(task) == 2
    page = client.get(url(project)).content.decode()
    assert url(project, f"{change.public_id}/undo/") in page
    undo = url(project, f"{change.public_id}/undo/")
    assert "Images that become what they were 1" in words(client.get(undo))
    client.post(undo, {"reason": "A mistake."})
    assert finish().state == "restored"
    assert class_of(task) == 3


def test_a_split_shows_its_price_and_what_is_labeled_again(client: Client, project: Project) -> None:
    labeled(project, DOG, DOG, DOG)
    labeled(project, CAT, CAT, CAT)
    query = "change/?kind=split&class=2&new=hound&new=terrier&labels=ask_again&preview=1"
    seen = words(client.get(url(project, query)))
    for expected in ("Finished images to label again 1", "Answers to ask for 3", "$0.15", "dog do not count any more"):
        assert expected in seen


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("kind=merge&class=3&into=3", "must not be one of them"),
        ("kind=merge&into=3", "at least one"),
        ("kind=split&class=1&new=kitten", "at least two classes"),
        ("kind=rename&class=1&name=", "no new name"),
        ("kind=rename&class=9&name=x", "no class with the number 9"),
        ("kind=rename&class=x&name=x", "at least one"),
    ],
)
def test_what_is_wrong_is_said_above_the_form(client: Client, project: Project, query: str, problem: str) -> None:
    response = client.get(url(project, f"change/?{query}&preview=1"))
    assert response.status_code == 422
    assert problem in words(response)


def test_an_unknown_kind_leads_back(client: Client, project: Project) -> None:
    for query in ("", "?kind=dissolve", "?kind=merge%00"):
        assert client.get(url(project, f"change/{query}")).headers["Location"] == url(project)


def test_others_do_not_see_the_pages(client: Client, project: Project) -> None:
    client.force_login(factories.a_user("wren"))
    assert client.get(url(project)).status_code == 404
    assert client.post(url(project, "change/"), {"kind": "retire", "class": "1"}).status_code == 404
