from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache

from tests.api.world import World, a_world
from tests.own_storage import storage_folder

__all__ = ["storage_folder"]


@pytest.fixture(autouse=True)
def no_calls_counted() -> Iterator[None]:
    """Limits count in the cache; each test begins with none counted."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def world(db: None, storage_folder: Path) -> World:
    return a_world()
