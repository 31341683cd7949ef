"""Events by number: every one once and in order, as much of each as the caller's role may read, and how to go on."""

import re
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel import events
from kernel.events import number_events, record_event
from kernel.models import Event, Ticket
from projects.models import Project
from tasks.analytics.event_stream import EVENT_KINDS
from tests import factories
from tests.api.api_fixtures import World
from tests.api.people import member, signed_in, with_key
from workers_ui.views.manage.activity import LINE_FORMATTERS

ROOT = Path(__file__).resolve().parents[2]
#: A kind of event as it is written in a module that records events, wherever it is passed on from there.
RECORDED = re.compile(r'"([a-z]{2,}\.(?:[a-z_]+|\{[a-z_.]+\}))"')
#: Names of the same form in those modules: of jobs, and of a file.
OTHERS = {
    "notices.announce_work",
    "consensus.refit",
    "consensus.update",
    "flow.change_classes",
    "flow.repair",
    "flow.settle_late_answer",
    "release.zip",
}
#: Recorded by migrations alone.
BY_MIGRATIONS = {"totals.corrected"}


@pytest.fixture
def project(db: None) -> Project:
    member("owner")
    return factories.a_project("Strays")


def happen(project: Project, *kinds: str) -> None:
    for kind in kinds:
        record_event(project_id=project.pk, kind=kind, data={"is": kind}, submitted=1, approved=1)
    number_events(project_id=project.pk)


def ask(client: APIClient, project: Project, query: str = "", status: int = 200) -> Any:
    response = client.get(f"/api/v1/projects/{project.public_id}/events/{query}")
    assert response.status_code == status, response.content
    return response.json()


def all_events(client: APIClient, project: Project, query: str = "") -> list[dict[str, Any]]:
    """Follow `next` until everything is read."""
    read: list[dict[str, Any]] = []
    after = 0
    while True:
        page = ask(client, project, f"?after={after}&page_size=3{query}")
        read += page["results"]
        if page["next"] == page["last"]:
            return read
        assert page["next"] > after
        after = page["next"]


def test_every_event_is_read_once_and_in_order(project: Project) -> None:
    client = with_key(member("owner"))
    assert ask(client, project) == {"results": [], "next": 0, "last": 0}
    happen(project, *["answer.submitted"] * 4)
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)  # not numbered yet
    assert [each["number"] for each in all_events(client, project)] == [1, 2, 3, 4]
    assert ask(client, project, "?after=4") == {"results": [], "next": 4, "last": 4}
    happen(project, "batch.opened")
    page = ask(client, project, "?after=4")
    assert [each["number"] for each in page["results"]] == [5, 6]
    assert page["results"][1].keys() == {"number", "type", "at", "data", "delta"}
    assert page["results"][1]["type"] == "batch.opened"
    assert page["results"][1]["data"] == {"is": "batch.opened"}


