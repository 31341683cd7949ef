"""While the database is away, every address answers 503 and says when to try again, or works without it; none fails."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from tests.integration.outages.conftest import Site
from tests.integration.outages.own_database import OwnDatabase

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Parameters that are no ids; ids come from the world, or are random.
PARAMETERS = {
    "project_step:step": "pause",
    "batch_step:step": "pause",
    "worker_step:step": "pause",
    "proposal_step:step": "keep",
    "set_aside_step:step": "offer",
    "application_step:step": "accept",
    "str:token": "a-token",
    "key": "abc:def",
    "uidb36": "1",
    "str:key": "abc",
}
FORM = {
    "login": "ada@example.test",
    "email": "ada@example.test",
    "name": "Ada",
    "password": "a long password",
    "password1": "a long password",
    "password2": "a long password",
    "oldpassword": "a long password",
}
# They need no database, whoever calls: the last answers unknown addresses, and the schema is kept once it was computed.
NEED_NOTHING = {"/healthz", "/metrics", "/api/v1/schema/", "/api/v1/", "/problems/"}
# Below /api/, but a page.
DOCS = "/api/v1/docs/"


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield the route of every pattern of the site, from its URL configuration."""
    for row in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(row, URLResolver):
            yield from routes(row.url_patterns, prefix + str(row.pattern))
        elif isinstance(row, URLPattern):
            yield prefix + str(row.pattern)


def address(route: str, ids: dict[str, Any]) -> str:
    """Fill in a route; patterns that are regular expressions are in allauth and in the catch-all of the API."""
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route).replace("^", "").replace("$", "").replace("\\Z", "")

    def value(match: re.Match[str]) -> str:
        parameter = match.group(1)
        name = parameter.rpartition(":")[2]
        return str(PARAMETERS.get(parameter) or ids.get(name) or PARAMETERS.get(name) or uuid.uuid4())

    return "/" + re.sub(r"<([^>]+)>", value, route).replace(".*", "anything")


def call(client: httpx.Client, method: str, url: str) -> httpx.Response:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    if method == "GET":
        return client.get(url)
    if "imports/" in url or "truth/" in url or not url.startswith("/api/"):
        return client.request(method, url, data=FORM, headers=headers)
    return client.request(method, url, json=FORM, headers=headers)


def complaint(answer: httpx.Response) -> str:
    """Return what is wrong with a response given during an outage, or nothing."""
    path = answer.url.path
    api = path.startswith("/api/") and path != DOCS
    if answer.status_code < 500:
        return ""
    if answer.status_code != 503:
        return f"status {answer.status_code}"
    if not answer.headers.get("Retry-After", "").isdigit():
        return "no Retry-After"
    if api and answer.headers["Content-Type"] != "application/problem+json":
        return f"an API call got {answer.headers['Content-Type']}"
    if api and answer.json()["type"] != "/problems/unavailable/":
        return answer.text
    if not api and path != "/readyz" and "The database is unavailable" not in answer.text:
        return "no page that explains it"
    return ""


@pytest.fixture
def stopped(site: Site) -> Iterator[Site]:
    site.database.stop()
    yield site
    site.database.start()


def every_address(site: Site) -> list[str]:
    found = sorted({address(route, site.world.ids) for route in routes()})
    assert len(found) > 100
    return found


@pytest.mark.parametrize("who", ["anonymous", "key", "manager", "worker"])
def test_no_address_fails_while_the_server_is_stopped(stopped: Site, who: str) -> None:
    client, complaints, unavailable = stopped.callers[who], {}, 0
    for url in every_address(stopped):
        for method in METHODS:
            answer = call(client, method, url)
            unavailable += answer.status_code == 503
            wrong = complaint(answer)
            if wrong:
                complaints[method, url] = wrong
    assert complaints == {}
    assert unavailable > 0


@pytest.mark.parametrize("who", ["manager", "worker"])
def test_whoever_is_signed_in_is_told_everywhere(stopped: Site, who: str) -> None:
    pages = [url for url in every_address(stopped) if url not in NEED_NOTHING]
    told = {url: call(stopped.callers[who], "GET", url).status_code for url in pages}
    assert {url: status for url, status in told.items() if status not in {503, 405}} == {}


def test_readiness_says_so_and_when_to_ask_again(stopped: Site) -> None:
    answer = stopped.callers["anonymous"].get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.headers["Retry-After"].isdigit()


def test_the_sign_in_page_and_unknown_addresses_are_served_to_strangers(stopped: Site) -> None:
    assert stopped.callers["anonymous"].get("/account/login/").status_code == 200
    assert stopped.callers["anonymous"].get("/nowhere/").status_code == 404
    assert stopped.callers["manager"].get("/nowhere/").status_code == 503


def test_the_error_page_shows_no_user_and_no_internals(stopped: Site) -> None:
    answer = stopped.callers["manager"].get("/projects/")
    assert answer.status_code == 503
    assert "The database is unavailable. Try again shortly." in answer.text
    assert str(stopped.database.paths.data) not in answer.text
    assert "connection" not in answer.text.lower()


def kill_connections(database: OwnDatabase) -> None:
    with psycopg.connect(database.cluster.url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = 'annotary' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def test_a_new_connection_replaces_a_broken_one(site: Site) -> None:
    for who, url in (("manager", "/projects/"), ("key", "/api/v1/projects/"), ("worker", "/work/")):
        assert site.callers[who].get(url).status_code == 200
        kill_connections(site.database)
        assert site.callers[who].get(url).status_code == 200, who


def test_a_connection_that_breaks_during_a_request_is_an_outage_and_the_next_request_works(
    site: Site,
) -> None:
    """The server ends the connection between two statements of one request, as it does when it shuts down."""
    client = site.callers["manager"]
    for url in ("/projects/", "/api/v1/projects/"):
        with connection.execute_wrapper(Cut(site.database, after=1)):
            answer = client.get(url)
        assert (answer.status_code, complaint(answer)) == (503, "")
        assert client.get(url).status_code == 200


class Cut:
    """Ends the connections at the server once `after` statements have run."""

    def __init__(self, database: OwnDatabase, *, after: int) -> None:
        self.database = database
        self.left = after

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if self.left == 0:
            kill_connections(self.database)
        self.left -= 1
        return execute(sql, params, many, context)


def test_too_many_connections_are_an_outage(site: Site) -> None:
    connection.close()
    with psycopg.connect(site.database.cluster.url, autocommit=True) as admin:
        admin.execute("ALTER DATABASE annotary CONNECTION LIMIT 0")
        admin.execute("CREATE ROLE guest LOGIN IN ROLE annotary")
    connection.settings_dict["USER"] = "guest"
    try:
        answer = site.callers["manager"].get("/projects/")
        assert (answer.status_code, complaint(answer)) == (503, "")
    finally:
        connection.close()
        connection.settings_dict["USER"] = "annotary"
        with psycopg.connect(site.database.cluster.url, autocommit=True) as admin:
            admin.execute("ALTER DATABASE annotary CONNECTION LIMIT -1")
            admin.execute("DROP ROLE guest")


def test_a_statement_that_takes_too_long_is_an_outage(site: Site) -> None:
    client = site.callers["manager"]
    with psycopg.connect(site.database.cluster.url) as blocker:
        blocker.execute("LOCK TABLE projects_project IN ACCESS EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 50")
        answer = client.get("/projects/")
        assert (answer.status_code, complaint(answer)) == (503, "")
    connection.close()
    assert client.get("/projects/").status_code == 200
