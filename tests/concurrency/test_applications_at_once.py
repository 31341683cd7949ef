"""Two of everything about an application at once: applying, deciding, blocking; on real connections."""

from functools import partial

import pytest

from accounts.models import Actor
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.flow.applications import accept, apply, decline
from tasks.flow.revocation import block_worker
from tasks.standing.models import Application, Standing
from tests import factories
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


def a_listed_project(number: int, worker: Actor) -> Project:
    factories.a_project(f"Another {number}", workers=[worker])
    return factories.a_project(f"Listed {number}", applications="listed")


def test_two_tabs_make_one_application() -> None:
    wren = factories.wren()
    project = a_listed_project(0, wren)
    rows = together(*[partial(apply, project=project, worker=wren, note="Hello")] * 4)
    assert len({row.pk for row in rows}) == 1
    assert Application.objects.count() == 1


def test_of_two_managers_one_decides() -> None:
    for number in range(ROUNDS):
        worker = factories.a_worker(f"bird{number}")
        project = a_listed_project(number, worker)
        row, by = apply(project=project, worker=worker, note=""), factories.ada()
        results = together(
            partial(accept, application=row, by=by), partial(decline, application=row, by=by, reason="Enough.")
        )
        row.refresh_from_db()
        assert sum(isinstance(each, AnnotaryError) for each in results) == 1
        is_in = Standing.objects.filter(project=project, worker=worker).exists()
        assert is_in == (row.state == Application.State.ACCEPTED)


def test_nobody_is_accepted_who_is_blocked_at_the_same_moment() -> None:
    for number in range(ROUNDS):
        worker = factories.a_worker(f"bird{number}")
        project = a_listed_project(number, worker)
        row, by = apply(project=project, worker=worker, note=""), factories.ada()
        together(
            partial(accept, application=row, by=by),
            partial(block_worker, organisation=project.organisation, worker=worker, by=by, reason="A script."),
        )
        assert not Standing.objects.filter(project=project, worker=worker, state="active").exists()
