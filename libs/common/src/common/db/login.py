"""As whom we connect: whoever row-level security does not bind has one wall less, and must not serve anybody."""

from psycopg.rows import class_row

from common.db.pool import Connection, Database
from common.domain.model import Model
from common.errors import ConfigurationError
from common.settings import DatabaseSettings


class Login(Model):
    """What our role may, by itself or as a member of another."""

    is_superuser: bool
    is_bypassing: bool
    is_owner: bool


async def read_login(connection: Connection) -> Login:
    async with connection.cursor(row_factory=class_row(Login)) as cursor:
        await cursor.execute(
            """select coalesce(bool_or(r.rolsuper), false) as is_superuser,
                   coalesce(bool_or(r.rolbypassrls), false) as is_bypassing,
                   exists (select from pg_class c where c.relnamespace = 'public'::regnamespace
                           and c.relkind in ('r', 'p') and pg_has_role(c.relowner, 'member')) as is_owner
               from pg_roles r where pg_has_role(r.oid, 'member')"""
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def check_login(database: Database, settings: DatabaseSettings) -> None:
    """Raises ConfigurationError if nothing binds our role; on loopback anything goes."""
    if settings.is_on_loopback:
        return
    async with database.connection() as connection:
        login = await read_login(connection)
    if login.is_superuser or login.is_bypassing or login.is_owner:
        raise ConfigurationError(
            "DATABASE_URL: its role is a superuser, goes round row-level security or owns the tables; "
            "it has to be a login of the service's own"
        )
