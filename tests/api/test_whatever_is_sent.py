"""Schemathesis sends valid and invalid requests: none causes a 500, and every response matches its schema."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import ApiToken
from accounts.services import create_token
from tests.api.api_fixtures import World
from tests.api.people import member

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# Enough to trigger each kind of error once; raise it for a long run when a route is added.
EXAMPLES = 4
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def read_to_the_end(environ: Any, start_response: Any) -> list[bytes]:
    """The site as a WSGI application that closes files after sending them, like a server."""
    answer: Any = get_wsgi_application()(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


def send_everything(world: World, headers: dict[str, str]) -> int:
    """Call each operation with generated values and the real ids of the world; returns the number of calls."""
    api = schemathesis.openapi.from_wsgi("/api/v1/schema/", read_to_the_end)
    calls = 0
    for result in api.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @QUICK
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Any) -> None:
                nonlocal calls
                calls += 1
                # Generated ids are never found; with real ids the call gets as far as the caller's permissions allow.
                case.path_parameters = {
                    name: str(world.ids.get(name, value)) for name, value in (case.path_parameters or {}).items()
                }
                with transaction.atomic():
                    case.call_and_validate(headers=headers, checks=CHECKS)
                    transaction.set_rollback(True)

            call()
    return calls


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """Keep requests from closing this test's database connection, as Django's own test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.usefixtures("kept_connection")
@pytest.mark.parametrize("role", ["owner", "worker"])
def test_no_request_causes_a_server_error(world: World, role: str, settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 0, "anonymous": 0, "failed": 0}
    _, key = create_token(
        actor=member(role), organisation=world.project.organisation, name="fuzz", scopes=ApiToken.Scope.values
    )
    assert send_everything(world, {"Authorization": f"Bearer {key}"}) > 200
