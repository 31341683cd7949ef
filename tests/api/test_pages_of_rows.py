"""Lists are paginated by cursor and neither repeat nor omit a row while others are added."""

import pytest
from rest_framework.test import APIClient

from tests import factories
from tests.api.people import member, with_key


@pytest.fixture
def ada(db: None) -> APIClient:
    return with_key(member("owner"))


def test_pages_contain_every_row_once_while_rows_are_added(ada: APIClient) -> None:
    for number in range(5):
        factories.a_project(f"P{number}")
    names, url = [], "/api/v1/projects/?page_size=2"
    while url:
        body = ada.get(url).json()
        assert set(body) == {"next", "previous", "results"}
        names += [row["name"] for row in body["results"]]
        factories.a_project("Late")
        url = body["next"]
    assert names == ["P4", "P3", "P2", "P1", "P0"]


def test_previous_returns_to_the_first_page(ada: APIClient) -> None:
    for number in range(4):
        factories.a_project(f"P{number}")
    first = ada.get("/api/v1/projects/?page_size=2").json()
    second = ada.get(first["next"]).json()
    assert ada.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(("requested", "rows"), [("1", 1), ("2", 2), ("500", 3)])
def test_the_size_of_a_page_can_be_chosen(ada: APIClient, requested: str, rows: int) -> None:
    for number in range(3):
        factories.a_project(f"P{number}")
    assert len(ada.get(f"/api/v1/projects/?page_size={requested}").json()["results"]) == rows


@pytest.mark.parametrize("requested", ["0", "-1", "x", "501", "100000000000000000000", "%C2%B2"])
def test_the_size_of_a_page_is_bounded(ada: APIClient, requested: str) -> None:
    answer = ada.get(f"/api/v1/projects/?page_size={requested}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "page_size")


def test_labels_can_be_filtered_only_by_listed_fields(ada: APIClient) -> None:
    project = factories.a_project()
    url = f"/api/v1/projects/{project.public_id}/labels/"
    assert ada.get(url + "?state=approved").json()["results"] == []
    for query in ("state=%00", "state=nothing", "batch=1%27", "batch=%00"):
        answer = ada.get(f"{url}?{query}")
        assert answer.status_code == 400, query
    unknown = ada.get(url + "?task__project__organisation__name=x&ordering=-secret").json()["errors"]
    assert [each["field"] for each in unknown] == ["task__project__organisation__name", "ordering"]
