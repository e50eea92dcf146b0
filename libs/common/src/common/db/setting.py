"""Dynamic settings as they are stored."""

from typing import Any

from common.db.pool import Connection


async def read_settings(connection: Connection) -> dict[str, dict[str, Any]]:
    """Category → key → value, for what differs from the defaults."""
    cursor = await connection.execute("select category, key, value from system_settings")
    values: dict[str, dict[str, Any]] = {}
    for category, key, value in await cursor.fetchall():
        values.setdefault(category, {})[key] = value
    return values
