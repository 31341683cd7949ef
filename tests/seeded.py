"""Random numbers of the services that a seed decides."""

import random
import sys
from types import ModuleType

import pytest

#: The name that modules of the pipeline give to what they draw from.
NAME = "_rng"


def modules_that_draw() -> list[ModuleType]:
    """The modules of the pipeline that draw random numbers, of those that have been imported."""
    modules = [module for name, module in sys.modules.items() if name.startswith("tasks.")]
    return [module for module in modules if isinstance(getattr(module, NAME, None), random.Random)]


def seed_services(monkeypatch: pytest.MonkeyPatch, numbers: random.Random) -> None:
    """Let all services draw from `numbers` until the test ends."""
    for module in modules_that_draw():
        monkeypatch.setattr(module, NAME, numbers)