def test_a_filter_passes_over_other_types_and_says_how_far(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SCANNED", 5)
    client = with_key(member("owner"))
    happen(project, *["answer.submitted"] * 12, "export.ready", "answer.submitted", "snapshot.ready")
    assert ask(client, project, "?type=export.ready") == {"results": [], "next": 5, "last": 15}
    read = all_events(client, project, "&type=export.ready&type=snapshot.ready")
    assert [(each["number"], each["type"]) for each in read] == [(13, "export.ready"), (15, "snapshot.ready")]


def test_an_unknown_type_and_an_invalid_number_are_refused_by_name(project: Project) -> None:
    client = with_key(member("owner"))
    assert "Choose one of" in ask(client, project, "?type=export.redy", status=400)["detail"]
    assert ask(client, project, "?after=-1", status=400)["errors"][0]["field"] == "after"
    assert ask(client, project, "?after=1&after=2", status=400)["errors"][0]["field"] == "after"
    assert ask(client, project, "?page_size=501", status=400)["errors"][0]["field"] == "page_size"


def test_after_a_gap_the_oldest_number_is_named_and_the_totals_say_where_to_go_on(project: Project) -> None:
    client = with_key(member("owner"))
    happen(project, *["answer.submitted"] * 6)
    Event.objects.filter(number__lte=3).delete()
    for query in ("", "?after=1", "?after=2&type=export.ready"):
        problem = ask(client, project, query, status=410)
        assert (problem["type"], problem["oldest"], problem["last"]) == ("/problems/events_gone/", 4, 6)
    assert [each["number"] for each in ask(client, project, "?after=3")["results"]] == [4, 5, 6]
    totals = client.get(f"/api/v1/projects/{project.public_id}/events/totals/").json()
    assert totals == {"number": 6, "totals": {"submitted": 6, "approved": 6}}
    assert ask(client, project, f"?after={totals['number']}")["results"] == []


def test_a_number_that_the_stream_has_not_come_to_is_refused(project: Project) -> None:
    happen(project, "answer.submitted")
    problem = ask(with_key(member("owner")), project, "?after=2", status=410)
    assert problem["type"] == "/problems/events_gone/"
    assert problem["last"] == 1


def test_each_role_reads_what_it_may_read_elsewhere(project: Project) -> None:
    happen(project, *EVENT_KINDS, "something.new")
    read = {role: all_events(with_key(member(role)), project) for role in ("manager", "reviewer", "client")}
    kinds = {role: {each["type"] for each in rows} for role, rows in read.items()}
    assert kinds["manager"] == {*EVENT_KINDS, "something.new"}
    about = {role: {kind.partition(".")[0] for kind in kinds[role]} for role in kinds}
    batches = {"project", "tasks", "totals", "batch", "task", "label", "repair", "classes"}
    assert about["reviewer"] == {*batches, "appeal", "question"}
    assert about["client"] == {"project", "snapshot", "export"}
    deltas = {role: {name for each in rows for name in each["delta"]} for role, rows in read.items()}
    assert deltas == {"manager": {"submitted", "approved"}, "reviewer": {"approved"}, "client": set()}
    totals = with_key(member("reviewer")).get(f"/api/v1/projects/{project.public_id}/events/totals/").json()
    assert totals["totals"].keys() == {"approved"}


def test_a_role_cannot_ask_for_what_it_may_not_read(project: Project) -> None:
    happen(project, "hand.settled", "label.approved")
    reviewer = with_key(member("reviewer"))
    assert ask(reviewer, project, "?type=hand.settled") == {"results": [], "next": 2, "last": 2}


def test_workers_and_keys_without_the_scope_read_nothing(world: World) -> None:
    for path in ("", "totals/"):
        url = f"/api/v1/projects/{world.project.public_id}/events/{path}"
        assert with_key(member("worker")).get(url).status_code == 403
        assert with_key(member("owner"), scopes=["work"]).get(url).json()["type"] == "/problems/scope_missing/"


def test_a_ticket_is_made_by_a_key_and_is_not_stored(project: Project) -> None:
    url = f"/api/v1/projects/{project.public_id}/events/tickets/"
    made = with_key(member("client"), scopes=["read"]).post(url)
    body = made.json()
    assert made.status_code == 201
    assert body["url"] == f"ws://testserver/ws/projects/{project.public_id}/events/?ticket={body['ticket']}"
    assert body["seconds"] == 30
    assert Ticket.objects.get().secret_sha256 not in body["ticket"]
    assert with_key(member("worker")).post(url).status_code == 403
    in_browser = signed_in(member("owner"))
    in_browser.get("/api/v1/me/")
    assert in_browser.post(url).status_code == 403


def test_every_kind_that_is_recorded_is_described() -> None:
    folders = ("annotary", "platform", "tasks", "workers_ui")
    texts = [path.read_text("utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py")]
    recording = [text for text in texts if "record_event(" in text or "change_slots(" in text]
    recorded = {kind for text in recording for kind in RECORDED.findall(text)}
    assert len(recorded) > 30
    assert set(LINE_FORMATTERS) <= set(EVENT_KINDS), "what the activity shows is recorded somewhere"
    patterns = [re.compile(re.sub(r"\{[^}]*\}", "[a-z]+", kind)) for kind in sorted(recorded - OTHERS)]
    assert [each for each in patterns if not any(map(each.fullmatch, EVENT_KINDS))] == []
    in_code = EVENT_KINDS.keys() - BY_MIGRATIONS
    assert [kind for kind in in_code if not any(each.fullmatch(kind) for each in patterns)] == []
    described = (ROOT / "docs" / "api.md").read_text("utf-8")
    for kind, each in EVENT_KINDS.items():
        readers = ", ".join(sorted({"managers", *(f"{role.value}s" for role in each.readers)}))
        assert f"| `{kind}` | {each.meaning} | {readers} |" in described
