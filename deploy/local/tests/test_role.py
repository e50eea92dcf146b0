"""The services' roles on an embedded Postgres."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.postgres import DATABASE, Postgres
from local.role import SERVICE_ROLES, make_service_roles

pytestmark = pytest.mark.server

RIGHTS = """select rolcanlogin, rolinherit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
            from pg_roles where rolname = %s"""
GROUPS = """select g.rolname from pg_auth_members m join pg_roles r on r.oid = m.member
            join pg_roles g on g.oid = m.roleid where r.rolname = %s and not m.admin_option"""


@pytest.fixture
def server(folder: Path) -> Iterator[Postgres]:
    """One whose groups a migration could have made."""
    with Postgres.start(folder, durable=False) as server:
        with psycopg.connect(server.url) as connection:
            for role in SERVICE_ROLES:
                connection.execute(f"create role creatorscout_{role} nologin")
        yield server


def test_a_service_logs_in_as_a_member_of_its_group_and_nothing_more(server: Postgres) -> None:
    """Again it changes nothing, and what somebody raised by hand is set back."""
    make_service_roles(server)
    urls = {role: server.database_url(DATABASE, role) for role in SERVICE_ROLES}
    with psycopg.connect(server.url) as connection:
        connection.execute("alter role worker superuser createdb createrole bypassrls replication password 'guess'")
    make_service_roles(server)
    for role, url in urls.items():
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_user").fetchone() == (role,)
            assert connection.execute(RIGHTS, [role]).fetchone() == (True, True, *[False] * 5)
            assert connection.execute(GROUPS, [role]).fetchall() == [(f"creatorscout_{role}",)]
    assert urls == {role: server.database_url(DATABASE, role) for role in SERVICE_ROLES}


def test_only_who_reads_a_roles_password_file_gets_in(server: Postgres) -> None:
    make_service_roles(server)
    for role in SERVICE_ROLES:
        assert stat.S_IMODE((server.folder / f"password-{role}").stat().st_mode) == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://{role}:guess@127.0.0.1:{server.port}/{DATABASE}")
    assert len({server.password(), *map(server.password, SERVICE_ROLES)}) == 5
