from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache

from tasks.api import limits
from tests.api.api_fixtures import World, a_world
from tests.own_storage import storage_folder

__all__ = ["storage_folder"]


@pytest.fixture(autouse=True)
def no_calls_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test with zero counted calls: the API counts per process, sign-in in the cache."""
    monkeypatch.setattr(limits, "calls", limits.CallCounter())
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def world(db: None, storage_folder: Path) -> World:
    return a_world()
