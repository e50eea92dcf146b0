"""The fixtures that all other tests stand on."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

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


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_has_the_migrations_and_is_new_for_each_test(database_url: str, turn: int) -> None:
    assert database_url not in TOUCHED
    TOUCHED.add(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('jobs')").fetchone() != (None,)
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


def test_a_database_of_a_test_file_is_not_that_of_a_test(database_url: str, module_database_url: str) -> None:
    assert module_database_url not in {database_url, *TOUCHED}


@pytest.mark.parametrize("role", ["gateway", "webhook", "worker"])
def test_a_test_can_be_a_service_in_its_own_database(
    database_url: str, service_database_url: Callable[[str], str], role: str
) -> None:
    """With the service's grants and, as in a database that was migrated itself, no right to temporary tables."""
    with psycopg.connect(service_database_url(role), autocommit=True) as connection:
        assert (connection.info.user, connection.info.dbname) == (role, database_url.rpartition("/")[2])
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
        with pytest.raises(InsufficientPrivilege):
            connection.execute("CREATE TEMP TABLE mine (n int)")
