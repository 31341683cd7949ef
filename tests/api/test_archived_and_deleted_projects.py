"""Projects are renamed, archived, reopened and deleted by the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.services import create_token
from kernel.errors import NotFound
from kernel.models import Job
from kernel.tickets import TicketInvalid
from projects.models import Project
from tasks.api.stream_access import access_of_key, access_of_ticket, make_ticket
from tests import factories
from tests.api.api_fixtures import World, with_rejected_answers
from tests.api.people import member, with_key
from tests.api.test_who_may_call_what import MAY, P, address, call

NAME = "Strays"
# For archived projects too. A link to join one can be revoked; workers' calls have a test of their own.
NOT_READ_ONLY = {
    P + "<project_step:step>/",
    P + "deletion/",
    P + "events/tickets/",
    "invitations/<uuid:invitation_id>/",
}
WORKERS = ("work/rejections/<", "hands/", "assignments/", P + "hands/", P + "leave/")
OF_NO_PROJECT = (
    "me/",
    "organisations/",
    "tokens/",
    "invitations/accept/",
    "invitations/apply/",
    "qualifications/",
    "attempts/",
    "attempt-items/",
    "work/qualifications/",
    "work/standing/",
    "work/questions/",
    "work/teams/",
    "work/openings/",
    "work/applications/",
    "notices/",
)


@pytest.fixture
def ada(world: World) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def world(world: World) -> World:
    return with_rejected_answers(world)


def url(project: Project, step: str = "") -> str:
    return f"/api/v1/projects/{project.public_id}/{step}"


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].split("/")[2]


def routes_of_a_project() -> list[tuple[str, str]]:
    others = {"projects/", "work/", "work/hands/", "work/rejections/", "ledger/"}
    others |= {"ledger/statement/", "ledger/statement.csv"}
    others |= {f"projects/<uuid:project_id>/instructions/{step}/" for step in ("news", "confirm")}  # of workers
    return [row for row in MAY if not row[0].startswith((*WORKERS, *OF_NO_PROJECT)) and row[0] not in others]


def test_another_name(ada: APIClient, world: World) -> None:
    assert ada.patch(url(world.project), {"name": " Stray  dogs ", "price": "0.05"}).json()["name"] == "Stray dogs"
    assert ada.get(url(world.project)).json()["price"] == "0.050000"
    assert ada.patch(url(world.project), {"name": "\u0007", "price": "0.07"}).status_code in (400, 422)
    assert ada.get(url(world.project)).json()["price"] == "0.050000"


def test_an_archived_project_is_read_only(ada: APIClient, world: World) -> None:
    assert ada.post(url(world.project, "archive/")).json()["archived_at"] is not None
    writes = [row for row in routes_of_a_project() if row[1] != "get" and row[0] not in NOT_READ_ONLY]
    assert len(writes) > 15
    for route, method in writes:
        answer = call(ada, method, address(route, world.ids), route)
        assert refusal(answer) == (409, "project_archived"), (route, method)
    for route, method in routes_of_a_project():
        if method == "get":
            assert call(ada, method, address(route, world.ids), route).status_code < 300, route


def test_the_events_of_an_archived_project_can_be_watched(ada: APIClient, world: World) -> None:
    ada.post(url(world.project, "archive/"))
    ticket = ada.post(url(world.project, "events/tickets/")).json()["ticket"]
    assert access_of_ticket(ticket=ticket, public_id=world.project.public_id).project_id == world.project.pk


def test_workers_see_an_archived_project_no_more_and_read_why(ada: APIClient, world: World) -> None:
    wren = with_key(factories.wren())
    assert [row["name"] for row in wren.get("/api/v1/work/").json()["projects"]] == [NAME]
    ada.post(url(world.project, "archive/"))
    assert wren.get("/api/v1/work/").json()["projects"] == []
    hand = f"/api/v1/hands/{world.ids['hand_id']}/"
    assert refusal(wren.get(hand)) == (410, "project_ended")
    assert refusal(wren.post(hand + "settle/")) == (410, "project_ended")
    answer = f"/api/v1/assignments/{world.ids['assignment_id']}/answer/"
    body = {"answer": factories.class_answer(1), "seconds": 1}
    assert refusal(wren.put(answer, body, headers={"Idempotency-Key": "k"})) == (410, "project_ended")


def test_archived_projects_are_on_a_list_of_their_own(ada: APIClient, world: World) -> None:
    other = factories.a_project("Owls")
    ada.post(url(world.project, "archive/"))

    def names(query: str) -> list[str]:
        return [row["name"] for row in ada.get(f"/api/v1/projects/{query}").json()["results"]]

    assert names("") == names("?archived=false") == [other.name]
    assert names("?archived=true") == [NAME]
    assert names("?archived=all") == [other.name, NAME]


@pytest.mark.parametrize(
    ("state", "archived", "after"), [("closed", False, "open"), ("open", True, "open"), ("draft", True, "draft")]
)
def test_a_closed_or_archived_project_goes_on(state: str, archived: bool, after: str, ada: APIClient) -> None:
    project = factories.a_project("Owls", state=state)
    if archived:
        assert ada.post(url(project, "archive/")).json()["state"] == ("draft" if state == "draft" else "closed")
        assert refusal(ada.post(url(project, "archive/"))) == (409, "project_archived")
        factories.some_tasks(project, 1)
        assert refusal(ada.post(url(project, "open/"))) == (409, "project_archived")
    body = ada.post(url(project, "reopen/")).json()
    assert (body["state"], body["archived_at"]) == (after, None)
    assert refusal(ada.post(url(project, "reopen/"))) == (409, "wrong_state")


def test_a_deletion_tells_what_is_lost_and_needs_the_name(ada: APIClient, world: World) -> None:
    losses = ada.get(url(world.project, "deletion/")).json()
    assert losses == {
        "name": NAME,
        "images": 9,
        "answers": 0,
        "approved_labels": 0,
        "releases": 1,
        "unpaid": "0.000000",
        "currency": "USD",
    }
    for wrong in ("", "strays", "Stray"):
        answer = ada.post(url(world.project, "deletion/"), {"confirm": wrong})
        assert answer.status_code == (422 if wrong else 400), answer.content
    assert not Project.objects.filter(deleted_at__isnull=False).exists()
    done = ada.post(url(world.project, "deletion/"), {"confirm": NAME})
    assert (done.status_code, done.json()) == (202, losses)
    row = Project.objects.get(pk=world.project.pk)
    assert row.deleted_by == member("owner")
    assert row.deleted_record == {key: value for key, value in losses.items() if key != "name"}
    assert Job.objects.filter(kind="flow.delete_project").count() == 1


def test_the_websocket_of_events_of_a_deleted_project_is_not_found(ada: APIClient, world: World) -> None:
    token, key = create_token(
        actor=member("owner"), organisation=world.project.organisation, name="reader", scopes=["read"]
    )
    ticket = make_ticket(token=token, project=world.project)
    ada.post(url(world.project, "deletion/"), {"confirm": NAME})
    with pytest.raises(NotFound):
        access_of_key(authorization=f"Bearer {key}", public_id=world.project.public_id)
    with pytest.raises(TicketInvalid):
        access_of_ticket(ticket=ticket, public_id=world.project.public_id)


def test_a_deleted_project_is_out_of_reach_at_once(ada: APIClient, world: World) -> None:
    assert ada.post(url(world.project, "deletion/"), {"confirm": NAME}).status_code == 202
    for route, method in routes_of_a_project():
        if route not in NOT_READ_ONLY or route.startswith(P):
            answer = call(ada, method, address(route, world.ids), route)
            assert answer.status_code == 404, (route, method, answer.content)
    assert ada.get("/api/v1/projects/?archived=all").json()["results"] == []
    wren = with_key(factories.wren())
    for route, method in MAY:
        if route.startswith(WORKERS):
            answer = call(wren, method, address(route, world.ids), route)
            assert answer.status_code in {400, 404, 410}, (route, method, answer.content)
    assert refusal(wren.get(f"/api/v1/hands/{world.ids['hand_id']}/")) == (410, "project_ended")
    assert Job.objects.filter(kind="flow.delete_project").count() == 1
