"""Log lines: structured, with who and what on each line of a request or job, and without secrets."""

import io
import json
import logging
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from annotary import logs
from annotary.runtime.source_roots import ROOT, python_path
from kernel.errors import Refused
from kernel.events import record_event
from kernel.jobs import enqueue, run_job
from tests import factories
from tests.api.people import member, with_key
from tests.job_kinds import WORK, Work

Lines = Callable[[], list[dict[str, Any]]]
logger = structlog.get_logger("tests.logs")


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The lines logged since the test began, as production writes them."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(json=True))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def of_event(lines: list[dict[str, Any]], event: str) -> dict[str, Any]:
    found = [line for line in lines if line["event"] == event]
    assert len(found) == 1, [line["event"] for line in lines]
    return found[0]


@pytest.mark.django_db
def test_a_refused_call_is_one_line_with_request_key_project_and_problem(lines: Lines) -> None:
    project = factories.a_project()
    response = with_key(member("worker")).get(f"/api/v1/projects/{project.public_id}/workers/")
    assert response.status_code == 403
    line = of_event(lines(), "request refused")
    assert line["request_id"] == response["X-Request-ID"]
    assert (line["method"], line["status"], line["route"]) == (
        "GET",
        403,
        "/api/v1/projects/<uuid:project_id>/workers/",
    )
    assert line["project"] == str(project.public_id)
    assert line["problem"] == "forbidden"
    assert uuid.UUID(line["key"])
    assert line["level"] == "warning"
    assert "ann_" not in json.dumps(lines())


@pytest.mark.django_db
def test_a_page_s_line_names_the_signed_in_user(lines: Lines, client: Client) -> None:
    user = factories.a_user("ada")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(f"/projects/{uuid.uuid4()}/").status_code == 404
    assert of_event(lines(), "request refused")["user"] == str(user.pk)


@pytest.mark.django_db
def test_secrets_in_paths_are_not_logged(lines: Lines, client: Client) -> None:
    client.get("/join/a-secret-that-opens-a-project/")
    client.get("/account/password/reset/key/1-a-secret-of-a-mail/")
    client.get("/nowhere/a-secret-mistyped/")
    logged = json.dumps(lines())
    assert "a-secret-that-opens" not in logged
    assert "a-secret-of-a-mail" not in logged
    assert "a-secret-mistyped" not in logged
    assert logged.count("request refused") == 2


@pytest.mark.django_db
def test_an_unexpected_error_of_a_page_is_one_line_with_its_traceback_and_without_the_path(
    lines: Lines, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers_ui.views.join.find_invitation", lambda **_: 1 / 0)
    client.raise_request_exception = False
    assert client.get("/join/a-secret/").status_code == 500
    line = of_event(lines(), "Internal Server Error: /join/<str:token>/")
    assert line["level"] == "error"
    assert "ZeroDivisionError" in line["exception"]
    assert len(line["request_id"]) == 32
    assert "a-secret" not in line["event"]


@pytest.mark.django_db
def test_a_failed_sign_in_is_logged_with_the_address_and_without_the_e_mail(lines: Lines, client: Client) -> None:
    client.post("/account/login/", {"login": "wren@example.org", "password": "not it"}, REMOTE_ADDR="198.51.100.7")
    assert of_event(lines(), "sign-in refused")["address"] == "198.51.100.7"
    assert "wren@example.org" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("4f1c9c1e-from-a-proxy", True), ("short", False), ("x" * 65, False), ('breaks"the line\\n', False)],
)
def test_a_proxy_s_request_id_is_kept_if_it_is_well_formed(client: Client, sent: str, kept: bool) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": sent})
    assert (response["X-Request-ID"] == sent) is kept


def test_two_requests_have_different_ids_and_leave_nothing_behind(client: Client) -> None:
    first, second = client.get("/healthz"), client.get("/healthz")
    assert first["X-Request-ID"] != second["X-Request-ID"]
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.django_db
def test_every_line_of_a_job_names_the_job_and_its_project(lines: Lines) -> None:
    project = factories.a_project()
    job = enqueue(WORK, Work(), project_id=project.pk)
    assert job is not None

    def work(row: Any) -> None:
        logger.info("half way")
        logging.getLogger("a.library").warning("it speaks")

    run_job(job.pk, work)
    for event in ("half way", "it speaks", "job done"):
        line = of_event(lines(), event)
        assert (line["job_id"], line["job"], line["project_id"]) == (job.pk, "tests.work", project.pk)
    assert "job_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.django_db
def test_a_job_that_fails_says_why(lines: Lines) -> None:
    job = enqueue(WORK, Work())
    assert job is not None

    def work(row: Any) -> None:
        raise Refused("There is nothing to export.")

    run_job(job.pk, work)
    line = of_event(lines(), "job failed")
    assert (line["level"], line["error"]) == ("warning", "There is nothing to export.")


@pytest.mark.django_db(transaction=True)
def test_a_state_change_outside_a_request_is_one_line(lines: Lines) -> None:
    project = factories.a_project()
    record_event(project_id=project.pk, kind="worker.paused", data={"worker": "w", "reason": "Gold."})
    line = of_event(lines(), "worker.paused")
    assert (line["project_id"], line["data"]) == (project.pk, {"worker": "w", "reason": "Gold."})


@pytest.mark.django_db(transaction=True)
def test_a_state_change_within_a_request_has_no_line_of_its_own(lines: Lines) -> None:
    project = factories.a_project()
    with structlog.contextvars.bound_contextvars(request_id="r"):
        record_event(project_id=project.pk, kind="worker.paused")
    assert [line for line in lines() if line["event"] == "worker.paused"] == []


def test_lines_for_people_are_readable_and_show_tracebacks() -> None:
    program = (
        "import django, structlog; django.setup()\n"
        "logger = structlog.get_logger('x')\n"
        "logger.warning('disk nearly full', free_gb=2)\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logger.exception('job raised an error')\n"
    )
    environment = {"PYTHONPATH": python_path(), "DJANGO_SETTINGS_MODULE": "annotary.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    first, second, *traceback = done.stderr.splitlines()
    assert "[warning  ] disk nearly full" in first and "free_gb=2" in first
    assert "[error    ] job raised an error" in second
    assert traceback[-1] == "ZeroDivisionError: division by zero"
