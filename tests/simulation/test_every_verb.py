"""Hypothesis drives every verb against the database and a model in turn, and looks at both after each one.

`python3 manage.py test tests/simulation/test_every_verb.py --model-examples 2000` goes through more sequences. A
failure prints the shortest sequence that fails.
"""

from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.contextvars import bound_contextvars

from tasks.assignment import choosing, slots
from tasks.batching import services as batching_services
from tasks.pay import services as pay_services
from tests.simulation.manager_rules import ManagerRules
from tests.simulation.project_machine import ProjectMachine
from tests.simulation.worker_rules import WorkerRules
from tests.virtual_clock import virtual_clock

pytestmark = pytest.mark.django_db

STEPS = 40
#: A fault is found in far fewer sequences.
EXAMPLES_FOR_A_FAULT = 150


class EveryVerb(WorkerRules, ManagerRules):
    """All rules. A new verb is a rule in one of the two, and its effect in the model."""


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The virtual clock; each example seeds the random numbers of the services. Nothing is logged."""
    for module in (choosing, batching_services):
        monkeypatch.setattr(module, "_rng", module._rng)
    with virtual_clock() as clock, bound_contextvars(request_id="simulation"):
        monkeypatch.setattr(ProjectMachine, "clock", clock, raising=False)
        yield


def go_through(
    machine: type[ProjectMachine], examples: int, *, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)
) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
def test_every_verb_does_what_the_model_predicts(request: pytest.FixtureRequest) -> None:
    go_through(EveryVerb, request.config.getoption("--model-examples"))


Fault = Callable[[pytest.MonkeyPatch], None]


def edit(module: object, name: str, before: str, after: str) -> Fault:
    """Replace a part of a statement."""

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        statement = getattr(module, name)
        assert before in statement
        monkeypatch.setattr(module, name, statement.replace(before, after))

    return apply


FAULTS: dict[str, Fault] = {
    "a slot of a closed lease stays taken": edit(slots, "CLOSE_LEASES", "t.taken - n.places", "t.taken"),
    "a credit is twice the price": edit(pay_services, "POST_CREDITS", "a.price, p.currency", "a.price * 2, p.currency"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_product_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model, a rule or a constraint notices it. With fewer rules, the verbs of workers come sooner."""
    FAULTS[fault](monkeypatch)
    with pytest.raises((AssertionError, IntegrityError)) as found:
        go_through(WorkerRules, EXAMPLES_FOR_A_FAULT, phases=(Phase.generate,))
    assert isinstance(found.value, AssertionError) or "taken_between" in str(found.value)
