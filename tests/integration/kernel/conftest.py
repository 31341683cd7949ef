"""The broker, emptied before and after each test that uses it."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from kernel import relay
from tests.integration.kernel.broker import Broker


@pytest.fixture
def broker(stores: dict[str, str]) -> Iterator[Broker]:
    queue = Broker(settings.CELERY_BROKER_URL)
    queue.clear()
    relay._served.clear()  # so that a test does not depend on whose turn it was in another
    yield queue
    queue.clear()
    queue.close()
    queue.point_at(settings.CELERY_BROKER_URL)
