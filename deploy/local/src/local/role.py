"""The roles as which the services connect to the embedded Postgres.

Each is a login without any of a superuser's rights and a member of the group of its name, which the migration makes. So
what a service may not do with its grants it cannot do here either.
"""

import psycopg
from psycopg import sql

from local.postgres import Postgres

SERVICE_ROLES = ("gateway", "webhook", "worker", "operator")
_RIGHTS = "login inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls"


def make_service_roles(server: Postgres) -> None:
    """Make what is missing and set right what is there; safe to repeat. A migration has to have made the groups."""
    with psycopg.connect(server.url) as connection:
        for role in SERVICE_ROLES:
            _make(connection, role, server.password(role))


def _make(connection: psycopg.Connection, role: str, password: str) -> None:
    name, group = sql.Identifier(role), sql.Identifier(f"creatorscout_{role}")
    if connection.execute("select from pg_roles where rolname = %s", [role]).fetchone() is None:
        connection.execute(sql.SQL("create role {}").format(name))
    rights = sql.SQL("alter role {} with {} password {}").format(name, sql.SQL(_RIGHTS), sql.Literal(password))
    connection.execute(rights)
    connection.execute(sql.SQL("grant {} to {}").format(group, name))
