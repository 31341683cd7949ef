"""Every route and method for every role. A new route without an entry here fails the test."""

from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern
from rest_framework.test import APIClient

from accounts.models import Membership, Role
from tasks.api.docs import SchemaView
from tasks.api.unknown import UnknownView
from tasks.api.urls import urlpatterns
from tests import factories
from tests.api.api_fixtures import World, with_rejected_answers
from tests.api.people import MEMBERS, member, outsider, with_key

MANAGERS = {"owner", "manager"}
REVIEWERS = MANAGERS | {"reviewer"}
CLIENTS = MANAGERS | {"client"}
READERS = REVIEWERS | CLIENTS
WORKER = {"worker"}
EVERYBODY = {*MEMBERS, "outsider"}
P = "projects/<uuid:project_id>/"
T = "organisations/<uuid:organisation_id>/teams/<uuid:team_id>/"
Q = "qualifications/<uuid:qualification_id>/"

MAY: dict[tuple[str, str], set[str]] = {
    ("me/", "get"): EVERYBODY,
    ("me/sign-out-everywhere/", "post"): EVERYBODY,
    ("notices/", "get"): EVERYBODY,
    ("notices/read/", "post"): EVERYBODY,
    ("notices/mail/", "get"): EVERYBODY,
    ("notices/mail/", "patch"): EVERYBODY,
    ("organisations/<uuid:organisation_id>/members/<uuid:member_id>/", "patch"): MANAGERS,
    ("organisations/<uuid:organisation_id>/members/<uuid:member_id>/", "delete"): MANAGERS,
    ("organisations/<uuid:organisation_id>/members/", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/repair-preview/", "post"): MANAGERS,
    ("organisations/<uuid:organisation_id>/repairs/", "post"): MANAGERS,
    ("organisations/<uuid:organisation_id>/pay/", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/pay.csv", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/payouts/", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/payouts/", "post"): MANAGERS,
    ("organisations/<uuid:organisation_id>/payouts/<uuid:payout_run_id>/", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/payouts/<uuid:payout_run_id>/file", "get"): MANAGERS,
    ("ledger/statement/", "get"): EVERYBODY,
    ("ledger/statement.csv", "get"): EVERYBODY,
    (P + "workers/<uuid:worker_id>/bonuses/", "post"): MANAGERS,
    ("organisations/<uuid:organisation_id>/blocks/", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/blocks/", "post"): MANAGERS,
    ("organisations/<uuid:organisation_id>/blocks/<uuid:block_id>/", "delete"): MANAGERS,
    ("organisations/<uuid:organisation_id>/teams/", "get"): MANAGERS,
    ("organisations/<uuid:organisation_id>/teams/", "post"): MANAGERS,
    (T, "patch"): MANAGERS,
    (T, "delete"): MANAGERS,
    (T + "members/", "get"): MANAGERS,
    (T + "members/", "post"): MANAGERS,
    (T + "members/<uuid:worker_id>/", "delete"): MANAGERS,
    ("work/teams/", "get"): EVERYBODY,
    ("work/teams/<uuid:team_id>/", "get"): WORKER,  # who leads it
    ("organisations/<uuid:organisation_id>/", "patch"): {"owner"},
    ("organisations/", "get"): EVERYBODY,
    ("organisations/", "post"): set(),  # not allowed with a key; owners may when signed in
    ("tokens/", "get"): EVERYBODY,
    ("tokens/", "post"): EVERYBODY,
    ("tokens/<uuid:token_id>/", "delete"): {"owner"},
    ("invitations/accept/", "post"): EVERYBODY,
    ("invitations/<uuid:invitation_id>/", "delete"): MANAGERS,
    ("projects/", "get"): EVERYBODY,
    ("projects/", "post"): MANAGERS | {"outsider"},  # in their own organization
    (P, "get"): READERS,
    (P, "patch"): MANAGERS,
    (P + "<project_step:step>/", "post"): MANAGERS,
    (P + "deletion/", "get"): MANAGERS,
    (P + "deletion/", "post"): MANAGERS,
    (P + "classes/", "put"): MANAGERS,
    (P + "class-changes/preview/", "post"): MANAGERS,
    (P + "class-changes/", "get"): MANAGERS,
    (P + "class-changes/", "post"): MANAGERS,
    (P + "class-changes/<uuid:change_id>/", "get"): MANAGERS,
    (P + "class-changes/<uuid:change_id>/undo-preview/", "post"): MANAGERS,
    (P + "class-changes/<uuid:change_id>/undo/", "post"): MANAGERS,
    (P + "instructions/", "put"): MANAGERS,
    (P + "instructions/news/", "get"): WORKER,
    (P + "instructions/confirm/", "post"): WORKER,
    (P + "figures/", "get"): MANAGERS,
    (P + "events/", "get"): READERS,
    (P + "events/totals/", "get"): READERS,
    (P + "events/tickets/", "post"): READERS,
    (P + "early-approvals/", "get"): MANAGERS,
    (P + "early-approvals/", "post"): MANAGERS,
    (P + "workers/", "get"): MANAGERS,
    (P + "workers/<uuid:worker_id>/<worker_step:step>/", "post"): MANAGERS,
    (P + "workers/<uuid:worker_id>/repair-preview/", "post"): MANAGERS,
    (P + "workers/<uuid:worker_id>/repairs/", "post"): MANAGERS,
    (P + "repairs/", "get"): MANAGERS,
    (P + "repairs/<uuid:repair_id>/", "get"): MANAGERS,
    (P + "repairs/<uuid:repair_id>/undo-preview/", "post"): MANAGERS,
    (P + "repairs/<uuid:repair_id>/undo/", "post"): MANAGERS,
    (P + "invitations/", "get"): MANAGERS,
    (P + "invitations/", "post"): MANAGERS,
    (P + "applications/", "get"): MANAGERS,
    (P + "applications/<uuid:application_id>/<application_step:step>/", "post"): MANAGERS,
    ("work/openings/", "get"): EVERYBODY,
    ("work/openings/<uuid:project_id>/apply/", "post"): set(),  # see test_applications_over_the_api
    ("work/applications/", "get"): EVERYBODY,
    ("work/applications/<uuid:application_id>/", "delete"): set(),  # whose it is
    ("invitations/apply/", "post"): EVERYBODY,
    (P + "people/", "get"): MANAGERS,
    (P + "people/preview/", "post"): MANAGERS,
    (P + "people/invite/", "post"): MANAGERS,
    (P + "people/leave/", "post"): MANAGERS,
    (P + "leave/", "post"): WORKER,
    (P + "imports/", "get"): MANAGERS,
    (P + "imports/", "post"): MANAGERS,
    ("imports/<uuid:import_id>/", "get"): MANAGERS,
    ("imports/<uuid:import_id>/files/", "get"): MANAGERS,
    ("imports/<uuid:import_id>/resume/", "post"): MANAGERS,
    (P + "truth/", "post"): MANAGERS,
    (P + "images/", "get"): READERS,
    ("images/<uuid:image_id>/", "get"): READERS,
    ("images/<uuid:image_id>/file/", "get"): READERS,
    (P + "golds/", "get"): MANAGERS,
    (P + "golds/", "post"): MANAGERS,
    ("golds/<uuid:gold_id>/", "delete"): MANAGERS,
    ("golds/<uuid:gold_id>/", "patch"): MANAGERS,
    ("golds/<uuid:gold_id>/answers/", "get"): MANAGERS,
    ("golds/<uuid:gold_id>/offer/", "post"): MANAGERS,
    ("golds/<uuid:gold_id>/reactivate/", "post"): MANAGERS,
    (P + "golds/promote/", "post"): MANAGERS,
    (P + "golds/supply/", "get"): MANAGERS,
    (P + "qualifications/", "get"): MANAGERS,
    (P + "qualifications/", "post"): MANAGERS,
    (P + "requirements/", "get"): MANAGERS,
    (P + "review-stages/", "get"): MANAGERS,
    (P + "review-stages/", "put"): MANAGERS,
    (P + "worker-filter/", "get"): MANAGERS,
    (P + "worker-filter/", "put"): MANAGERS,
    (P + "worker-filter/preview/", "post"): MANAGERS,
    (P + "workers/<uuid:worker_id>/skills/", "get"): MANAGERS,
    (P + "workers/<uuid:worker_id>/skills/", "put"): MANAGERS,
    ("organisations/<uuid:organisation_id>/skills/", "post"): MANAGERS,
    (P + "requirements/", "put"): MANAGERS,
    (Q, "get"): MANAGERS,
    (Q, "patch"): MANAGERS,
    (Q + "images/", "get"): MANAGERS,
    (Q + "images/", "post"): MANAGERS,
    (Q + "images/<uuid:pool_image_id>/", "delete"): MANAGERS,
    (Q + "holders/", "get"): MANAGERS,
    (Q + "holders/<uuid:worker_id>/", "put"): MANAGERS,
    (Q + "holders/<uuid:worker_id>/", "delete"): MANAGERS,
    ("work/standing/", "get"): EVERYBODY,
    ("work/qualifications/", "get"): EVERYBODY,
    ("work/qualifications/<uuid:qualification_id>/attempts/", "post"): WORKER,
    ("attempts/<uuid:attempt_id>/", "get"): WORKER,
    ("attempts/<uuid:attempt_id>/finish/", "post"): WORKER,
    ("attempt-items/<uuid:item_id>/answer/", "put"): WORKER,
    ("attempt-items/<uuid:item_id>/image", "get"): WORKER,
    (P + "batches/", "get"): REVIEWERS,
    (P + "batches/open/", "post"): MANAGERS,
    ("batches/<uuid:batch_id>/", "patch"): MANAGERS,
    ("batches/<uuid:batch_id>/<batch_step:step>/", "post"): MANAGERS,
    (P + "tasks/", "get"): REVIEWERS,
    (P + "predictions/", "post"): MANAGERS,
    ("work/", "get"): EVERYBODY,
    ("work/hands/", "post"): EVERYBODY,
    (P + "hands/", "post"): WORKER,
    ("hands/<uuid:hand_id>/", "get"): WORKER,
    ("hands/<uuid:hand_id>/settle/", "post"): WORKER,
    ("hands/<uuid:hand_id>/release/", "post"): WORKER,
    ("hands/<uuid:hand_id>/extend/", "post"): WORKER,
    ("hands/<uuid:hand_id>/answers/", "post"): WORKER,
    ("assignments/<uuid:assignment_id>/answer/", "put"): WORKER,
    ("assignments/<uuid:assignment_id>/skip/", "post"): WORKER,
    ("assignments/<uuid:assignment_id>/image", "get"): WORKER,
    ("hands/<uuid:hand_id>/questions/", "get"): WORKER,
    ("assignments/<uuid:assignment_id>/questions/", "post"): WORKER,
    ("work/questions/", "get"): EVERYBODY,
    (P + "questions/", "get"): REVIEWERS,
    ("questions/<uuid:question_id>/answers/", "post"): REVIEWERS,
    ("questions/<uuid:question_id>/close/", "post"): REVIEWERS,
    ("questions/<uuid:question_id>/rule/", "post"): MANAGERS,
    ("ledger/", "get"): EVERYBODY,
    ("work/rejections/", "get"): EVERYBODY,
    ("work/rejections/<uuid:rejected_id>/appeal/", "post"): WORKER,
    (P + "appeals/", "get"): REVIEWERS,
    (P + "class-checks/", "get"): REVIEWERS,
    (P + "class-checks/", "post"): REVIEWERS,
    ("appeals/<uuid:appeal_id>/decision/", "post"): REVIEWERS,
    (P + "explanations/", "get"): REVIEWERS,
    (P + "explanations/<uuid:draft_id>/", "post"): REVIEWERS,
    (P + "explanations/<uuid:draft_id>/", "delete"): REVIEWERS,
    (P + "labels/", "get"): REVIEWERS,
    (P + "reviews/", "post"): REVIEWERS,
    (P + "labels.jsonl", "get"): REVIEWERS,
    (P + "labels.csv", "get"): REVIEWERS,
    (P + "answers.jsonl", "get"): MANAGERS,
    (P + "answers.csv", "get"): MANAGERS,
    (P + "policy-preview/", "post"): MANAGERS,
    (P + "proposed-changes/", "get"): REVIEWERS,
    (P + "proposed-changes/<proposal_step:step>/", "post"): MANAGERS,
    (P + "set-aside/", "get"): MANAGERS,
    (P + "set-aside/<set_aside_step:step>/", "post"): MANAGERS,
    ("tasks/<uuid:task_id>/", "get"): REVIEWERS,
    ("tasks/<uuid:task_id>/evidence/", "get"): REVIEWERS,
    ("tasks/<uuid:task_id>/review/", "post"): REVIEWERS,
    (P + "releases/", "get"): CLIENTS,
    (P + "releases/", "post"): MANAGERS,
    ("releases/<uuid:release_id>/", "get"): CLIENTS,
    ("releases/<uuid:release_id>/retract/", "post"): MANAGERS,
    ("releases/<uuid:release_id>/exports/", "get"): CLIENTS,
    ("releases/<uuid:release_id>/exports/", "post"): MANAGERS,
    ("exports/<uuid:export_id>/", "get"): CLIENTS,
    ("exports/<uuid:export_id>/download", "get"): CLIENTS,
}
STEPS = {
    "project_step": "pause",
    "batch_step": "pause",
    "worker_step": "pause",
    "application_step": "accept",
    "proposal_step": "keep",
    "set_aside_step": "offer",
}
BODIES: dict[str, dict[str, Any]] = {
    "projects/": {"name": "Strays II", "classes": [{"name": "cat"}], "tools": ["class"]},
    "organisations/": {"name": "Second aviary"},
    "organisations/<uuid:organisation_id>/members/<uuid:member_id>/": {"role": "reviewer"},
}
OPEN_TO_ALL = {SchemaView, UnknownView}


@pytest.fixture
def world(world: World) -> World:
    return with_rejected_answers(world)


def served() -> set[tuple[str, str]]:
    """Every (route, method) of the API, from the URL configuration."""
    routes: set[tuple[str, str]] = set()
    for row in urlpatterns:
        assert isinstance(row, URLPattern)
        view: Any = getattr(row.callback, "view_class")  # noqa: B009 (the stubs do not know it)
        if view not in OPEN_TO_ALL:
            methods = [name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)]
            routes.update((str(row.pattern), name) for name in methods)
    return routes


def address(route: str, ids: dict[str, Any]) -> str:
    for name, value in ids.items():
        route = route.replace(f"<uuid:{name}>", str(value))
    for kind, step in STEPS.items():
        route = route.replace(f"<{kind}:step>", step)
    assert "<" not in route
    return "/api/v1/" + route


def caller(role: str) -> APIClient:
    if role == "outsider":
        return with_key(outsider(), organisation=factories.an_organisation("Owen's own"))
    return with_key(member(role))


def call(client: APIClient, method: str, url: str, route: str) -> Any:
    """The fully read response; changes are rolled back, so that the next call starts from the same world."""
    kind = "multipart" if route.endswith(("truth/", "imports/")) else "json"
    with transaction.atomic():
        body = {} if method == "delete" else BODIES.get(route, {})
        answer = getattr(client, method)(url, body, format=kind, headers={"Idempotency-Key": "k"})
        if answer.streaming:
            answer.getvalue()
        transaction.set_rollback(True)
    return answer


def test_every_route_is_in_the_table() -> None:
    assert served() == set(MAY)


@pytest.mark.parametrize("role", [*MEMBERS, "outsider"])
def test_only_permitted_roles_have_access(world: World, role: str) -> None:
    client = caller(role)
    for (route, method), allowed in MAY.items():
        answer = call(client, method, address(route, world.ids), route)
        context = (method, route, answer.status_code, "" if answer.streaming else answer.content)
        if role in allowed:
            assert answer.status_code not in {401, 403, 404, 405}, context
            assert answer.status_code < 500, context
        else:
            assert answer.status_code in {403, 404}, context
            assert answer["Content-Type"] == "application/problem+json", context
            assert world.project.name not in answer.content.decode(), context


def test_nobody_has_access_without_a_key(world: World, settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 0, "anonymous": 0, "failed": 0}
    for route, method in MAY:
        assert call(APIClient(), method, address(route, world.ids), route).status_code == 401, (method, route)


def test_outsiders_cannot_distinguish_existing_from_missing_objects(world: World) -> None:
    nowhere = dict.fromkeys(world.ids, "00000000-0000-4000-8000-000000000000")
    client = caller("outsider")
    for (route, method), allowed in MAY.items():
        if "outsider" not in allowed and "<" in route:
            existing = call(client, method, address(route, world.ids), route)
            missing = call(client, method, address(route, nowhere), route)
            assert existing.status_code == missing.status_code == 404, (method, route)
            assert existing.json() == missing.json(), (method, route)


def test_a_key_of_another_organization_has_no_access_even_for_a_member(world: World) -> None:
    elsewhere = factories.an_organisation("Owen's own")
    Membership.objects.create(organisation=elsewhere, actor=member("owner"), role=Role.OWNER)
    Membership.objects.create(organisation=elsewhere, actor=member("worker"), role=Role.WORKER)
    for role in ("owner", "worker"):
        client = with_key(member(role), organisation=elsewhere)
        for route, method in MAY:
            if "<" in route:
                answer = call(client, method, address(route, world.ids), route)
                assert answer.status_code == 404, (role, method, route)
