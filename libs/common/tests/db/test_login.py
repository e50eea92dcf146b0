"""Off loopback nobody serves whom row-level security does not bind; on real Postgres."""

from collections.abc import Callable

import psycopg
import pytest
from pydantic import SecretStr

from common.db.pool import Database, is_role_unbound
from common.errors import ConfigurationError
from common.settings import DatabaseSettings

pytestmark = pytest.mark.security

UNBOUND = r"^DATABASE_URL: its role owns the tables, is a superuser or bypasses row-level security; "


def elsewhere(url: str) -> str:
    """The same place, written so that it does not count as loopback: libpq takes the host from the query."""
    credentials, _, place = url.partition("://")[2].partition("@")
    address, _, name = place.partition("/")
    host, _, port = address.partition(":")
    return f"postgresql://{credentials}@/{name}?host={host}&port={port}"


async def look(url: str) -> bool:
    """Whether the login is bound by nothing; raises what opening the database does."""
    database = Database(DatabaseSettings(database_url=SecretStr(url)), name="test", size_max=1)
    await database.open()
    try:
        async with database.connection() as connection:
            return await is_role_unbound(connection)
    finally:
        await database.close()


@pytest.mark.parametrize("role", ["gateway", "webhook", "worker", "operator"])
async def test_a_services_own_login_may_serve_anywhere(service_database_url: Callable[[str], str], role: str) -> None:
    assert not await look(elsewhere(service_database_url(role)))


async def test_a_superuser_serves_on_loopback_only(database_url: str) -> None:
    assert await look(database_url)
    with pytest.raises(ConfigurationError, match=UNBOUND):
        await look(elsewhere(database_url))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("alter role {} bypassrls", "alter role {} nobypassrls"),
        ("alter role {} superuser", "alter role {} nosuperuser"),
        ("create role bypassing bypassrls; grant bypassing to {}", "drop role bypassing"),
        ("alter table steps owner to {}", "alter table steps owner to creatorscout"),
        (
            "create role owning; alter table jobs owner to owning; grant owning to {}",
            "reassign owned by owning to creatorscout; revoke owning from {}; drop role owning",
        ),
    ],
    ids=["bypasses", "superuser", "member of who bypasses", "owns", "member of who owns"],
)
async def test_who_is_not_bound_does_not_serve_elsewhere(database_url: str, given: str, taken: str) -> None:
    """A role of its own, so that nobody else's tests meet it."""
    name = "unbound"
    url = database_url.replace(database_url.partition("://")[2].partition("@")[0], f"{name}:known")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create role {name} login password 'known' in role creatorscout_gateway".encode())
        try:
            connection.execute(given.format(name).encode())
            with pytest.raises(ConfigurationError, match=UNBOUND):
                await look(elsewhere(url))
            assert await look(url)
        finally:
            connection.execute(taken.format(name).encode())
            connection.execute(f"drop role {name}".encode())
