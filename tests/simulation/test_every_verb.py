"""Hypothesis drives every verb against the database and a model in turn, and looks at both after each one.

`python3 manage.py test tests/simulation/test_every_verb.py --model-examples 2000` goes through more sequences. A
failure prints the shortest sequence that fails.
"""

import random
from collections.abc import Iterator

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.contextvars import bound_contextvars

from tests.seeded import seed_services
from tests.simulation.decision_rules import DecisionRules
from tests.simulation.pay_rules import PayRules
from tests.simulation.people_rules import PeopleRules
from tests.simulation.policy_rules import PolicyRules
from tests.simulation.product_faults import FAULTS
from tests.simulation.project_machine import ProjectMachine
from tests.virtual_clock import virtual_clock

pytestmark = pytest.mark.django_db

STEPS = 40
#: A fault is found in far fewer and shorter sequences: each of them has a rule that leads to where it shows.
EXAMPLES_FOR_A_FAULT, STEPS_FOR_A_FAULT = 150, 8


class EveryVerb(PolicyRules, PeopleRules, PayRules, DecisionRules):
    """All rules. A new verb is a rule in one of these, and its effect in the model."""


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The virtual clock; each example seeds the random numbers of the services. Nothing is logged."""
    seed_services(monkeypatch, random.Random(0))
    with virtual_clock() as clock, bound_contextvars(request_id="simulation"):
        monkeypatch.setattr(ProjectMachine, "clock", clock, raising=False)
        yield


def go_through(
    machine: type[ProjectMachine],
    examples: int,
    *,
    steps: int = STEPS,
    phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink),
) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
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


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_product_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model, a rule or a constraint notices it. With fewer rules, those that lead to it come sooner."""
    wrong = FAULTS[fault]
    monkeypatch.setattr(wrong.place, wrong.name, wrong.change(getattr(wrong.place, wrong.name)))
    with pytest.raises((AssertionError, IntegrityError)) as found:
        go_through(wrong.leading, EXAMPLES_FOR_A_FAULT, steps=STEPS_FOR_A_FAULT, phases=(Phase.generate,))
    assert isinstance(found.value, AssertionError) or "taken_between" in str(found.value)
    print(str(found.value).partition("\n")[0])
