"""The fixtures that all other tests stand on."""

import psycopg
import pytest

from local.port import is_free

TOUCHED: set[str] = set()


@pytest.mark.parametrize("turn", [1, 2])
def test_an_empty_database_is_new_for_each_test(empty_database_url: str, turn: int) -> None:
    assert empty_database_url not in TOUCHED
    TOUCHED.add(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE mine (n int)")


def test_what_uses_a_server_is_marked(request: pytest.FixtureRequest, empty_database_url: str) -> None:
    assert request.node.get_closest_marker("server")


def test_what_uses_none_is_not(request: pytest.FixtureRequest, free_port: int) -> None:
    assert request.node.get_closest_marker("server") is None
    assert is_free(free_port)
