"""Whether Postgres answers."""

from common.db.pool import Connection


async def ping(connection: Connection) -> None:
    await connection.execute("select 1")
