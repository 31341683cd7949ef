"""Registry of aggregation methods by name. A method is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from annotary_core.aggregation.base import Method
from annotary_core.aggregation.classification.blend import Blend
from annotary_core.aggregation.classification.dawid_skene import DawidSkene
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.classification.one_coin import OneCoin
from annotary_core.aggregation.classification.wawa import WeightedMajority

#: Method name -> factory that takes the seed.
METHODS: dict[str, Callable[[int], Method]] = {
    "majority": lambda seed: Majority(seed=seed),
    "weighted-majority": lambda seed: WeightedMajority(seed=seed),
    "one-coin": lambda seed: OneCoin(seed=seed),
    "dawid-skene": lambda seed: DawidSkene(seed=seed),
    "dawid-skene-map": lambda seed: DawidSkene(form="map", seed=seed),
    "blend": lambda seed: Blend(seed=seed),
}

#: The method used if none is named.
DEFAULT_METHOD = "blend"


def get_method(name: str, *, seed: int = 0) -> Method:
    """The method with this name. Raises ValueError for an unknown name."""
    if name not in METHODS:
        raise ValueError(f"There is no consensus method {name!r}; use one of: {', '.join(sorted(METHODS))}.")
    return METHODS[name](seed)
