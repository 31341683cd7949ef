"""Hypothesis drives every verb against the database and a model in turn, and looks at both after each one.

`python3 manage.py test tests/simulation/test_every_verb.py --model-examples 2000` goes through more sequences. A
failure prints the shortest sequence that fails.
"""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.contextvars import bound_contextvars

from tasks.assignment import claiming, services, slots
from tasks.batching import services as batching_services
from tasks.flow import rejection, settlement
from tasks.gold import selectors as gold_selectors
from tasks.pay import services as pay_services
from tests.simulation.manager_rules import ManagerRules
from tests.simulation.project_machine import ProjectMachine
from tests.simulation.worker_rules import WorkerRules
from tests.virtual_clock import virtual_clock

pytestmark = pytest.mark.django_db

STEPS = 40
#: A fault is found in far fewer sequences.
EXAMPLES_FOR_A_FAULT = 60


class EveryVerb(WorkerRules, ManagerRules):
    """All rules. A new verb is a rule in one of the two, and its effect in the model."""


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The virtual clock; each example seeds the random numbers of the services. Nothing is logged."""
    for module in (services, batching_services):
        monkeypatch.setattr(module, "_rng", module._rng)
    with virtual_clock() as clock, bound_contextvars(request_id="simulation"):
        monkeypatch.setattr(ProjectMachine, "clock", clock, raising=False)
        yield


def go_through(examples: int, *, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(EveryVerb, settings=chosen)


@pytest.mark.slow
def test_every_verb_does_what_the_model_predicts(request: pytest.FixtureRequest) -> None:
    go_through(request.config.getoption("--model-examples"))


def edit(module: object, name: str, before: str, after: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace a part of a statement."""

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        statement = getattr(module, name)
        assert before in statement
        monkeypatch.setattr(module, name, statement.replace(before, after))

    return apply


def put(module: object, name: str, function: Callable[..., object]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda monkeypatch: monkeypatch.setattr(module, name, function)


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a slot reopens without a new generation": edit(slots, "CLOSE_LEASES", ", generation = b.generation + 1", ""),
    "a slot of a closed lease stays taken": edit(slots, "CLOSE_LEASES", "t.taken - n.places", "t.taken"),
    "a late answer always counts": edit(slots, "RECLAIM_SLOT", "AND round = %(round)s AND taken < wanted", ""),
    "a late answer takes a slot of the wrong round": edit(slots, "RECLAIM_SLOT", "AND round = %(round)s", ""),
    "a credit is twice the price": edit(pay_services, "POST_CREDITS", "a.price, p.currency", "a.price * 2, p.currency"),
    "a settled set is paid for what it does not have": edit(
        pay_services, "POST_CREDITS", "AND a.state = 'submitted'", "AND a.state <> 'leased'"
    ),
    "a batch is claimed from while it is paused": edit(
        claiming, "CLAIM_FROM_BATCH", "b.state = 'open' AND b.taken", "b.taken"
    ),
    "retired gold is shown": edit(gold_selectors, "UNSEEN_GOLD", "AND g.state = 'active'", ""),
    "a rejected label's answers still count": put(rejection, "_void_round", lambda task: None),
    "a finished set is not paid": put(
        settlement, "post_credits", lambda *, hand: pay_services.PostedCredits(answers=0, amount=pay_services.MICRO * 0)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_product_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises(Exception, match=r".") as found:
        go_through(EXAMPLES_FOR_A_FAULT, phases=(Phase.generate,))
    # What the model or the database noticed, not an error of the simulation itself.
    assert "in the model" in str(found.value) or "I" in str(found.value)
