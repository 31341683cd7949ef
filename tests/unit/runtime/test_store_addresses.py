"""One address of a store, spelled for each client."""

from annotary.settings import env


def test_a_socket_becomes_celerys_spelling_with_its_database() -> None:
    assert env.celery_broker("unix:///run/a/valkey.sock?db=3") == "redis+socket:///run/a/valkey.sock?virtual_host=3"


def test_an_address_with_a_port_stays_as_it_is() -> None:
    assert env.celery_broker("redis://broker:6379/1") == "redis://broker:6379/1"


def test_a_database_socket_stands_in_the_query() -> None:
    found = env.database("postgresql://annotary@/annotary?host=/run/with%20space")
    assert (found["HOST"], found["NAME"], found["USER"], found["PORT"]) == (
        "/run/with space",
        "annotary",
        "annotary",
        "",
    )
