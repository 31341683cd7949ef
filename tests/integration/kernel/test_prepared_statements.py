"""Prepared statements on Django's connection: one at a time, many at once, and after an error."""

import pytest
from django.db import DataError, connection, transaction

from kernel.statements import run_prepared, run_prepared_many

pytestmark = pytest.mark.django_db(transaction=True)
ABOVE_ONE = "SELECT %(n)s::int WHERE %(n)s::int > 1"
INVERSE = "SELECT 1 / %(n)s::int"


def test_many_return_the_row_of_each_in_order_or_none() -> None:
    assert run_prepared_many(ABOVE_ONE, [{"n": 3}, {"n": 1}, {"n": 2}]) == [(3,), None, (2,)]
    assert run_prepared_many(ABOVE_ONE, [{"n": 1}]) == [None]
    assert run_prepared_many(ABOVE_ONE, []) == []


def test_an_error_among_many_rolls_all_back_and_leaves_the_connection_usable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (n int)")
    insert = "INSERT INTO numbers SELECT 1 / %(n)s::int RETURNING n"
    for _ in range(2):
        with pytest.raises(DataError), transaction.atomic():
            run_prepared_many(insert, [{"n": 1}, {"n": 0}, {"n": 1}])
        assert run_prepared("SELECT count(*) FROM numbers", {}) == [(0,)]
    with pytest.raises(DataError):
        run_prepared(INVERSE, {"n": 0})
    assert run_prepared(INVERSE, {"n": 1}) == [(1,)]


def test_behind_a_pooler_nothing_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert run_prepared_many(ABOVE_ONE, [{"n": 3}, {"n": 1}]) == [(3,), None]
    assert run_prepared(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement = %(sql)s", {"sql": ABOVE_ONE}
    ) == [(0,)]


def test_a_statement_is_planned_once_for_a_connection() -> None:
    sql = "SELECT public_id FROM accounts_actor WHERE id = %(actor)s"
    for actor in range(3):
        run_prepared(sql, {"actor": actor})
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE %(start)s"
    assert run_prepared(plans, {"start": "SELECT public_id FROM accounts_actor%"}) == [(3, 0)]
