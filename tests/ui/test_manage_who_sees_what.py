"""Access by role: managers see all of a project, reviewers the review, clients the releases, others nothing."""

import pytest
from django.test import Client

from accounts.models import Membership, Role
from projects.models import Project
from tests import factories

pytestmark = pytest.mark.django_db

REVIEW = ("review/", "review/changes/")
PAGES = ("", "images/", "checks/", "workers/", *REVIEW, "quality/", "what-if/", "releases/", "settings/")


def signed_in(name: str, role: str | None = None) -> Client:
    user = factories.ada().user if name == "ada" else factories.a_user(name)
    if role:
        Membership.objects.create(organisation=factories.an_organisation(), actor=user.actor, role=role)
    client = Client()
    client.force_login(user)
    return client


def open_pages(client: Client, project: Project) -> set[str]:
    answers = {page: client.get(f"/projects/{project.public_id}/{page}").status_code for page in PAGES}
    assert set(answers.values()) <= {200, 403, 404}
    return {page for page, status in answers.items() if status == 200}


def test_a_manager_sees_every_page() -> None:
    assert open_pages(signed_in("ada"), factories.a_project()) == set(PAGES)


def test_a_reviewer_sees_only_the_review() -> None:
    project = factories.a_project()
    rook = signed_in("rook", Role.REVIEWER)
    assert open_pages(rook, project) == set(REVIEW)
    listed = rook.get("/projects/").content.decode()
    assert f"/projects/{project.public_id}/review/" in listed
    assert "New project" not in listed
    assert rook.get("/projects/new/").status_code == 403


def test_a_client_sees_only_the_releases() -> None:
    project = factories.a_project()
    robin = signed_in("robin", Role.CLIENT)
    assert open_pages(robin, project) == {"releases/"}
    page = robin.get(f"/projects/{project.public_id}/releases/").content.decode()
    assert "Create release" not in page
    assert robin.post(f"/projects/{project.public_id}/releases/").status_code == 403


def test_a_worker_sees_none_of_the_pages() -> None:
    project = factories.a_project(workers=[factories.wren()])
    wren = signed_in("wren")
    assert open_pages(wren, project) == set()
    assert project.name not in wren.get("/projects/").content.decode()


def test_an_outsider_does_not_learn_that_the_project_exists() -> None:
    project = factories.a_project()
    finch = signed_in("finch")
    assert {finch.get(f"/projects/{project.public_id}/{page}").status_code for page in PAGES} == {404}


@pytest.mark.parametrize("page", ["/projects/", "/projects/new/", "/settings/"])
def test_anonymous_visitors_are_redirected_to_sign_in(page: str) -> None:
    answer = Client().get(page)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")


def test_a_reviewer_cannot_run_a_managers_actions() -> None:
    project = factories.a_project(state="draft")
    batch = factories.a_batch(project, state="draft")
    rook = signed_in("rook", Role.REVIEWER)
    address = f"/projects/{project.public_id}/"
    assert rook.post(f"{address}state/", {"step": "open"}).status_code == 403
    assert rook.post(f"{address}batches/{batch.public_id}/", {"step": "open"}).status_code == 403
    assert rook.post(f"{address}workers/invite/", {"days": 3, "max_uses": 5}).status_code == 403
    assert rook.post(f"{address}quality/again/").status_code == 403
    assert rook.post(f"{address}what-if/again/").status_code == 403
    assert Project.objects.get().state == Project.State.DRAFT


def test_batches_of_another_project_are_not_reachable_through_ones_own() -> None:
    own = factories.a_project("Own")
    foreign = factories.a_batch(factories.a_project("Foreign"), state="draft")
    answer = signed_in("ada").post(f"/projects/{own.public_id}/batches/{foreign.public_id}/", {"step": "open"})
    assert answer.status_code == 404
    foreign.refresh_from_db()
    assert foreign.state == "draft"
