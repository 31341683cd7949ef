"""A model's predictions over the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.api_fixtures import World
from tests.api.people import member, with_key
from tests.factories import a_task


@pytest.fixture
def manager(world: World) -> APIClient:
    return with_key(member("manager"), scopes=["manage"])


def send(manager: APIClient, world: World, *predictions: dict[str, Any], model: str = "owl-net") -> Any:
    body = {"model": model, "predictions": list(predictions)}
    return manager.post(f"/api/v1/projects/{world.project.public_id}/predictions/", body, format="json")


def test_equal_predictions_are_added_once(manager: APIClient, world: World) -> None:
    image = str(a_task(world.project).image.public_id)
    prediction = {"image": image, "probabilities": {"1": 0.75, "2": 0.25}}
    assert send(manager, world, prediction).json() == {"added": 1}
    assert send(manager, world, prediction).json() == {"added": 0}


def test_invalid_predictions_are_refused_with_a_message(manager: APIClient, world: World) -> None:
    image = str(a_task(world.project).image.public_id)
    for probabilities, message in (
        ({"1": 0.75}, "sum to 1"),
        ({"cat": 1.0}, "must be class numbers"),
        ({"77": 1.0}, "no class 77"),
    ):
        answer = send(manager, world, {"image": image, "probabilities": probabilities})
        assert answer.status_code in (400, 422), answer.content
        assert message in answer.content.decode()
    twice = send(manager, world, *[{"image": image, "probabilities": {"1": 1.0}}] * 2)
    assert (twice.status_code, "twice" in twice.content.decode()) == (400, True)


@pytest.mark.parametrize("name", ["9" * 5000, "01", "0", "-1", "1e0", "١"])
def test_a_class_number_must_be_canonical(manager: APIClient, world: World, name: str) -> None:
    image = str(a_task(world.project).image.public_id)
    answer = send(manager, world, {"image": image, "probabilities": {name: 1.0}})
    assert (answer.status_code, "must be class numbers" in answer.content.decode()) == (400, True)
