"""Store URLs, converted for each client."""

from annotary.settings import env


def test_a_socket_url_is_converted_for_celery_with_its_database() -> None:
    assert env.celery_broker("unix:///run/a/valkey.sock?db=3") == "redis+socket:///run/a/valkey.sock?virtual_host=3"


def test_a_url_with_a_port_is_unchanged() -> None:
    assert env.celery_broker("redis://broker:6379/1") == "redis://broker:6379/1"


def test_a_database_socket_is_in_the_query() -> None:
    result = env.database("postgresql://annotary@/annotary?host=/run/with%20space")
    assert (result["HOST"], result["NAME"], result["USER"], result["PORT"]) == (
        "/run/with space",
        "annotary",
        "annotary",
        "",
    )
